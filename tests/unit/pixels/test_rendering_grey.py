"""Grayscale: windows, tables and shapes, each against numbers worked out by hand (PS3.3 C.11, PS3.4 N.2.1)."""

import numpy as np
import pytest
from pydicom import Dataset, Sequence

from pictures import image, items, seen
from vna.pixels.rendering.request import Function, Window

RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)
HOUNSFIELD = (np.arange(256, dtype=np.int16) * 8 - 1024).reshape(16, 16)


def linear(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1, as it is written there, for 0 to 255."""
    shown = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    shown = np.where(values <= center - 0.5 - (width - 1) / 2, 0, shown)
    return np.where(values > center - 0.5 + (width - 1) / 2, 255, shown)


def assert_like(picture: np.ndarray, expected: np.ndarray) -> None:
    assert picture.shape == expected.shape
    assert np.abs(picture - expected).max() <= 0.5001


def test_the_window_of_an_image_is_behind_its_rescale() -> None:
    ds = image(HOUNSFIELD, RescaleSlope="0.5", RescaleIntercept="-100", WindowCenter="40", WindowWidth="400")

    assert_like(seen(ds), linear(HOUNSFIELD * 0.5 - 100, 40, 400))


def test_of_several_windows_the_first_one_counts() -> None:
    ds = image(RAMP, WindowCenter=["1000", "3000"], WindowWidth=["500", "100"])

    assert_like(seen(ds), linear(RAMP, 1000, 500))


def test_a_window_that_is_none_is_passed_over() -> None:
    ds = image(RAMP, WindowCenter=["0", "2000"], WindowWidth=["0", "800"])

    assert_like(seen(ds), linear(RAMP, 2000, 800))


def test_a_window_asked_for_goes_before_that_of_the_image() -> None:
    ds = image(RAMP, WindowCenter="1000", WindowWidth="500")

    assert_like(seen(ds, window=Window(3000, 1000)), linear(RAMP, 3000, 1000))


def test_functions_of_windows() -> None:
    ds = image(RAMP)
    values = RAMP.astype(float)

    exact = seen(ds, window=Window(2048, 1000, Function.LINEAR_EXACT))
    sigmoid = seen(ds, window=Window(2048, 1000, Function.SIGMOID))
    narrowest = seen(ds, window=Window(2048, 1))

    assert_like(exact, np.clip((values - 2048) / 1000 + 0.5, 0, 1) * 255)
    assert_like(sigmoid, 255 / (1 + np.exp(-4 * (values - 2048) / 1000)))
    assert_like(narrowest, np.where(values > 2047.5, 255, 0))


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID", "UNHEARD_OF"])
def test_the_function_an_image_names(function: str) -> None:
    ds = image(RAMP, WindowCenter="2048", WindowWidth="1000", VOILUTFunction=function)
    known = Function(function) if function in list(Function) else Function.LINEAR

    assert np.array_equal(seen(ds), seen(image(RAMP), window=Window(2048, 1000, known)))


@pytest.mark.parametrize(
    ("width", "function"), [(0.5, Function.LINEAR), (0, Function.SIGMOID), (float("nan"), Function.LINEAR)]
)
def test_a_window_has_a_width(width: float, function: Function) -> None:
    with pytest.raises(ValueError, match="width"):
        Window(0, width, function)


def test_without_a_window_few_bits_are_shown_as_they_are() -> None:
    pixels = np.arange(64, 192, dtype=np.uint8).reshape(8, 16)

    assert np.array_equal(seen(image(pixels)), pixels)


def test_without_a_window_many_bits_are_spread_over_the_range_they_have() -> None:
    pixels = np.array([[1000, 1500], [1750, 2000]], np.uint16)

    assert seen(image(pixels)).tolist() == [[0, 128], [191, 255]]


def test_an_image_of_one_value_is_black() -> None:
    assert not seen(image(np.full((4, 4), 777, np.uint16))).any()


def test_padding_is_black_and_does_not_count() -> None:
    pixels = np.array([[-2000, 0], [500, 1000]], np.int16)

    assert seen(image(pixels, PixelPaddingValue=-2000)).tolist() == [[0, 0], [128, 255]]
    ds = image(pixels, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1500, PhotometricInterpretation="MONOCHROME1")
    assert seen(ds).tolist() == [[0, 255], [128, 0]]


@pytest.mark.parametrize(
    "attributes", [{"PhotometricInterpretation": "MONOCHROME1"}, {"PresentationLUTShape": "INVERSE"}]
)
def test_inverse_images(attributes: dict[str, str]) -> None:
    pixels = np.arange(0, 256, dtype=np.uint8).reshape(16, 16)

    assert np.array_equal(seen(image(pixels, **attributes)), 255 - pixels.astype(int))


def test_signed_bits_that_lie_high_in_their_cells() -> None:
    """12 bits stored from bit 4 on, and rubbish below them."""
    values = np.array([[-2048, -1], [0, 2047]], np.int16)
    cells = ((values.astype(np.int32) << 4) & 0xFFF0 | 0x5).astype(np.uint16)
    ds = image(cells, stored_bits=12, HighBit=15, PixelRepresentation=1, WindowCenter="0", WindowWidth="4096")

    assert_like(seen(ds), linear(values, 0, 4096))


@pytest.mark.parametrize("bits", [1, 2, 7, 9, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_any_number_of_bits_stored(bits: int, signed: bool) -> None:
    low = -(1 << (bits - 1)) if signed else 0
    values = np.array([[low, low + (1 << bits) - 1]], np.int32)
    cells = values.astype(np.uint16) if bits > 8 else values.astype(np.uint8)
    ds = image(cells, stored_bits=bits, PixelRepresentation=int(signed))

    assert seen(ds).tolist() == [[0, 255]]


def test_32_bits() -> None:
    pixels = np.array([[-(2**31), 0], [2**30, 2**31 - 1]], np.int32)

    assert seen(image(pixels)).tolist() == [[0, 128], [191, 255]]


def lut(first: int, entries: list[int], bits: int, *, vr: str = "US", packed: bool = False) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries), first, bits])
    item.add_new("LUTData", "OW", np.array(entries, np.uint8 if packed else np.uint16).tobytes())
    return item


def test_a_modality_lut() -> None:
    pixels = np.array([[0, 1], [2, 99]], np.uint8)
    ds = image(
        pixels, ModalityLUTSequence=Sequence([lut(1, [100, 200, 300], 16)]), WindowCenter="200.5", WindowWidth="201"
    )

    assert seen(ds).tolist() == [[0, 0], [128, 255]]


@pytest.mark.parametrize(("bits", "packed"), [(16, False), (12, False), (8, False), (8, True)])
def test_a_voi_lut(bits: int, packed: bool) -> None:
    top = (1 << bits) - 1
    table = lut(10, [0, top // 3, top, top // 2], bits, packed=packed)
    ds = image(np.array([[0, 10], [11, 12], [13, 200]], np.uint8), VOILUTSequence=Sequence([table]))

    assert np.abs(seen(ds) - [[0, 0], [85, 255], [127, 127]]).max() <= 1


def test_the_first_value_of_a_voi_lut_may_have_a_sign() -> None:
    """Behind a rescale to negative values, though the VR says unsigned."""
    pixels = np.array([[0, 1], [2, 3]], np.uint16)
    table = lut(0x10000 - 1024, [0, 100, 200, 255], 8)
    ds = image(pixels, RescaleSlope="1", RescaleIntercept="-1024", VOILUTSequence=Sequence([table]))

    assert seen(ds).tolist() == [[0, 100], [200, 255]]


def test_a_window_goes_before_a_table() -> None:
    ds = image(RAMP, VOILUTSequence=Sequence([lut(0, [0, 0], 8)]), WindowCenter="2000", WindowWidth="800")

    assert_like(seen(ds), linear(RAMP, 2000, 800))


def test_a_presentation_lut() -> None:
    ds = image(np.array([[0, 85, 170, 255]], np.uint8), PresentationLUTSequence=Sequence([lut(0, [255, 20, 10, 0], 8)]))

    assert seen(ds).tolist() == [[255, 20, 10, 0]]


def test_a_broken_table_is_passed_over() -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [1000, 0, 16])
    item.add_new("LUTData", "OW", b"\1\0")
    ds = image(np.array([[0, 255]], np.uint8), VOILUTSequence=Sequence([item]), ModalityLUTSequence=Sequence([item]))

    assert seen(ds).tolist() == [[0, 255]]


def test_functional_groups_are_those_of_the_frame() -> None:
    """What is shared holds for all frames; what is said of one frame goes before."""
    ds = image(np.array([[0], [100], [200]] * 2, np.uint16))
    ds.Rows, ds.NumberOfFrames = 3, 2
    shared = items(
        PixelValueTransformationSequence=items(RescaleSlope="2", RescaleIntercept="0"),
        FrameVOILUTSequence=items(WindowCenter="200.5", WindowWidth="401"),
    )
    of_second = items(FrameVOILUTSequence=items(WindowCenter="100.5", WindowWidth="201"))
    ds.SharedFunctionalGroupsSequence = shared
    ds.PerFrameFunctionalGroupsSequence = Sequence([Dataset(), of_second[0]])

    assert seen(ds, frame=1).tolist() == [[0], [128], [255]]
    assert seen(ds, frame=2).tolist() == [[0], [255], [255]]


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floating_point_pixels(keyword: str, kind: str) -> None:
    values = np.array([[-1.5, np.nan], [0.0, 1.5]])
    ds = image(np.zeros((2, 2), np.uint16))
    for absent in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, absent)
    ds.BitsAllocated = int(kind[2]) * 8
    setattr(ds, keyword, values.astype(kind).tobytes())

    assert seen(ds).tolist() == [[0, 0], [128, 255]]
    assert seen(ds, window=Window(0, 3, Function.LINEAR_EXACT)).tolist() == [[0, 0], [128, 255]]


def test_pixels_of_12_bits_that_share_bytes() -> None:
    """ACR-NEMA: two pixels in three bytes."""
    ds = image(np.zeros((2, 2), np.uint8), WindowCenter="2048", WindowWidth="4096")
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 12, 12, 11
    first, second, third, fourth = 0x000, 0xFFF, 0x800, 0x123
    pairs = [(first, second), (third, fourth)]
    ds.PixelData = b"".join(bytes((a & 0xFF, a >> 8 | (b & 0xF) << 4, b >> 4)) for a, b in pairs)
    ds["PixelData"].VR = "OW"

    assert_like(seen(ds), linear(np.array([[first, second], [third, fourth]]), 2048, 4096))
