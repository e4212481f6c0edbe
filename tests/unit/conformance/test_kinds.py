"""Phantoms of further kinds are what they claim to be, in pydicom's eyes, and always the same."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless

from conformance import codestreams, kinds, phantoms

CT = phantoms.ct_slice(size=16)
EVERY: dict[str, Callable[[], Dataset]] = {
    "mammogram": kinds.mammogram,
    "enhanced-ct": kinds.enhanced_ct,
    "segmentation": lambda: kinds.segmentation(CT),
    "whole-slide": kinds.whole_slide,
    "ecg": kinds.ecg,
    "structure-set": lambda: kinds.structure_set(CT),
}


def _read_back(ds: Dataset) -> Dataset:
    return dcmread(BytesIO(phantoms.part10(ds)))


@pytest.mark.parametrize("name", EVERY)
def test_a_phantom_is_read_back_with_its_name(name: str) -> None:
    ds = EVERY[name]()

    assert _read_back(ds).SOPInstanceUID == ds.SOPInstanceUID


@pytest.mark.parametrize("name", EVERY)
def test_the_same_arguments_give_the_same_bytes(name: str) -> None:
    assert phantoms.part10(EVERY[name]()) == phantoms.part10(EVERY[name]())


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mammogram", (64, 64)),
        ("enhanced-ct", (3, 32, 32)),
        ("segmentation", (32, 32)),
        ("whole-slide", (4, 32, 32, 3)),
    ],
)
def test_an_image_has_the_pixels_it_says(name: str, shape: tuple[int, ...]) -> None:
    assert _read_back(EVERY[name]()).pixel_array.squeeze().shape == shape


def test_a_segmentation_is_the_body() -> None:
    mask = _read_back(kinds.segmentation(CT)).pixel_array.squeeze()

    np.testing.assert_array_equal(mask, phantoms.chest(1, size=32) > -500)


@pytest.mark.parametrize("name", ["segmentation", "structure-set"])
def test_what_refers_to_an_image_lies_in_its_study(name: str) -> None:
    ds = EVERY[name]()

    assert (ds.StudyInstanceUID, ds.FrameOfReferenceUID) == (CT.StudyInstanceUID, CT.FrameOfReferenceUID)
    assert CT.SOPInstanceUID in ds.to_json()


def test_an_ecg_has_twelve_leads_that_differ() -> None:
    waves = _read_back(kinds.ecg()).waveform_array(0)

    assert waves.shape == (500, 12)
    assert len({wave.tobytes() for wave in waves.T}) == 12


@pytest.mark.parametrize("syntax", codestreams.SYNTAXES)
def test_a_compressed_image_is_one_frame_of_its_syntax(syntax: str) -> None:
    back = _read_back(codestreams.compressed_image(syntax, study=1))

    assert back.file_meta.TransferSyntaxUID == syntax
    assert (back.Rows, back.Columns, back.SamplesPerPixel) == (8, 8, 1)


def test_compressed_images_decode() -> None:
    baseline, wedge = (
        _read_back(codestreams.compressed_image(syntax, study=1)).pixel_array
        for syntax in (JPEGBaseline8Bit, JPEGLSLossless)
    )

    np.testing.assert_array_equal(baseline, np.full((8, 8), 128))
    np.testing.assert_array_equal(wedge, np.add.outer(9 * np.arange(8), 17 * np.arange(8)))
