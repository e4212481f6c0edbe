"""What a decoder fills in without a word is noticed: a JPEG stream that ends too early is no picture."""

import imagecodecs
import numpy as np
import pytest

from vna.pixels.codecs import JPEG_BASELINE_UID
from vna.pixels.decoding import NotDecoded, decode_frame
from vna.pixels.image import Image
from vna.pixels.streams import ends_in_background, jpeg_scan

LOSSLESS = "1.2.840.10008.1.2.4.70"
EXTENDED = "1.2.840.10008.1.2.4.51"


def picture(bits: int, samples: int = 1, *, background: bool = False) -> tuple[np.ndarray, Image]:
    """Return noise, in the middle of a background or to the edges, and the image it is."""
    shape = (64, 64, samples)[: 2 + (samples > 1)]
    cells = np.random.default_rng(7).integers(0, 1 << bits, shape).astype(np.uint8 if bits == 8 else np.uint16)
    if background:
        cells[:8], cells[-8:], cells[:, :8], cells[:, -8:] = 0, 0, 0, 0
    allocated = 8 if bits == 8 else 16
    photometric = "RGB" if samples == 3 else "MONOCHROME2"
    return cells, Image(64, 64, samples, allocated, bits, bits - 1, False, photometric, by_plane=False)


KINDS = {
    "grey": (JPEG_BASELINE_UID, 8, 1, {"level": 90}),
    "colour": (JPEG_BASELINE_UID, 8, 3, {"level": 90, "subsampling": "420"}),
    "12 bits": (EXTENDED, 12, 1, {"level": 90, "bitspersample": 12}),
    "lossless": (LOSSLESS, 16, 1, {"lossless": True, "bitspersample": 16, "predictor": 1}),
    "lossless, other predictor": (LOSSLESS, 12, 1, {"lossless": True, "bitspersample": 12, "predictor": 7}),
}


@pytest.mark.parametrize("background", [False, True], ids=["to the edges", "background"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_stream_is_decoded_and_one_that_was_cut_is_refused(kind: str, *, background: bool) -> None:
    transfer_syntax, bits, samples, how = KINDS[kind]
    cells, image = picture(bits, samples, background=background)
    stream = imagecodecs.jpeg8_encode(cells, **how)
    cut = stream[: len(stream) // 2].rstrip(b"\xff") + b"\xff\xd9"

    whole = decode_frame(stream, transfer_syntax, image)

    assert len(whole.frame) == image.frame_bytes
    with pytest.raises(NotDecoded, match="ends before its last pixels"):
        decode_frame(cut, transfer_syntax, image)


def test_a_marker_in_the_middle_of_coded_data_is_refused() -> None:
    cells, image = picture(8)
    stream = bytearray(imagecodecs.jpeg8_encode(cells, level=90))
    stream[len(stream) // 2 : len(stream) // 2 + 2] = b"\xff\xd9"

    with pytest.raises(NotDecoded, match="ends before its last pixels"):
        decode_frame(bytes(stream), JPEG_BASELINE_UID, image)


@pytest.mark.parametrize("kind", ["grey", "lossless"])
def test_a_stream_that_was_cut_in_the_background_above_the_picture_is_refused(kind: str) -> None:
    transfer_syntax, bits, samples, how = KINDS[kind]
    cells, image = picture(bits, samples)
    cells[:48] = 0
    stream = imagecodecs.jpeg8_encode(cells, **how)
    scan = jpeg_scan(stream)
    above = stream[: scan.start + (4 if kind == "grey" else 40)] + b"\xff\xd9"

    assert len(decode_frame(stream, transfer_syntax, image).frame) == image.frame_bytes
    with pytest.raises(NotDecoded, match="ends before its last pixels"):
        decode_frame(above, transfer_syntax, image)


@pytest.mark.parametrize("kind", KINDS)
def test_a_background_is_told_from_a_cut_by_its_codes_alone(kind: str) -> None:
    _, bits, samples, how = KINDS[kind]
    edges, image = picture(bits, samples)
    background = np.pad(edges, [(0, 32), (0, 32), (0, 0)][: edges.ndim])

    streams = [imagecodecs.jpeg8_encode(cells, **how) for cells in (edges, background)]

    found = [ends_in_background(stream, jpeg_scan(stream), image.frame_cells // 64) for stream in streams]
    assert found == [False, True]
