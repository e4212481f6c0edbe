"""The files a DICOMDIR names are found, however the medium is mounted, and none outside."""

import struct
from pathlib import Path

import pytest

from conformance import phantoms
from filesets import write
from vna.errors import CannotUnderstand
from vna.media import MEDIA_STORAGE_DIRECTORY
from vna.transfer.dicomdir import locate, read_dicomdir
from vna.transfer.planning import files, is_dicomdir
from vna.transfer.units import Fate, Verdict, WholeFile

EXPLICIT_LE = "1.2.840.10008.1.2.1"


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 4, number, vr, len(value)) + value


def _record(file_id: bytes, *, in_use: int = 0xFFFF) -> bytes:
    offset = _element(0x1400, b"UL", bytes(4))
    return offset + _element(0x1410, b"US", struct.pack("<H", in_use)) + _element(0x1500, b"CS", file_id)


def _dicomdir(*records: bytes) -> bytes:
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(record)) + record for record in records)
    head = phantoms.part10_head(MEDIA_STORAGE_DIRECTORY, "1.2.3", EXPLICIT_LE)
    return head + struct.pack("<HH2sHI", 4, 0x1220, b"SQ", 0, len(items)) + items


def test_the_records_in_use_are_followed(tmp_path: Path) -> None:
    records = _record(b"DICOM\\A"), _record(b""), _record(b"GONE", in_use=0), _record(b"DICOM\\B ")
    write(tmp_path, {"DICOMDIR": _dicomdir(*records)})

    assert list(read_dicomdir(tmp_path / "DICOMDIR")) == [("DICOM", "A"), ("DICOM", "B")]


def test_a_path_that_is_a_dicomdir_stands_for_the_files_it_names(tmp_path: Path) -> None:
    directory = _dicomdir(_record(b"IN\\A "), _record(b"IN\\B "), _record(b"..\\X "))
    write(tmp_path, {"DICOMDIR": directory, "IN/A": b"", "IN/other": b""})

    told, first, *failures = files([tmp_path / "DICOMDIR"])

    assert isinstance(told, Verdict)
    assert told.fate is Fate.DIRECTORY
    assert isinstance(first, WholeFile)
    assert first.path == str(tmp_path / "IN" / "A")
    reasons = [each.reason for each in failures if isinstance(each, Verdict) and each.fate is Fate.FAILED]
    assert len(reasons) == 2
    assert "not there" in reasons[0]
    assert "no path below" in reasons[1]


def test_a_folder_with_a_dicomdir_is_simply_walked(tmp_path: Path) -> None:
    write(tmp_path, {"DICOMDIR": _dicomdir(_record(b"IN\\A ")), "IN/A": b"", "IN/other": b""})

    assert len(list(files([tmp_path]))) == 3


@pytest.mark.parametrize("name", ["IMG1", "img1", "IMG1.;1", "img1;1"])
def test_names_are_found_as_media_are_mounted(tmp_path: Path, name: str) -> None:
    write(tmp_path, {f"dicom/{name}": b""})

    assert locate(tmp_path, ("DICOM", "IMG1")) == tmp_path / "dicom" / name


@pytest.mark.parametrize("file_id", [("..", "A"), ("",), (".",), ("A/B",), ("/", "A")], ids=str)
def test_a_file_id_cannot_lead_outside(tmp_path: Path, file_id: tuple[str, ...]) -> None:
    with pytest.raises(CannotUnderstand):
        locate(tmp_path / "inner", file_id)


def test_a_damaged_dicomdir_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"DICOMDIR": _dicomdir(_record(b"IN\\A "))[:-3]})

    assert is_dicomdir(tmp_path / "DICOMDIR")
    *_, verdict = files([tmp_path / "DICOMDIR"])
    assert isinstance(verdict, Verdict)
    assert verdict.fate is Fate.DAMAGED
