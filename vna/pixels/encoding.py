"""Encoding one native frame without loss, and proving it: every stream is decoded again and compared.

Runs in a codec process. Streams have Bits Stored as their precision (PS3.5 8.2.1 to 8.2.4, 8.2.15); cells that hold
anything else beside the stored bits, an overlay for instance, are not compressed that way.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import imagecodecs
import jpeg_ls  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray
from rle.utils import encode_pixel_data

from vna.pixels.codecs import COMPRESSIONS, Compression
from vna.pixels.decoding import NotDecoded, decode_frame
from vna.pixels.encodable import WHOLE_CELLS, obstacle
from vna.pixels.image import Cells, Image, cells_of, frame_of

_FIRST_ORDER: Final = 1
_TINY: Final = 1024
_LEVELS: Final = 5
_THUMBNAIL: Final = 64
_XL_EFFORT: Final = 3
_SIZ: Final = b"\xff\x51"


class NotEncoded(ValueError):
    """A frame that cannot be kept bit for bit in a compression; the message says why."""


def encode_frame(frame: bytes, transfer_syntax: str, image: Image) -> tuple[bytes, Image]:
    """Compress a native frame, and return the stream with the image as its attributes are to describe it then.

    Raises:
        NotEncoded: this compression cannot hold such pixels.
    """
    compression = COMPRESSIONS[transfer_syntax]
    if reason := obstacle(image, transfer_syntax):
        raise NotEncoded(reason)
    if compression in WHOLE_CELLS:
        stream = _run_lengths(frame, image) if compression is Compression.RLE else _deflated(frame)
        encoded, kept = (stream, image), frame
    else:
        cells = _stored_cells(cells_of(frame, image), image, compression)
        try:
            encoded = _ENCODERS[compression](cells, replace(image, by_plane=False))
        except (ValueError, RuntimeError) as exc:
            raise NotEncoded(f"{compression.value}: {exc}") from exc
        kept = frame_of(cells, encoded[1])
    _prove(encoded, kept, transfer_syntax, compression)
    return encoded


def _prove(encoded: tuple[bytes, Image], kept: bytes, transfer_syntax: str, compression: Compression) -> None:
    try:
        again = decode_frame(encoded[0], transfer_syntax, encoded[1]).frame
    except NotDecoded as exc:
        raise NotEncoded(f"{compression.value}: the stream made of it cannot be decoded: {exc}") from exc
    if again != kept:
        raise NotEncoded(f"{compression.value}: the stream made of it does not decode to the same pixels")


def _stored_cells(cells: Cells, image: Image, compression: Compression) -> Cells:
    """Return cells with nothing but the pixel in them, its sign extended.

    Raises:
        NotEncoded: they hold something else too.
    """
    mask = (1 << image.bits_stored) - 1
    low = cells & cells.dtype.type(mask)
    extended = low
    if image.signed:
        sign = low >> (image.bits_stored - 1) & 1
        extended = low | (sign * cells.dtype.type(((1 << image.bits_allocated) - 1) ^ mask))
    if not (np.array_equal(cells, extended) or np.array_equal(cells, low)):
        raise NotEncoded(f"{compression.value}: cells hold more than the {image.bits_stored} bits stored")
    return extended


def _values(cells: Cells, image: Image) -> NDArray[np.integer[Any]]:
    """Return the pixel values that cells mean."""
    return cells.view(f"i{cells.itemsize}") if image.signed else cells


def _run_lengths(frame: bytes, image: Image) -> bytes:
    pixels = frame_of(cells_of(frame, image), replace(image, by_plane=False))
    return encode_pixel_data(
        pixels,
        byteorder="<",
        rows=image.rows,
        columns=image.columns,
        samples_per_pixel=image.samples,
        bits_allocated=image.bits_allocated,
        number_of_frames=1,
    )


def _deflated(frame: bytes) -> bytes:
    return zlib.compress(frame, wbits=-zlib.MAX_WBITS)


def _jpeg(cells: Cells, image: Image) -> tuple[bytes, Image]:
    bits = max(image.bits_stored, 2)
    colour = "RGB" if image.photometric == "RGB" else "UNKNOWN" if image.samples == 3 else "GRAYSCALE"
    stream = imagecodecs.jpeg8_encode(
        _unsigned(cells, bits),
        lossless=True,
        predictor=_FIRST_ORDER,
        bitspersample=bits,
        colorspace=colour,
        outcolorspace=colour,
    )
    return bytes(stream), image


def _jpeg_ls(cells: Cells, image: Image) -> tuple[bytes, Image]:
    bits = max(image.bits_stored, 2)
    if image.frame_cells < _TINY:  # the room pyjpegls gives such a stream is too small
        whole = 8 if bits <= 8 else 16
        return bytes(imagecodecs.jpegls_encode(_unsigned(cells, whole))), image
    stream = jpeg_ls.encode_pixel_data(
        _unsigned(cells, bits).tobytes(),
        rows=image.rows,
        columns=image.columns,
        samples_per_pixel=image.samples,
        bits_stored=bits,
        planar_configuration=0,
    )
    return bytes(stream), image


def _jpeg_2000(cells: Cells, image: Image) -> tuple[bytes, Image]:
    transformed = image.photometric == "RGB"
    stream = imagecodecs.jpeg2k_encode(
        _values(cells, image).astype(_type(image.bits_stored, signed=image.signed), order="C"),
        level=0,
        codecformat="j2k",
        reversible=True,
        mct=transformed,
        bitspersample=image.bits_stored,
        planar=False,
    )
    return bytes(stream), _transformed(image)


def _htj2k(cells: Cells, image: Image) -> tuple[bytes, Image]:
    """Encode with what all three HTJ2K syntaxes ask for (PS3.5 10.18): RPCL, TLM, a base of at most 64 pixels.

    The encoder takes the bits of the type for the precision. So it is given signed values, which the codestream holds
    without an offset, and the size segment (ITU-T T.800 A.5.1) is then set to what they are: an unsigned sample of n
    bits is coded as the signed one that is less by half of its range.
    """
    bits, offset = image.bits_stored, 0 if image.signed else 1 << (image.bits_stored - 1)
    levels = max(_LEVELS, (min(image.rows, image.columns) // _THUMBNAIL).bit_length())
    stream = imagecodecs.htj2k_encode(
        (_values(cells, image).astype(np.int32) - offset).astype(_type(bits, signed=True), order="C"),
        reversible=True,
        rgb=image.photometric == "RGB",
        planar=False,
        tlm=True,
        resolutions=levels,
    )
    out = bytearray(stream)
    first = out.index(_SIZ) + 40
    for component in range(image.samples):
        out[first + 3 * component] = (0x80 if image.signed else 0) | (bits - 1)
    return bytes(out), _transformed(image)


def _jpeg_xl(cells: Cells, image: Image) -> tuple[bytes, Image]:
    stream = imagecodecs.jpegxl_encode(
        _unsigned(cells, image.bits_stored),
        lossless=True,
        effort=_XL_EFFORT,
        bitspersample=image.bits_stored,
        photometric="RGB" if image.samples == 3 else "GRAY",
        usecontainer=False,
    )
    return bytes(stream), image


_ENCODERS: Final[Mapping[Compression, Callable[[Cells, Image], tuple[bytes, Image]]]] = {
    Compression.JPEG: _jpeg,
    Compression.JPEG_LS: _jpeg_ls,
    Compression.JPEG_2000: _jpeg_2000,
    Compression.HTJ2K: _htj2k,
    Compression.JPEG_XL: _jpeg_xl,
}


def _transformed(image: Image) -> Image:
    """Return the image with the name of colours that the reversible transform was applied to (PS3.5 8.2.4)."""
    return replace(image, photometric="YBR_RCT") if image.photometric == "RGB" else image


def _unsigned(cells: Cells, bits: int) -> NDArray[Any]:
    mask = np.array((1 << min(bits, cells.itemsize * 8)) - 1, cells.dtype)
    return np.ascontiguousarray(cells & mask, dtype=_type(bits, signed=False))


def _type(bits: int, *, signed: bool) -> str:
    return f"<{'i' if signed else 'u'}{1 if bits <= 8 else 2 if bits <= 16 else 4}"
