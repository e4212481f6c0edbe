"""The collection as a whole: what is in it, that it can be read, and that it can be made again."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from sample_data import klinikum
from sample_data.identity import Seed
from sample_data.sizes import SIZES

EXPECTED = {
    "CT Image Storage": 11,
    "Enhanced CT Image Storage": 1,
    "MR Image Storage": 10,
    "Computed Radiography Image Storage": 2,
    "Digital Mammography X-Ray Image Storage - For Presentation": 8,
    "Digital Mammography X-Ray Image Storage - For Processing": 4,
    "Ultrasound Image Storage": 2,
    "Ultrasound Multi-frame Image Storage": 1,
    "VL Whole Slide Microscopy Image Storage": 2,
    "Segmentation Storage": 2,
    "RT Structure Set Storage": 1,
    "Comprehensive 3D SR Storage": 1,
    "Basic Text SR Storage": 1,
    "Key Object Selection Document Storage": 1,
    "Grayscale Softcopy Presentation State Storage": 1,
    "12-lead ECG Waveform Storage": 2,
    "Encapsulated PDF Storage": 1,
}
"""How many of each kind the smallest collection has."""


def test_every_kind_of_object_is_there(files: dict[str, Dataset]) -> None:
    assert Counter(ds.SOPClassUID.name for ds in files.values()) == EXPECTED


def test_each_file_says_what_is_in_it(files: dict[str, Dataset]) -> None:
    for path, ds in files.items():
        assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID, path
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID, path


def test_every_instance_has_a_uid_of_its_own_and_every_uid_is_one(files: dict[str, Dataset]) -> None:
    uids = [element.value for ds in files.values() for element in ds.iterall() if element.VR == "UI" and element.value]

    assert len({ds.SOPInstanceUID for ds in files.values()}) == len(files)
    assert all(UID(uid).is_valid for uid in uids)


def test_a_series_lies_in_one_study_and_a_study_is_of_one_patient(files: dict[str, Dataset]) -> None:
    for inner, outer in (("SeriesInstanceUID", "StudyInstanceUID"), ("StudyInstanceUID", "PatientName")):
        pairs = {(ds[inner].value, ds[outer].value) for ds in files.values()}
        assert len(pairs) == len({ds[inner].value for ds in files.values()})


def test_all_pixels_can_be_decoded(files: dict[str, Dataset]) -> None:
    images = [ds for ds in files.values() if "PixelData" in ds]

    assert len(images) == 43
    for ds in images:
        assert ds.pixel_array.min() < ds.pixel_array.max()


def test_some_are_compressed(files: dict[str, Dataset]) -> None:
    names = {ds.file_meta.TransferSyntaxUID.name for ds in files.values()}

    assert names == {
        "Explicit VR Little Endian",
        "JPEG Baseline (Process 1)",
        "JPEG-LS Lossless Image Compression",
        "RLE Lossless",
    }


@pytest.mark.long
def test_the_command_line_makes_the_same_bytes_again(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "sample_data.make", str(tmp_path), "--size", "tiny", "--seed", "0"]

    subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"})

    assert _contents(tmp_path) == _contents(folder)


def test_another_seed_shares_no_uid(files: dict[str, Dataset]) -> None:
    others = list(klinikum.everything(Seed(1), SIZES["tiny"]))

    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert not {ds[keyword].value for ds in others} & {ds[keyword].value for ds in files.values()}


def test_nothing_that_is_made_up_is_left_to_chance(files: dict[str, Dataset]) -> None:
    """Libraries make UIDs up and take dates from the clock; none of either may remain."""
    for path, ds in files.items():
        for element in ds.iterall():
            assert not (element.VR == "UI" and str(element.value).startswith("1.2.826.0.1.3680043")), (path, element)
            if element.VR in ("DA", "DT") and element.value and element.keyword != "PatientBirthDate":
                assert str(element.value)[:8] == ds.StudyDate, (path, element)


@pytest.mark.parametrize("size", SIZES)
def test_every_stack_has_a_slice_through_the_nodule(size: str) -> None:
    chosen = SIZES[size]

    for stack in (chosen.thick, chosen.thin, chosen.prior, chosen.enhanced):
        assert 196.0 in stack.heights
        assert len(set(stack.heights)) == stack.count


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
