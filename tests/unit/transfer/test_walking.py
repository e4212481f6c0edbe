"""Folders are gone through wholly, once, and safely."""

import os
from pathlib import Path

from filesets import write
from vna.transfer.units import Fate, Verdict, WholeFile
from vna.transfer.walking import walk


def _names(root: Path, *paths: Path) -> list[str]:
    found = list(walk(paths or (root,)))
    assert all(isinstance(each, WholeFile) for each in found)
    return [str(Path(each.path).relative_to(root)) for each in found if isinstance(each, WholeFile)]


def test_every_file_is_found_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path, {"b/2": b"", "b/1/x": b"", "a": b"", "c": b"", ".hidden": b""})

    assert _names(tmp_path) == [".hidden", "a", "b/1/x", "b/2", "c"]


def test_sizes_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"12345"})

    (found,) = walk([tmp_path])

    assert isinstance(found, WholeFile)
    assert found.size == 5


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path, {"a/file": b""})
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "itself").symlink_to(tmp_path / "a" / "itself")

    found = list(walk([tmp_path]))

    assert [each.path for each in found if isinstance(each, WholeFile)] == [str(tmp_path / "a" / "file")]
    (failure,) = [each for each in found if isinstance(each, Verdict)]
    assert failure.fate is Fate.FAILED


def test_a_folder_linked_from_elsewhere_is_followed_once(tmp_path: Path) -> None:
    write(tmp_path, {"outside/file": b"", "in/x": b""})
    for name in ("one", "two"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "outside")

    assert _names(tmp_path, tmp_path / "in") == ["in/one/file", "in/x"]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    (told,) = walk([tmp_path])

    assert isinstance(told, Verdict)
    assert told.fate is Fate.NOT_DICOM


def test_what_is_gone_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")

    (told,) = walk([tmp_path])

    assert isinstance(told, Verdict)
    assert (told.fate, "No such file" in told.reason) == (Fate.FAILED, True)
