"""From the viewer's release to the files that are served."""

import gzip
from pathlib import Path

import pytest
import zstandard

from ohif_release import BUNDLE, release_files, write_release
from vna.console import viewer_files
from vna.errors import CannotUnderstand


def test_an_archive_that_is_not_the_release_is_refused_and_nothing_replaced(tmp_path: Path) -> None:
    archive, folder = write_release(tmp_path / "release.tgz"), tmp_path / "viewer"
    folder.mkdir()
    (folder / "index.html").write_text("as it was")

    with pytest.raises(CannotUnderstand, match="its digest is another"):
        viewer_files.install(archive, folder)

    assert (folder / "index.html").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release.tgz", "viewer"]


def test_the_release_replaces_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, folder = write_release(tmp_path / "release.tgz"), tmp_path / "share" / "viewer"
    folder.mkdir(parents=True)
    (folder / "old.js").write_text("old")
    monkeypatch.setattr(viewer_files, "check_integrity", lambda _archive: None)

    viewer_files.install(archive, folder)

    assert viewer_files.is_installed(folder)
    assert not (folder / "old.js").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["viewer"]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_release_that_cannot_be_unpacked_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = release_files() | {f"package/dist/{BUNDLE}": b"another build"}
    archive, folder = write_release(tmp_path / "release.tgz", files), tmp_path / "viewer"
    monkeypatch.setattr(viewer_files, "check_integrity", lambda _archive: None)

    with pytest.raises(CannotUnderstand, match="times, not"):
        viewer_files.install(archive, folder)

    assert [path.name for path in tmp_path.iterdir()] == ["release.tgz"]


def test_only_what_is_served_is_unpacked(tmp_path: Path) -> None:
    viewer_files.unpack(write_release(tmp_path / "release.tgz"), tmp_path / "viewer")

    found = {path.relative_to(tmp_path / "viewer").as_posix() for path in (tmp_path / "viewer").rglob("*.*")}
    assert "assets/favicon.png" in found
    assert not {name for name in found if "left out" in name or name.startswith(("ort", "sw", "app-config"))}
    assert (tmp_path / "viewer" / "LICENSE").read_bytes() == b"MIT"


def test_what_compresses_well_lies_beside_itself_compressed(tmp_path: Path) -> None:
    viewer_files.unpack(write_release(tmp_path / "release.tgz"), tmp_path)
    script = tmp_path / BUNDLE

    assert gzip.decompress(script.with_name(BUNDLE + ".gz").read_bytes()) == script.read_bytes()
    assert zstandard.decompress(script.with_name(BUNDLE + ".zst").read_bytes()) == script.read_bytes()
    assert not (tmp_path / "assets" / "favicon.png.gz").exists()


def test_a_folder_without_a_viewer_holds_none(tmp_path: Path) -> None:
    assert not viewer_files.is_installed(tmp_path)
