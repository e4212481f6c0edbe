"""The phantoms are what they claim to be, in pydicom's eyes, and always the same."""

import zlib
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from conformance import phantoms

IMAGES = phantoms.every_image()


@pytest.mark.parametrize("name", IMAGES)
def test_a_file_is_read_back_with_the_same_names_and_pixels(name: str) -> None:
    ds = IMAGES[name]

    back = dcmread(BytesIO(phantoms.part10(ds)))

    assert back.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == back.SOPInstanceUID
    assert back.file_meta.TransferSyntaxUID == ds.file_meta.TransferSyntaxUID
    frames = (int(ds.get("NumberOfFrames", 1)),) if "NumberOfFrames" in ds else ()
    colours = (3,) if ds.SamplesPerPixel == 3 else ()
    assert back.pixel_array.shape == (*frames, ds.Rows, ds.Columns, *colours)


@pytest.mark.parametrize("name", IMAGES)
def test_a_file_ends_with_the_bytes_that_c_store_sends(name: str) -> None:
    assert phantoms.part10(IMAGES[name]).endswith(phantoms.data_set_bytes(IMAGES[name]))


def test_every_image_is_in_a_study_of_its_own() -> None:
    assert len({ds.StudyInstanceUID for ds in IMAGES.values()}) == len(IMAGES)


def test_the_same_arguments_give_the_same_bytes() -> None:
    once, again = (phantoms.data_set_bytes(phantoms.ct_slice(number=7, size=64)) for _ in range(2))

    assert once == again


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, ImplicitVRLittleEndian])
def test_pixels_are_the_same_in_every_uncompressed_syntax(syntax: str) -> None:
    ds = phantoms.in_syntax(phantoms.ct_slice(size=64), syntax)

    back = dcmread(BytesIO(phantoms.part10(ds)))

    np.testing.assert_array_equal(back.pixel_array, phantoms.chest(1, size=64))


def test_slices_of_a_series_differ_and_share_their_series() -> None:
    series = phantoms.ct_series(3, size=64)

    assert len({ds.PixelData for ds in series}) == len({ds.SOPInstanceUID for ds in series}) == 3
    assert len({ds.SeriesInstanceUID for ds in series}) == 1


def test_a_ct_slice_compresses_about_as_a_real_one_does() -> None:
    pixels = phantoms.ct_slice().PixelData

    # A real chest of the same size, 693_UNCR.dcm of pydicom-data, gives 2.74.
    assert 2.3 < len(pixels) / len(zlib.compress(pixels, 6)) < 3.2
