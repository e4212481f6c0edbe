"""Exported files are proven by reading them back; what is whole stays, what is not ours is never touched."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import phantoms
from conformance.corpus import small_studies
from filesets import as_file
from vna.archive import HeldInstance
from vna.errors import Damaged, OutOfResources
from vna.model import InstanceKey, InstanceUID, SeriesUID, StudyUID
from vna.transfer.part10_files import Part10File
from vna.transfer.targets import FolderTarget, InTheWay, ZipTarget

(INSTANCE, OTHER) = small_studies(2)
PATH = "P/S/1.dcm"


def _file(data: bytes = INSTANCE.data, *, came_so: bool = True, version: bytes = b"") -> Part10File:
    syntax = INSTANCE.transfer_syntax
    key = InstanceKey(StudyUID("1.2"), SeriesUID("1.2.1"), InstanceUID(INSTANCE.sop_instance_uid))
    digest = hashlib.sha256(syntax.encode() + b"\0" + data).hexdigest()
    head = phantoms.part10_head(INSTANCE.sop_class_uid, INSTANCE.sop_instance_uid, syntax)
    held = HeldInstance(1, key, INSTANCE.sop_class_uid, syntax, len(data), 1, digest)
    return Part10File(held, head + version, came_so)


def _chunks(data: bytes = INSTANCE.data) -> Iterator[bytes]:
    return iter((data[:10], data[10:]))


def test_a_file_is_written_proven_and_kept_the_next_time(tmp_path: Path) -> None:
    target, file = FolderTarget(tmp_path), _file()

    assert target.existing(PATH, file) is None
    start = target.put(PATH, file, _chunks())
    target.finish()

    assert (tmp_path / PATH).read_bytes() == file.head + INSTANCE.data == start
    assert target.existing(PATH, file) == start
    assert [path.name for path in (tmp_path / "P" / "S").iterdir()] == ["1.dcm"]


def test_bytes_that_are_not_those_held_get_no_name(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        FolderTarget(tmp_path).put(PATH, _file(), _chunks(OTHER.data))

    assert list((tmp_path / "P" / "S").iterdir()) == []


def test_a_reader_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield INSTANCE.data[:10]
        raise Damaged("a blob is lost")

    with pytest.raises(Damaged):
        FolderTarget(tmp_path).put(PATH, _file(), broken())

    assert list((tmp_path / "P" / "S").iterdir()) == []


@pytest.mark.parametrize("cut", [slice(-1), slice(0, 400)], ids=["last byte", "most"])
def test_a_damaged_file_of_the_same_instance_is_to_be_written_again(tmp_path: Path, cut: slice) -> None:
    target, file = FolderTarget(tmp_path), _file()
    target.put(PATH, file, _chunks())
    (tmp_path / PATH).write_bytes((file.head + INSTANCE.data)[cut])

    assert target.existing(PATH, file) is None


def test_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    target, file = FolderTarget(tmp_path), _file()
    target.put(PATH, file, _chunks())
    data = bytearray((tmp_path / PATH).read_bytes())
    data[-3] ^= 1
    (tmp_path / PATH).write_bytes(data)

    assert target.existing(PATH, file) is None


@pytest.mark.parametrize("data", [b"a letter", as_file(OTHER)], ids=["no DICOM", "another instance"])
def test_a_file_that_is_not_ours_is_never_touched(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "P" / "S").mkdir(parents=True)
    (tmp_path / PATH).write_bytes(data)

    with pytest.raises(InTheWay):
        FolderTarget(tmp_path).existing(PATH, _file())

    assert (tmp_path / PATH).read_bytes() == data


def test_another_head_than_the_one_it_came_with_does_not_verify(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path)
    target.put(PATH, _file(version=b"\2\0\x13\0SH\2\0V1"), _chunks())

    assert target.existing(PATH, _file(version=b"\2\0\x13\0SH\2\0V2")) is None


def test_our_own_head_of_another_release_is_as_good(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path)
    target.put(PATH, _file(version=b"\2\0\x13\0SH\2\0V1"), _chunks())

    assert target.existing(PATH, _file(came_so=False, version=b"\2\0\x13\0SH\4\0V2.1"))


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "P").write_bytes(b"a file where a folder should be")

    with pytest.raises(OutOfResources):
        FolderTarget(tmp_path).put(PATH, _file(), _chunks())


def test_two_versions_of_the_same_bytes_are_two_files(tmp_path: Path) -> None:
    target, file = FolderTarget(tmp_path), _file()
    first, second = (target.put(f"P/{name}", file, _chunks()) for name in ("a.dcm", "a.v2.dcm"))

    assert first == second
    assert sorted(path.name for path in (tmp_path / "P").iterdir()) == ["a.dcm", "a.v2.dcm"]


def test_a_zip_appears_when_it_is_whole(tmp_path: Path) -> None:
    target, file = ZipTarget(tmp_path / "x.zip"), _file()

    start = target.put(PATH, file, _chunks())
    target.put_directory(b"directory")
    assert not (tmp_path / "x.zip").exists()
    assert target.finish() == []

    assert start == file.head + INSTANCE.data
    with zipfile.ZipFile(tmp_path / "x.zip") as opened:
        assert opened.namelist() == [PATH, "DICOMDIR"]
        assert opened.read(PATH) == file.head + INSTANCE.data
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_a_large_member_is_not_held_in_memory(tmp_path: Path) -> None:
    data = INSTANCE.data + bytes(9_000_000)
    target, file = ZipTarget(tmp_path / "x.zip"), _file(data)

    target.put(PATH, file, _chunks(data))

    assert target.finish() == []
    with zipfile.ZipFile(tmp_path / "x.zip") as opened:
        assert opened.read(PATH) == file.head + data


def test_a_zip_with_a_wrong_member_is_told_and_gets_no_name(tmp_path: Path) -> None:
    target = ZipTarget(tmp_path / "x.zip")
    target.put(PATH, _file(), _chunks(OTHER.data))

    assert target.finish() == [PATH]
    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_is_abandoned_leaves_nothing(tmp_path: Path) -> None:
    target = ZipTarget(tmp_path / "x.zip")
    target.put(PATH, _file(), _chunks())

    target.abandon()

    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"precious")

    with pytest.raises(InTheWay):
        ZipTarget(tmp_path / "x.zip")
