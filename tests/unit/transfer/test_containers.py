"""ZIP and TAR files are told by their bytes and looked into; what is broken in them is told."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from filesets import small_files, tar_of, write, zip_of
from vna.transfer.containers import START_BYTES, kind_of, units_in
from vna.transfer.units import Fate, Kind, TarMember, TarStream, Verdict, WholeFile, ZipMember

FILES = small_files(3)


def _units(folder: Path, name: str, data: bytes) -> list:
    path = write(folder, {name: data}) / name
    return list(units_in(WholeFile(str(path), len(data), 0), kind_of(data[:START_BYTES])))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zip_of(FILES), Kind.ZIP),
        (zip_of({}), Kind.ZIP),
        (tar_of(FILES), Kind.TAR),
        (tar_of(FILES, mode="w:gz"), Kind.GZIP),
        (tar_of(FILES, mode="w:bz2"), Kind.BZIP2),
        (tar_of(FILES, mode="w:xz"), Kind.XZ),
        (FILES["00000.dcm"], Kind.OTHER),
        (b"PK\x03\x04".ljust(128, b"\0") + b"DICM", Kind.OTHER),
        (b"", Kind.OTHER),
    ],
    ids=["zip", "empty zip", "tar", "gzip", "bzip2", "xz", "dicom", "dicom with the preamble of a zip", "empty"],
)
def test_a_file_is_what_its_first_bytes_say(data: bytes, kind: Kind) -> None:
    assert kind_of(data[:START_BYTES]) is kind


def test_a_zip_is_its_members(tmp_path: Path) -> None:
    units = _units(tmp_path, "x", zip_of({"folder/": b"", **FILES}))

    assert [type(unit) for unit in units] == [ZipMember] * 3
    assert [unit.name for unit in units] == list(FILES)
    assert [unit.number for unit in units] == [1, 2, 3]


def test_a_tar_is_its_files(tmp_path: Path) -> None:
    out = io.BytesIO(tar_of(FILES))
    with tarfile.open(fileobj=out, mode="a") as made:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "00000.dcm"
        made.addfile(link)

    units = _units(tmp_path, "x", out.getvalue())

    assert [type(unit) for unit in units] == [TarMember] * 3
    data = out.getvalue()
    assert [data[unit.offset : unit.offset + unit.size] for unit in units] == list(FILES.values())


def test_a_compressed_tar_is_one_unit(tmp_path: Path) -> None:
    (unit,) = _units(tmp_path, "x", tar_of(FILES, mode="w:gz"))

    assert isinstance(unit, TarStream)


def test_another_compressed_file_is_not_dicom(tmp_path: Path) -> None:
    (verdict,) = _units(tmp_path, "volume.nii.gz", gzip.compress(b"no tar in here" * 100))

    assert (verdict.fate, "no TAR" in verdict.reason) == (Fate.NOT_DICOM, True)


@pytest.mark.parametrize("name", FILES)
def test_a_compressed_dicom_file_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (verdict,) = _units(tmp_path, "x.gz", gzip.compress(FILES[name]))

    assert (verdict.fate, "unpack it first" in verdict.reason) == (Fate.FAILED, True)


def test_an_encrypted_member_is_a_failure_and_the_others_are_not(tmp_path: Path) -> None:
    data = bytearray(zip_of(FILES))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1  # general purpose bit 0 of the first entry (APPNOTE 4.4.4)

    first, *others = _units(tmp_path, "x.zip", bytes(data))

    assert (first.fate, "password" in first.reason) == (Fate.FAILED, True)
    assert [type(unit) for unit in others] == [ZipMember] * 2


@pytest.mark.parametrize(
    "data",
    [zip_of(FILES)[:-30], tar_of(FILES)[:2000], tar_of(FILES, mode="w:gz")[:20], b"BZh9" + b"?" * 600],
    ids=["zip", "tar", "gzip", "bzip2"],
)
def test_a_container_that_breaks_off_is_damaged(tmp_path: Path, data: bytes) -> None:
    *_, last = _units(tmp_path, "x", data)

    assert isinstance(last, Verdict)
    assert last.fate is Fate.DAMAGED


def test_a_broken_header_in_a_tar_is_not_taken_for_its_end(tmp_path: Path) -> None:
    data = bytearray(tar_of(FILES))
    second = data.index(b"00001.dcm")
    data[second + 148 : second + 156] = b"7777777\0"  # its checksum

    first, verdict = _units(tmp_path, "x.tar", bytes(data))

    assert isinstance(first, TarMember)
    assert (verdict.fate, "header" in verdict.reason) == (Fate.DAMAGED, True)


def test_a_member_without_a_name_is_damage_and_no_error_of_ours(tmp_path: Path) -> None:
    """`zipfile` of some Pythons looks at the last character of a name, also where there is none."""
    named = zip_of({"a": b"content"})
    central = named.index(b"PK\x01\x02")
    unnamed = named[: central + 28] + bytes(2) + named[central + 30 : central + 46] + named[central + 47 :]
    end = unnamed.index(b"PK\x05\x06")
    size = (end - central).to_bytes(4, "little")

    found = _units(tmp_path, "x", unnamed[: end + 12] + size + unnamed[end + 16 :])

    assert all(isinstance(each, ZipMember) or each.fate is Fate.DAMAGED for each in found)
