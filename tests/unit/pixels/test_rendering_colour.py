"""Colour: samples of every kind, palettes, and ICC profiles."""

from dataclasses import replace
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom import Dataset
from pydicom.pixels.processing import convert_color_space

from conformance import phantoms
from pictures import image, items, seen, subject
from vna.archive.rendering import task_of
from vna.dicom.tree import Leaf, Tree
from vna.pixels.rendering.lookup import BrokenTable, segmented
from vna.pixels.rendering.picture import render
from vna.pixels.rendering.request import MediaType, Options, Profile

COLOURS = np.random.default_rng(5).integers(0, 256, (6, 8, 3)).astype(np.uint8)


def test_rgb_is_shown_as_it_is() -> None:
    assert np.array_equal(seen(image(COLOURS)), COLOURS)


def test_colour_by_plane() -> None:
    ds = image(COLOURS, PlanarConfiguration=1)
    ds.PixelData = np.moveaxis(COLOURS, -1, 0).tobytes()

    assert np.array_equal(seen(ds), COLOURS)


def test_more_than_8_bits_a_channel_are_scaled() -> None:
    deep = COLOURS.astype(np.uint16) * 257

    assert np.array_equal(seen(image(deep)), COLOURS)
    assert seen(image(np.array([[[0, 2048, 4095]]], np.uint16), stored_bits=12)).tolist() == [[[0, 128, 255]]]
    assert seen(image(np.array([[[0, 2**31, 2**32 - 1]]], np.uint32))).tolist() == [[[0, 128, 255]]]


def test_luminance_and_chroma() -> None:
    """pydicom's conversion is the reference."""
    ds = image(COLOURS, PhotometricInterpretation="YBR_FULL")

    reference = convert_color_space(COLOURS, "YBR_FULL", "RGB").astype(int)
    assert np.abs(seen(ds) - reference).max() <= 1


def test_luminance_and_chroma_of_part_of_the_range() -> None:
    """PS3.3 C.7.6.3.1.2: black is 16, white is 235."""
    ds = image(np.array([[[16, 128, 128], [235, 128, 128]]], np.uint8), PhotometricInterpretation="YBR_PARTIAL_422")
    ds.PixelData = bytes((16, 235, 128, 128))

    assert seen(ds).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_chroma_that_two_pixels_share() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0] = (50, 100, 150), (60, 100, 150)
    pixels[1] = (200, 90, 30), (210, 90, 30)
    full = image(pixels, PhotometricInterpretation="YBR_FULL")
    shared = image(pixels, PhotometricInterpretation="YBR_FULL_422")
    shared.PixelData = bytes((50, 60, 100, 150, 200, 210, 90, 30))

    assert np.array_equal(seen(shared), seen(full))


def palette(ds: Dataset, entries: np.ndarray, bits: int, first: int = 0) -> Dataset:
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for channel, name in enumerate(("Red", "Green", "Blue")):
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [len(entries) % 65536, first, bits])
        ds.add_new(f"{name}PaletteColorLookupTableData", "OW", entries[:, channel].tobytes())
    return ds


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette(bits: int) -> None:
    entries = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 99, 199]])
    stored = (entries * (257 if bits == 16 else 1)).astype(np.uint16)
    ds = palette(image(np.array([[0, 100], [101, 250]], np.uint8)), stored, bits, first=99)

    assert seen(ds).tolist() == [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 99, 199]]]


def test_a_palette_of_bytes_that_says_it_has_16_bits() -> None:
    ds = palette(image(np.array([[0, 1]], np.uint8)), np.array([[1, 2, 3], [100, 200, 255]], np.uint16), 16)

    assert seen(ds).tolist() == [[[1, 2, 3], [100, 200, 255]]]


def test_a_palette_of_16_bit_pixels() -> None:
    entries = np.zeros((65536, 3), np.uint16)
    entries[40000] = 0xFFFF, 0x8080, 0
    ds = palette(image(np.array([[40000, 1]], np.uint16)), entries, 16)

    assert seen(ds).tolist() == [[[255, 128, 0], [0, 0, 0]]]


def segments(*numbers: int, count: int = 8, bits: int = 16) -> list[int]:
    kind = "<u2" if bits == 16 else "u1"
    values = {
        1: Leaf("US", np.array([count, 0, bits], "<u2").tobytes()),
        2: Leaf("OW", np.array(numbers, kind).tobytes()),
    }
    return segmented(Tree(values), signed=False, descriptor=1, data=2).entries.astype(int).tolist()


def test_segments_of_a_palette() -> None:
    """PS3.3 C.7.9.2: discrete, linear, and a reference to the first two by its offset in bytes."""
    assert segments(0, 2, 5, 10, 1, 2, 20, count=4) == [5, 10, 15, 20]
    assert segments(0, 2, 5, 10, 1, 2, 20, 2, 2, 0, 0) == [5, 10, 15, 20] * 2
    assert segments(0, 2, 5, 10, 1, 2, 20, 2, 2, 0, 0, 0, 0, bits=8) == [5, 10, 15, 20] * 2
    assert segments(0, 1, 100, 1, 3, 70, count=4) == [100, 90, 80, 70]


@pytest.mark.parametrize(
    "numbers",
    [(), (1, 2, 5), (7, 1, 1), (0, 9, 1), (0, 1, 5), (2, 1, 0, 0)],
    ids=lambda n: "-".join(map(str, n)) or "none",
)
def test_broken_segments(numbers: tuple[int, ...]) -> None:
    with pytest.raises(BrokenTable):
        segments(*numbers)


def test_a_segmented_palette_is_used() -> None:
    ds = image(np.array([[0, 1, 3]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [4, 0, 16])
        ds.add_new(
            f"Segmented{name}PaletteColorLookupTableData", "OW", np.array([0, 1, 0, 1, 3, 65535], "<u2").tobytes()
        )

    assert seen(ds).tolist() == [[[0] * 3, [85] * 3, [255] * 3]]


def test_an_image_without_its_palette_cannot_be_rendered() -> None:
    with pytest.raises(BrokenTable):
        seen(image(np.zeros((2, 2), np.uint8), PhotometricInterpretation="PALETTE COLOR"))


@cache
def swapped_profile() -> bytes:
    """Return a profile of RGB, with the time it was made, whose red and green are exchanged."""
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(srgb[128:132], "big")
    tags = {bytes(srgb[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, green = tags[b"rXYZ"] + 4, tags[b"gXYZ"] + 4
    srgb[red : red + 8], srgb[green : green + 8] = srgb[green : green + 8], srgb[red : red + 8]
    return bytes(srgb)


def file_of(ds: Dataset, profile: Profile, media_type: MediaType = MediaType.PNG) -> Image.Image:
    task = task_of(subject(ds), 1, Options(media_type, profile=profile))
    return Image.open(BytesIO(render(ds.PixelData, task)))


@pytest.mark.parametrize("media_type", [MediaType.PNG, MediaType.JPEG])
def test_the_profile_of_an_image_is_in_its_picture_unless_it_is_unwanted(media_type: MediaType) -> None:
    profile = swapped_profile()
    ds = image(COLOURS, ICCProfile=profile)

    assert file_of(ds, Profile.YES, media_type).info["icc_profile"] == profile
    assert "icc_profile" not in file_of(ds, Profile.NO, media_type).info


def test_a_picture_is_transformed_to_srgb() -> None:
    ds = image(np.full((2, 2, 3), (255, 0, 0), np.uint8), ICCProfile=swapped_profile())

    picture = file_of(ds, Profile.SRGB)

    red, green, _ = picture.getpixel((0, 0))
    assert green > 240 > 20 > red
    embedded = ImageCms.ImageCmsProfile(BytesIO(picture.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(embedded)


def test_the_profile_of_a_slide_is_that_of_its_optical_path() -> None:
    ds = image(COLOURS, OpticalPathSequence=items(ICCProfile=swapped_profile()))

    assert file_of(ds, Profile.YES).info["icc_profile"] == swapped_profile()


def test_a_broken_profile_is_left_out() -> None:
    ds = image(COLOURS, ICCProfile=b"no profile at all")

    assert "icc_profile" not in file_of(ds, Profile.YES).info
    assert np.array_equal(np.asarray(file_of(ds, Profile.SRGB)), COLOURS)


@pytest.mark.parametrize("media_type", list(MediaType))
@pytest.mark.parametrize("colour", [False, True])
def test_every_media_type_holds_the_picture(media_type: MediaType, colour: bool) -> None:
    pixels = phantoms.chest(1, size=64).astype(np.int32)
    grey = np.clip(pixels // 8, 0, 255).astype(np.uint8)
    ds = image(np.stack([grey, 255 - grey, grey], -1) if colour else grey)
    options = Options(media_type, quality=100)

    file = render(ds.PixelData, task_of(subject(ds), 1, options))
    smaller = render(ds.PixelData, task_of(subject(ds), 1, replace(options, quality=10)))

    expected = np.frombuffer(ds.PixelData, np.uint8).reshape(np.shape(grey) + ((3,) if colour else ()))
    if media_type is MediaType.JXL:
        assert file[:2] == b"\xff\x0a" or file[4:8] == b"JXL "
    else:
        with Image.open(BytesIO(file)) as opened:
            assert opened.get_format_mimetype() == media_type
            assert np.abs(np.asarray(opened.convert("RGB" if colour else "L")).astype(int) - expected).max() <= 40
    assert len(smaller) < len(file) or media_type in (MediaType.PNG, MediaType.GIF)


def test_a_picture_too_large_for_its_file_is_refused() -> None:
    ds = image(np.zeros((1, 65_535), np.uint8))

    with pytest.raises(ValueError, match="image/jpeg holds no more than"):
        render(ds.PixelData, task_of(subject(ds), 1, Options()))
