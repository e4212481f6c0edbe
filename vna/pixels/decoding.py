"""Decoding one compressed frame to a native one.

Runs in a codec process. What comes out has the dimensions the attributes say, cells of Bits Allocated with the sign
bit of signed pixels extended, and a Photometric Interpretation that uncompressed pixels can have (PS3.5 8.2): lossy
colour becomes RGB, and colour that was compressed as it was keeps its name.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from rle.utils import decode_segment  # type: ignore[attr-defined]

from vna.pixels.codecs import COMPRESSIONS, JPEG_XL_RECOMPRESSION_UID, Compression
from vna.pixels.image import SUBSAMPLED, Cells, Image, frame_of
from vna.pixels.streams import (
    Colour,
    StreamFacts,
    ends_in_background,
    jpeg_2000_facts,
    jpeg_facts,
    jpeg_filled,
    jpeg_ls_facts,
    jpeg_scan,
)

_BLOCK: Final = 64
"""Pixels of a block of JPEG."""
_RLE_HEADER: Final = 64
_MOST_SEGMENTS: Final = 15
_TRANSFORMED: Final = frozenset({"YBR_ICT", "YBR_RCT", "XYB"})
_JPEG_RECONSTRUCTION: Final = b"jbrd"


class NotDecoded(ValueError):
    """A frame that does not decode to what the attributes say; the message says why."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A native frame and its image; `lossy` is None where neither stream nor syntax tell."""

    frame: bytes
    image: Image
    lossy: bool | None


@dataclass(frozen=True, slots=True)
class _Samples:
    """What a codec gave: (rows, columns) or (rows, columns, samples), with the stream's own precision."""

    array: NDArray[np.integer[Any]]
    precision: int
    photometric: str
    signed: bool = False
    lossy: bool | None = None


def decode_frame(data: bytes, transfer_syntax: str, image: Image) -> Decoded:
    """Decode a frame, its fragments joined.

    Raises:
        NotDecoded: the stream is broken, or contradicts the attributes.
    """
    compression = COMPRESSIONS[transfer_syntax]
    try:
        if compression is Compression.RLE:
            return Decoded(_run_length(data, image), _colour_named(image, image.photometric), False)
        if compression is Compression.DEFLATED:
            return Decoded(_inflated(data, image), image, False)
        samples = _DECODERS[compression](data, image)
    except (ValueError, RuntimeError, IndexError, struct.error, zlib.error) as exc:
        raise NotDecoded(f"{compression.value}: {exc}") from exc
    if transfer_syntax == JPEG_XL_RECOMPRESSION_UID:
        samples = replace(samples, photometric=_rgb(image), lossy=True)
    described = _colour_named(replace(image, by_plane=False), samples.photometric)
    described = replace(described, high_bit=_high_bit(image, samples.precision))
    return Decoded(frame_of(_cells(samples, described), described), described, samples.lossy)


def _jpeg(data: bytes, image: Image) -> _Samples:
    facts = jpeg_facts(data)
    _check_dimensions(facts, image)
    held, wanted, photometric = _jpeg_colours(facts, image)
    decode = partial(imagecodecs.jpeg8_decode, colorspace=held, outcolorspace=wanted)
    array = decode(data)
    if _ends_alike(array):
        scan, units = jpeg_scan(data), image.rows * image.columns // (_BLOCK if facts.lossy else 1)
        if not (ends_in_background(data, scan, units) or np.array_equal(array, decode(jpeg_filled(data, scan)))):
            raise NotDecoded("the stream ends before its last pixels")
    return _Samples(array, facts.precision, photometric, lossy=facts.lossy)


def _jpeg_colours(facts: StreamFacts, image: Image) -> tuple[str | None, str | None, str]:
    """Return which colours a stream holds, which are wanted, and the Photometric Interpretation that comes out."""
    if image.samples == 1:
        return None, None, image.photometric
    is_rgb = facts.colour is Colour.RGB or (facts.colour is Colour.UNKNOWN and image.photometric == "RGB")
    if is_rgb or not facts.lossy:
        return "RGB", "RGB", "RGB" if facts.lossy else image.photometric
    return "YCBCR", "RGB", "RGB"


def _ends_alike(array: NDArray[np.integer[Any]]) -> bool:
    """Return whether the last pixels could be what libjpeg fills in, without a word, where a stream ends too early.

    A background is like that too: its codes tell, or else decoding a second time.
    """
    corner = array[-2:, -8:]
    return bool((corner == corner[-1]).all())


def _jpeg_ls(data: bytes, image: Image) -> _Samples:
    facts = jpeg_ls_facts(data)
    _check_dimensions(facts, image)
    return _Samples(imagecodecs.jpegls_decode(data), facts.precision, image.photometric, lossy=facts.lossy)


def _jpeg_2000(data: bytes, image: Image) -> _Samples:
    facts = jpeg_2000_facts(data)
    _check_dimensions(facts, image)
    array = imagecodecs.jpeg2k_decode(data, planar=False)
    return _Samples(array, facts.precision, image.photometric, facts.signed, facts.lossy)


def _jpeg_xl(data: bytes, image: Image) -> _Samples:
    array = imagecodecs.jpegxl_decode(data)
    photometric = _rgb(image) if _JPEG_RECONSTRUCTION in data[:256] else image.photometric
    return _Samples(array, image.bits_stored, photometric)


_DECODERS: Final[Mapping[Compression, Callable[[bytes, Image], _Samples]]] = {
    Compression.JPEG: _jpeg,
    Compression.JPEG_LS: _jpeg_ls,
    Compression.JPEG_2000: _jpeg_2000,
    Compression.HTJ2K: _jpeg_2000,
    Compression.JPEG_XL: _jpeg_xl,
}


def _run_length(data: bytes, image: Image) -> bytes:
    """Decode RLE (PS3.5 Annex G): one segment for each byte of a cell and each sample, high bytes first.

    Of single bits there are two habits: a byte a pixel, and bits packed as in native Pixel Data.
    """
    count, *offsets = struct.unpack_from(f"<{1 + _MOST_SEGMENTS}I", data)
    planes = max(image.bits_allocated // 8, 1) * image.samples
    if count != planes:
        raise NotDecoded(f"{count} segments where there should be {planes}")
    ends = [*offsets[1:count], len(data)]
    segments = [_segment(data, *place) for place in zip(offsets[:count], ends, strict=True)]
    if image.bits_allocated == 1:
        return _single_bits(segments[0], image)
    pixels = image.rows * image.columns
    if min(map(len, segments)) < pixels:
        raise NotDecoded(f"a segment of {min(map(len, segments))} bytes for {pixels} pixels")
    stacked = np.stack([np.frombuffer(each, np.uint8, count=pixels) for each in segments])
    words = stacked.reshape(image.samples, -1, pixels)[:, ::-1].transpose(0, 2, 1)
    cells = np.ascontiguousarray(words).view(f"<u{image.bits_allocated // 8}")[:, :, 0]
    return frame_of(cells.T.reshape(image.shape), image)


def _segment(data: bytes, start: int, end: int) -> bytes:
    if not _RLE_HEADER <= start <= end <= len(data):
        raise NotDecoded(f"a segment from {start} to {end} in a frame of {len(data)} bytes")
    return bytes(decode_segment(data[start:end]))


def _single_bits(segment: bytes, image: Image) -> bytes:
    if len(segment) >= image.frame_cells:
        bits = np.frombuffer(segment, np.uint8, count=image.frame_cells)
        return np.packbits(bits, bitorder="little").tobytes()
    return _exactly(segment, image)


def _inflated(data: bytes, image: Image) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    frame = stream.decompress(data, image.frame_bytes + 2)
    if not stream.eof and len(frame) <= image.frame_bytes:
        raise NotDecoded("the deflate stream does not end")
    return _exactly(frame, image)


def _exactly(frame: bytes, image: Image) -> bytes:
    """Return a frame without a byte of padding.

    Raises:
        NotDecoded: it has another length.
    """
    if not image.frame_bytes <= len(frame) <= image.frame_bytes + image.frame_bytes % 2:
        raise NotDecoded(f"{len(frame)} bytes for a frame of {image.frame_bytes}")
    return frame[: image.frame_bytes]


def _check_dimensions(facts: StreamFacts, image: Image) -> None:
    """Compare before anything is decoded: a header may promise more pixels than there is memory."""
    theirs, ours = (facts.rows, facts.columns, facts.components), (image.rows, image.columns, image.samples)
    if theirs != ours:
        said = "the stream holds {} x {} pixels of {} samples".format(*theirs)
        raise NotDecoded(said + ", the attributes say {} x {} of {}".format(*ours))


def _colour_named(image: Image, photometric: str) -> Image:
    """Name the colours as uncompressed pixels have them: what was subsampled or transformed for compression is not."""
    if image.samples == 3 and photometric in SUBSAMPLED:
        photometric = "YBR_FULL"
    elif image.samples == 3 and photometric in _TRANSFORMED:
        photometric = "RGB"
    return replace(image, photometric=photometric)


def _rgb(image: Image) -> str:
    return "RGB" if image.samples == 3 else image.photometric


def _high_bit(image: Image, precision: int) -> int:
    """Return High Bit of decoded cells: samples are aligned to the right, but for streams of whole cells."""
    return image.high_bit if precision > image.bits_stored else image.bits_stored - 1


def _cells(samples: _Samples, image: Image) -> Cells:
    """Fit the samples of a stream into cells.

    Streams of signed pixels have often unsigned samples, and seldom the other way round: the bits are right then, the
    sign is that of Pixel Representation. Samples of fewer bits than are stored have no sign bit, they are positive.
    """
    array = samples.array
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.shape != image.shape:
        raise NotDecoded(f"{array.shape} samples where the attributes say {image.shape}")
    width = max(image.bits_allocated, 8)
    if samples.precision > image.bits_allocated or array.itemsize * 8 > width:
        _check_range(array, samples, image)
    signed, unsigned = f"i{width // 8}", f"u{width // 8}"
    precision = min(samples.precision, image.bits_allocated)
    if image.signed and not samples.signed and precision >= image.bits_stored:
        cells = (array.astype(signed) << (width - precision)) >> (width - precision)
    elif samples.signed and not image.signed:
        cells = array.astype(signed).view(unsigned) & np.array((1 << precision) - 1, unsigned)
    else:
        cells = array.astype(signed if image.signed else unsigned, copy=False)
    return cells.view(unsigned)


def _check_range(array: NDArray[np.integer[Any]], samples: _Samples, image: Image) -> None:
    """See that samples of more bits than are allocated have values that fit all the same."""
    bits = image.bits_allocated
    low = -(1 << (bits - 1)) if samples.signed else 0
    high = (1 << (bits - 1 if samples.signed and image.signed else bits)) - 1
    if int(array.min()) < low or int(array.max()) > high:
        raise NotDecoded(f"samples of {samples.precision} bits do not fit {bits} allocated ones")
