"""What compressed streams say of themselves in their headers, as far as decoding them for DICOM depends on it.

Where a stream and the attributes around it disagree, the stream is right (PS3.5 8.2.1, 8.2.3, 8.2.4); what a stream
does not say, as JPEG the colour space of its components, the attributes do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from struct import unpack_from
from typing import Final


class BrokenStream(ValueError):
    """No stream of its kind, or one that is cut short."""


class Colour(Enum):
    """What the three components of a JPEG stream are, as far as the stream tells."""

    RGB = "RGB"
    YCBCR = "YCbCr"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The header of a stream.

    `precision` is bits per sample, `signed` whether samples are; `lossy` is None where the stream does not tell.
    """

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    lossy: bool | None = None
    colour: Colour = Colour.UNKNOWN


_SOI: Final = b"\xff\xd8"
_EOI: Final = b"\xff\xd9"
_SOC_SIZ: Final = b"\xff\x4f\xff\x51"
_SOS, _APP0, _APP14, _SOF_JPEG_LS = 0xDA, 0xE0, 0xEE, 0xF7
_NO_FRAME_HEADERS: Final = {0xC4, 0xC8, 0xCC}
_LOSSLESS_FRAMES: Final = {0xC3, 0xC7, 0xCB, 0xCF}
_ADOBE_COLOURS: Final = {0: Colour.RGB, 1: Colour.YCBCR}
_COD, _SOT = 0x52, 0x90
_IRREVERSIBLE: Final = 0
_TAIL: Final = 12
"""Bytes that tell how coded data ends; the last one may hold filling bits."""
_FILLING: Final = bytes.fromhex("a95c33ca") * 64


def jpeg_facts(stream: bytes) -> StreamFacts:
    """Read the header of a JPEG stream (ITU-T T.81 B.2), and see that the stream is not cut short.

    What follows its end is padding, of whatever bytes.

    The components are RGB if an Adobe marker or their identifiers say so. They are YCbCr if an Adobe or a JFIF marker
    says so, or if two of them have fewer samples than the first, which no RGB image has: writers exist that forget to
    set Photometric Interpretation after they have converted the colours.

    Raises:
        BrokenStream: it is none, or has no end.
    """
    frame, adobe, jfif = None, None, False
    for marker, body, end in _segments(stream):
        if marker == _SOS:
            if stream.find(_EOI, end) < 0:
                raise BrokenStream("the JPEG stream has no end")
            break
        if marker == _APP0:
            jfif = jfif or body.startswith(b"JFIF\0")
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADERS:
            frame = marker, body
    if frame is None:
        raise BrokenStream("the JPEG stream has no frame header")
    precision, rows, columns, components = _dimensions(frame[1])
    colour = _component_colour(frame[1], jfif=jfif) if adobe is None else _ADOBE_COLOURS.get(adobe, Colour.UNKNOWN)
    return StreamFacts(rows, columns, components, precision, lossy=frame[0] not in _LOSSLESS_FRAMES, colour=colour)


def jpeg_scan(stream: bytes) -> range:
    """Return where the coded data of a JPEG stream lies: from its first scan to its end.

    Raises:
        BrokenStream: there is no scan, or it has no end.
    """
    start = next((end for marker, _, end in _segments(stream) if marker == _SOS), len(stream))
    stop = stream.find(_EOI, start)
    if stop < 0:
        raise BrokenStream("the JPEG stream has no end")
    return range(start, stop)


def ends_in_background(stream: bytes, scan: range, units: int) -> bool:
    """Return whether coded data ends with the same codes again and again, and has bits for so many units.

    So it does where pixels that are all alike end an image. Data that was cut ends so only if the cut is among such
    pixels, and as a rule it is too short then.

    Args:
        units: pixels of a lossless stream, blocks of another one; each takes a bit at least.
    """
    tail = stream[max(scan.start, scan.stop - _TAIL - 1) : scan.stop - 1].replace(b"\xff\0", b"\xff")
    number, bits = int.from_bytes(tail, "big"), 8 * len(tail)
    repeats = any(not (number ^ number >> period) & ((1 << (bits - period)) - 1) for period in range(1, bits // 2))
    return repeats and 8 * len(scan) >= units


def jpeg_filled(stream: bytes, scan: range) -> bytes:
    """Return a JPEG stream with further coded data at its end.

    A decoder that has read all pixels before is not changed by it; one that ran out of data reads on there.
    """
    return stream[: scan.stop] + _FILLING + stream[scan.stop :]


def jpeg_ls_facts(stream: bytes) -> StreamFacts:
    """Read the header of a JPEG-LS stream (ITU-T T.87 C.2).

    Raises:
        BrokenStream: it is none.
    """
    frame = None
    for marker, body, _ in _segments(stream):
        if marker == _SOF_JPEG_LS:
            frame = _dimensions(body)
        elif marker == _SOS and frame is not None:
            precision, rows, columns, components = frame
            if not body or len(body) < 2 + 2 * body[0]:
                break
            near = body[1 + 2 * body[0]]
            return StreamFacts(rows, columns, components, precision, lossy=near > 0)
    raise BrokenStream("no JPEG-LS stream")


def jpeg_2000_facts(stream: bytes) -> StreamFacts:
    """Read the main header of a JPEG 2000 or HTJ2K codestream (ITU-T T.800 A.5), also inside of a JP2 file.

    The irreversible wavelet tells that it is lossy; the reversible one does not tell that it is not.

    Raises:
        BrokenStream: it is none, or its samples differ in precision.
    """
    start = stream.find(_SOC_SIZ)
    if start < 0 or len(stream) < start + 45:
        raise BrokenStream("no JPEG 2000 codestream")
    width, height, left, top = unpack_from(">4I", stream, start + 8)
    (components,) = unpack_from(">H", stream, start + 40)
    depths = {stream[start + 42 + 3 * n] for n in range(components) if start + 42 + 3 * n < len(stream)}
    if len(depths) != 1:
        raise BrokenStream("the components of the JPEG 2000 codestream differ in precision")
    depth = depths.pop()
    lossy = None
    for marker, body, _ in _segments(stream, start):
        if marker == _COD and len(body) >= 10:
            lossy = True if body[9] == _IRREVERSIBLE else None
        elif marker == _SOT:
            break
    return StreamFacts(height - top, width - left, components, (depth & 0x7F) + 1, bool(depth & 0x80), lossy)


def _component_colour(frame: bytes, *, jfif: bool) -> Colour:
    """Tell the colours of components without an Adobe marker."""
    components = [frame[n : n + 3] for n in range(6, 6 + 3 * frame[5], 3)]
    if len(components) != 3 or any(len(each) < 3 for each in components):
        return Colour.UNKNOWN
    if bytes(each[0] for each in components) == b"RGB":
        return Colour.RGB
    subsampled = components[0][1] != components[1][1]
    return Colour.YCBCR if jfif or subsampled else Colour.UNKNOWN


def _dimensions(body: bytes) -> tuple[int, int, int, int]:
    """Return precision, rows, columns and components of a frame header."""
    if len(body) < 6:
        raise BrokenStream("the frame header is cut short")
    precision, rows, columns, components = unpack_from(">BHHB", body)
    return precision, rows, columns, components


def _segments(stream: bytes, start: int = 0) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, content and end of the segments of a header, from behind the two bytes that open the stream."""
    if stream[start : start + 2] not in (_SOI, _SOC_SIZ[:2]):
        raise BrokenStream(f"a stream begins with {stream[start : start + 2].hex() or 'nothing'}")
    at = start + 2
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            raise BrokenStream(f"no marker at byte {at} of a stream")
        if stream[at + 1] == 0xFF:
            at += 1
            continue
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        yield stream[at + 1], stream[at + 4 : at + 2 + length], at + 2 + length
        at += 2 + length
    raise BrokenStream("the stream ends inside of its header")
