"""Where the frames of an image lie in its pixel data, and how native pixels are to be looked at.

Both are hints for storing and for reading single frames. Attributes and offset tables of real images are
often wrong; what does not fit together gives None, never an error, and never a frame that is a guess.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from struct import unpack
from typing import Final

from storage_backends.frame_table import FragmentedFrames, FrameTable, RegularFrames, Span
from storage_backends.planar import PixelShape
from vna.dicom.encoding import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, GE_PRIVATE_UID, PIXEL_DATA
from vna.dicom.fragments import item_spans
from vna.dicom.image_layout import ImageLayout, image_layout, number_of_frames
from vna.dicom.scan import BulkValue, Scan

EXTENDED_OFFSET_TABLE: Final = 0x7FE00001
EXTENDED_OFFSET_TABLE_LENGTHS: Final = 0x7FE00002

_PIXEL_PATHS: Final = frozenset({(PIXEL_DATA,), (FLOAT_PIXEL_DATA,), (DOUBLE_FLOAT_PIXEL_DATA,)})
VIDEO_UIDS: Final = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109)) | frozenset(
    f"1.2.840.10008.1.2.4.{number}.1" for number in range(100, 107)
)
"""Transfer syntaxes of video: all frames are one stream (PS3.5 8.2.5 to 8.2.9)."""

_STARTS: Final = (
    b"\xff\xd8\xff",  # JPEG, JPEG-LS: Start of Image, and another marker
    b"\xff\x4f\xff\x51",  # JPEG 2000, HTJ2K: Start of Codestream, SIZ
    b"\x00\x00\x00\x0cjP  ",  # JP2 file
    b"\xff\x0a",  # JPEG XL codestream
    b"\x00\x00\x00\x0cJXL ",  # JPEG XL file
)
_END: Final = b"\xff\xd9"
"""End of Image of JPEG and JPEG-LS, End of Codestream of JPEG 2000."""


def pixel_shape(scan: Scan) -> PixelShape | None:
    """Return how native Pixel Data (7FE0,0010) lies; None if there is none, or it has not the right length.

    One frame by plane (Planar Configuration 1) is described as rows x samples rows of one sample.
    """
    for bulk in scan.bulk:
        if bulk.path == (PIXEL_DATA,) and not bulk.encapsulated:
            layout = _fitting_layout(scan, bulk.length)
            if layout is None or layout.bits_allocated not in (8, 16, 32):
                return None
            if layout.frame_bits // 8 * layout.frames != bulk.length:
                return None
            big_endian = not scan.little_endian or scan.transfer_syntax == GE_PRIVATE_UID
            return PixelShape(
                rows=layout.rows * (layout.samples if layout.by_plane else 1),
                columns=layout.columns,
                samples=1 if layout.by_plane else layout.samples,
                item_size=layout.bits_allocated // 8,
                byte_order=">" if big_endian else "<",
            )
    return None


def frame_table(scan: Scan, bulk: BulkValue) -> FrameTable | None:
    """Return where the frames lie in a bulk value; None if it is no pixel data, or nobody can tell.

    Of encapsulated pixel data: from the Extended Offset Table, else the Basic Offset Table, else by the
    count of fragments, else by the markers at the start or the end of a compressed image. A video
    has no frames that can be told apart.
    """
    if bulk.path not in _PIXEL_PATHS:
        return None
    if bulk.encapsulated:
        return _fragmented(scan, bulk)
    layout = _fitting_layout(scan, bulk.length)
    return RegularFrames(layout.frame_bits // 8, layout.frames) if layout else None


def _fitting_layout(scan: Scan, length: int) -> ImageLayout | None:
    """Return the layout if frames are whole bytes and fill the value, but for a byte of padding.

    Three samples a pixel are two where chroma is subsampled (PS3.3 C.7.6.3.1.2), which the
    length shows more reliably than Photometric Interpretation.
    """
    layout = image_layout(scan)
    if layout is None:
        return None
    candidates = [layout]
    if layout.samples == 3 and not layout.by_plane:
        candidates.append(replace(layout, samples=2))
    for candidate in candidates:
        size = candidate.frame_bits // 8 * candidate.frames
        if candidate.frame_bits % 8 == 0 and size <= length <= size + size % 2:
            return candidate
    return None


def _fragmented(scan: Scan, bulk: BulkValue) -> FragmentedFrames | None:
    frames = number_of_frames(scan)
    items = item_spans(scan.buffer, bulk.offset, bulk.length)
    if frames is None or (frames > 1 and scan.transfer_syntax in VIDEO_UIDS):
        return None

    def peek(offset: int, length: int) -> bytes:
        return bytes(scan.buffer[bulk.offset + offset : bulk.offset + offset + length])

    extended = scan.raw(EXTENDED_OFFSET_TABLE) or b"", scan.raw(EXTENDED_OFFSET_TABLE_LENGTHS) or b""
    return group_fragments(Fragments(peek(*items[0]), items[1:], peek, *extended), frames)


@dataclass(frozen=True, slots=True)
class Fragments:
    """The items of encapsulated Pixel Data, as far as it takes to tell frames apart.

    `table` is the Basic Offset Table, `spans` (offset, length) of the fragments in the value. `peek` gives the bytes
    at an offset; it is asked for the `head` and the `tail` of fragments only.
    """

    table: bytes
    spans: list[tuple[int, int]]
    peek: Callable[[int, int], bytes]
    extended_table: bytes = b""
    extended_lengths: bytes = b""

    @staticmethod
    def head(offset: int, length: int) -> tuple[int, int]:
        """Return where the beginning of a fragment lies that tells what it is."""
        return offset, min(12, length)

    @staticmethod
    def tail(offset: int, length: int) -> tuple[int, int]:
        """Return where the end of a fragment lies that tells whether a compressed image ends with it."""
        return offset + max(0, length - 3), min(3, length)

    def starts(self) -> list[int]:
        """Return which fragments begin with a compressed image."""
        heads = (self.peek(*self.head(*span)) for span in self.spans)
        return [index for index, head in enumerate(heads) if head.startswith(_STARTS)]


def group_fragments(fragments: Fragments, frames: int) -> FragmentedFrames | None:
    """Return which fragments are which frame; None if nothing tells, or what tells does not fit."""
    if frames > len(fragments.spans):
        return None
    extended = _by_extended_table(fragments, frames)
    if extended is not None:
        return extended
    firsts = _by_table(fragments.table, "I", fragments.spans, frames) or _by_count(fragments.spans, frames)
    firsts = firsts or _by_markers(fragments, frames)
    if firsts is None:
        return None
    spans = [Span(*fragment) for fragment in fragments.spans]
    return FragmentedFrames(tuple(tuple(spans[a:b]) for a, b in pairwise([*firsts, len(spans)])))


def _by_extended_table(fragments: Fragments, frames: int) -> FragmentedFrames | None:
    """Read the Extended Offset Table (PS3.3 C.7.6.3.1.8): one fragment a frame, lengths without padding."""
    firsts = _by_table(fragments.extended_table, "Q", fragments.spans, frames)
    lengths = fragments.extended_lengths
    if firsts is None or frames != len(fragments.spans) or len(lengths) != 8 * frames:
        return None
    spans = []
    for (offset, held), length in zip(fragments.spans, unpack(f"<{frames}Q", lengths), strict=True):
        if not held - 1 <= length <= held:
            return None
        spans.append((Span(offset, length),))
    return FragmentedFrames(tuple(spans))


def _by_table(table: bytes, number: str, fragments: list[tuple[int, int]], frames: int) -> list[int] | None:
    """Return the first fragment of each frame, from offsets that must be those of fragments, in order."""
    if len(table) != frames * (8 if number == "Q" else 4):
        return None
    base = fragments[0][0]
    index_of = {offset - base: index for index, (offset, _) in enumerate(fragments)}
    firsts = [index_of.get(offset, -1) for offset in unpack(f"<{frames}{number}", table)]
    return firsts if firsts[0] == 0 and all(a < b for a, b in pairwise(firsts)) else None


def _by_count(fragments: list[tuple[int, int]], frames: int) -> list[int] | None:
    if frames == 1:
        return [0]
    return list(range(frames)) if frames == len(fragments) else None


def _by_markers(fragments: Fragments, frames: int) -> list[int] | None:
    firsts = fragments.starts()
    if len(firsts) == frames and firsts[0] == 0:
        return firsts
    tails = [fragments.peek(*fragments.tail(*span)) for span in fragments.spans]
    lasts = [index for index, tail in enumerate(tails) if tail.endswith((_END, _END + b"\0"))]
    if len(lasts) == frames and lasts[-1] == len(fragments.spans) - 1:
        return [0, *(index + 1 for index in lasts[:-1])]
    return None
