"""`vna viewer install`."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from ohif_release import write_release
from vna.cli import main
from vna.console import viewer_files

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VNA_HTTP__VIEWER_DIR", str(tmp_path / "viewer"))
    return tmp_path / "viewer"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small release, taken for the pinned one."""
    made = write_release(tmp_path / "release.tgz")
    digest = b64encode(hashlib.sha512(made.read_bytes()).digest()).decode()
    monkeypatch.setattr(viewer_files, "INTEGRITY", f"sha512-{digest}")
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["viewer", "install", *map(str, arguments)])
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


def test_it_goes_where_the_settings_say_once(run: Run, archive: Path, folder: Path) -> None:
    first, again, forced = run(archive), run(archive), run(archive, "--again")

    assert viewer_files.is_installed(folder)
    assert [code for code, _, _ in (first, again, forced)] == [0, 0, 0]
    assert "already" in again[1]
    assert "already" not in first[1] + forced[1]


def test_an_archive_with_another_digest_is_refused(run: Run, archive: Path, folder: Path) -> None:
    archive.write_bytes(archive.read_bytes() + b"x")

    code, _, error = run(archive)

    assert (code, folder.exists()) == (1, False)
    assert "its digest is another" in error


def test_without_npm_it_says_what_else_can_be_done(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    code, _, error = run()

    assert (code, folder.exists()) == (1, False)
    assert "npm is missing" in error


def test_a_folder_that_cannot_be_written_is_said(run: Run, archive: Path, folder: Path) -> None:
    folder.write_text("a file")

    code, _, error = run(archive)

    assert code == 1
    assert str(folder) in error


def test_without_a_setting_it_goes_into_the_environment() -> None:
    assert viewer_files.default_folder().parts[-3:] == ("share", "vna", "viewer")
