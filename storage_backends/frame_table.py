"""Where the image frames of a blob lie, and how that is written into the blob's file.

The frame table is a zstd skippable frame; all numbers are little endian:

    offset  bytes
         0  4      0x184D2A51, magic number of a skippable frame
         4  4      bytes that follow
         8  4      kind: 0 frames unknown, 1 regular, 2 fragmented
        12  4      n, the count of image frames
     then, kind 1:
        16  8      bytes of a frame; frame i (from 0) begins at i times that
     or, kind 2:
        16  4      number of the first span of frame 0, which is 0
              4    ... of frame 1, and so on; after frame n-1 the count m of spans: n + 1 numbers
            16     offset and length, 8 bytes each, in the plain blob, of span 0; and so on: m spans
      last  4      CRC-32 (zlib's) of everything before it
"""

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from storage_backends.errors import BlobDamaged, FrameNotFound

FRAME_TABLE_MAGIC = 0x184D2A51
_UNKNOWN, _REGULAR, _FRAGMENTED = range(3)
_START = struct.Struct("<4I")


class Span(NamedTuple):
    """A range of bytes of a plain blob."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class RegularFrames:
    """Frames of equal length that follow each other without gaps: native pixel data."""

    frame_bytes: int
    count: int

    def __post_init__(self) -> None:
        if self.frame_bytes < 1 or self.count < 0:
            raise ValueError(f"no such frames: {self}")

    def frame(self, number: int) -> tuple[Span, ...]:
        """Return the one span of a frame, counted from 1.

        Raises:
            FrameNotFound: there are fewer frames.
        """
        _check_number(number, self.count)
        return (Span((number - 1) * self.frame_bytes, self.frame_bytes),)


@dataclass(frozen=True, slots=True)
class FragmentedFrames:
    """Frames of one or more fragments each: encapsulated pixel data, item headers left out (PS3.5 A.4)."""

    spans: tuple[tuple[Span, ...], ...]

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.spans)


FrameTable: TypeAlias = RegularFrames | FragmentedFrames


@dataclass(frozen=True, slots=True)
class StoredFragments:
    """Fragmented frames as they stand in a file, looked up without unpacking all of them."""

    _firsts: npt.NDArray[np.uint32]
    _spans: npt.NDArray[np.uint64]

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self._firsts) - 1

    def frame(self, number: int) -> tuple[Span, ...]:
        """Return the spans of a frame, counted from 1, in order.

        Raises:
            FrameNotFound: there are fewer frames.
        """
        _check_number(number, self.count)
        first, after = self._firsts[number - 1 : number + 1].tolist()
        return tuple(Span(offset, length) for offset, length in self._spans[first:after].tolist())


StoredFrames: TypeAlias = RegularFrames | StoredFragments


def as_frame_table(stored: StoredFrames | None) -> FrameTable | None:
    """Return stored frames as they can be stored again."""
    if isinstance(stored, StoredFragments):
        return FragmentedFrames(tuple(stored.frame(number) for number in range(1, stored.count + 1)))
    return stored


def build_frame_table(frames: FrameTable | None) -> bytes:
    """Write a frame table as a skippable frame."""
    kind, count, body = _UNKNOWN, 0, b""
    if isinstance(frames, RegularFrames):
        kind, count, body = _REGULAR, frames.count, struct.pack("<Q", frames.frame_bytes)
    elif isinstance(frames, FragmentedFrames):
        kind, count, body = _FRAGMENTED, frames.count, _pack_fragments(frames)
    table = _START.pack(FRAME_TABLE_MAGIC, 8 + len(body) + 4, kind, count) + body
    return table + struct.pack("<I", zlib.crc32(table))


def parse_frame_table(table: bytes) -> StoredFrames | None:
    """Read a frame table; None if the frames of the blob are not known.

    Raises:
        BlobDamaged: it is not what `build_frame_table` writes.
    """
    if len(table) < _START.size + 4 or zlib.crc32(table[:-4]) != int.from_bytes(table[-4:], "little"):
        raise BlobDamaged("the checksum of the frame table is wrong")
    magic, _, kind, count = _START.unpack_from(table)
    if magic != FRAME_TABLE_MAGIC or kind > _FRAGMENTED:
        raise BlobDamaged(f"not a frame table that can be read here: {magic:#x}, kind {kind}")
    if kind == _UNKNOWN:
        return None
    try:
        if kind == _REGULAR:
            return RegularFrames(int.from_bytes(table[16:24], "little"), count)
        firsts = np.frombuffer(table, "<u4", count + 1, _START.size)
        spans = np.frombuffer(table, "<u8", 2 * int(firsts[-1]), _START.size + firsts.nbytes)
    except ValueError as exc:
        raise BlobDamaged(f"the frame table makes no sense: {exc}") from exc
    return StoredFragments(firsts, spans.reshape(-1, 2))


def _pack_fragments(frames: FragmentedFrames) -> bytes:
    firsts = np.cumsum([0] + [len(spans) for spans in frames.spans])
    spans = np.array([span for spans in frames.spans for span in spans], "<u8")
    return firsts.astype("<u4").tobytes() + spans.tobytes()


def _check_number(number: int, count: int) -> None:
    if not 1 <= number <= count:
        raise FrameNotFound(f"there is no frame {number} among {count}")
