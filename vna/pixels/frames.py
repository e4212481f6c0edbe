"""Going through the frames of Pixel Data one by one, in any form it is stored in, and putting frames end to end.

What is read comes in chunks, so that of pixel data of any size one frame lies in memory. Native frames are those of
`image`: each by itself, single bits filled up to a whole byte.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from struct import pack
from typing import Final

import numpy as np

from storage_backends.frame_table import FragmentedFrames
from vna.dicom.encoding import ITEM
from vna.dicom.fragments import ITEM_HEADER, ItemStream
from vna.dicom.frames import Fragments, group_fragments
from vna.errors import CannotConvert
from vna.pixels.image import Image

Chunks = Iterator[bytes | memoryview]

_OFFSET: Final = 4
_LARGEST_OFFSET: Final = 0xFFFFFFFF
_LARGEST_FRAGMENT: Final = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class OffsetTables:
    """The values of Extended Offset Table and its lengths (7FE0,0001), (7FE0,0002); empty if absent."""

    extended: bytes = b""
    lengths: bytes = b""


class EncapsulatedFrames:
    """The frames of encapsulated Pixel Data, their fragments joined.

    The value is read twice: what is a frame shows only when all fragments are known, and what is stored has been
    compared with its digest only when it was read to its end. `table` says where the fragments lie.
    """

    def __init__(self, open_value: Callable[[], Chunks], declared: int | None, tables: OffsetTables) -> None:
        """Find the frames.

        Args:
            open_value: opens the value anew.
            declared: Number of Frames, None if the data set does not say it.
            tables: the Extended Offset Table.

        Raises:
            CannotConvert: nobody can tell which fragments are which frame, or there are not as many as declared.
        """
        self._open = open_value
        fragments = _fragments(open_value(), tables)
        self.table = _grouped(fragments, declared)
        self.count = self.table.count

    def __iter__(self) -> Iterator[bytes]:
        stream = ItemStream(self._open())
        stream.skip(stream.item())
        for spans in self.table.spans:
            parts: list[memoryview] = []
            for span in spans:
                held = stream.item()
                parts.extend(stream.take(span.length))
                stream.skip(held - span.length)
            yield b"".join(parts)


def _fragments(value: Chunks, tables: OffsetTables) -> Fragments:
    """Go through a value and keep where its fragments lie and how they begin and end."""
    stream = ItemStream(value)
    size = stream.item()
    table = b"".join(stream.take(size))
    at = ITEM_HEADER + size
    spans, peeks = [], {}
    while not stream.ended:
        length = stream.item()
        span = at + ITEM_HEADER, length
        head, tail = Fragments.head(*span), Fragments.tail(*span)
        known = b"".join(stream.take(head[1]))
        between = tail[0] - head[0] - head[1]
        stream.skip(max(between, 0))
        known += b"".join(stream.take(length - head[1] - max(between, 0)))
        peeks[head], peeks[tail] = known[: head[1]], known[len(known) - tail[1] :]
        spans.append(span)
        at += ITEM_HEADER + length
    return Fragments(table, spans, lambda *where: peeks[where], tables.extended, tables.lengths)


def _grouped(fragments: Fragments, declared: int | None) -> FragmentedFrames:
    if not fragments.spans:
        raise CannotConvert("the pixel data has no fragments")
    told = _told_by_tables(fragments)
    images = len(fragments.starts())
    if declared is None:
        declared = told or max(images, 1)
    if declared == 1 and max(told, images) > 1:
        raise CannotConvert(f"one frame is declared, {max(told, images)} are there")
    frames = group_fragments(fragments, declared)
    if frames is None:
        raise CannotConvert(f"{declared} frames are declared, and cannot be told in {len(fragments.spans)} fragments")
    return frames


def _told_by_tables(fragments: Fragments) -> int:
    """Return how many frames an offset table that fits the fragments has, 0 if there is none."""
    for count in (len(fragments.extended_table) // 8, len(fragments.table) // _OFFSET):
        if count > 1 and group_fragments(fragments, count) is not None:
            return count
    return 0


def native_frames(value: Chunks, size: int, frames: int, image: Image) -> Iterator[bytes]:
    """Cut native Pixel Data into frames.

    Raises:
        CannotConvert: at once, if the value has not the length of so many frames.
    """
    expected = (image.frame_bits * frames + 7) // 8
    if not expected <= size <= expected + expected % 2:
        raise CannotConvert(f"{frames} frames have {expected} bytes, the pixel data has {size}")
    if image.frame_bits % 8:
        return _bit_frames(value, frames, image)
    return _byte_frames(value, frames, image.frame_bytes)


def _byte_frames(value: Chunks, frames: int, frame_bytes: int) -> Iterator[bytes]:
    stream = ItemStream(value)
    for _ in range(frames):
        yield b"".join(stream.take(frame_bytes))
    stream.drain()


def _bit_frames(value: Chunks, frames: int, image: Image) -> Iterator[bytes]:
    """Cut frames of single bits that do not end with a byte: the next begins in the same one."""
    stream = ItemStream(value)
    bits = np.zeros(0, np.uint8)
    for _ in range(frames):
        missing = (image.frame_bits - len(bits) + 7) // 8
        data = np.frombuffer(b"".join(stream.take(missing)), np.uint8)
        bits = np.concatenate((bits, np.unpackbits(data, bitorder="little")))
        yield np.packbits(bits[: image.frame_bits], bitorder="little").tobytes()
        bits = bits[image.frame_bits :]
    stream.drain()


def end_to_end(frames: Iterable[bytes], image: Image) -> Iterator[bytes]:
    """Put native frames together to native Pixel Data, without padding at its end."""
    if not image.frame_bits % 8:
        yield from frames
        return
    bits = np.zeros(0, np.uint8)
    for frame in frames:
        more = np.unpackbits(np.frombuffer(frame, np.uint8), count=image.frame_bits, bitorder="little")
        bits = np.concatenate((bits, more))
        whole = len(bits) // 8 * 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        bits = bits[whole:]
    if len(bits):
        yield np.packbits(bits, bitorder="little").tobytes()


def fragment(frame: bytes) -> bytes:
    """Return a compressed frame as one item (PS3.5 A.4), of even length.

    Raises:
        CannotConvert: it is longer than an item can be.
    """
    padded = frame + bytes(len(frame) % 2)
    if len(padded) > _LARGEST_FRAGMENT:
        raise CannotConvert(f"a compressed frame of {len(padded)} bytes does not fit a fragment")
    return item(padded)


def item(data: bytes) -> bytes:
    """Return data as an item of encapsulated Pixel Data."""
    return pack("<HHI", ITEM >> 16, ITEM & 0xFFFF, len(data)) + data


def basic_offset_table(fragment_sizes: list[int]) -> bytes:
    """Return the first item of encapsulated Pixel Data, for one fragment a frame with sizes that count its header.

    It is empty, as PS3.5 A.4 allows, where 32 bits do not reach the last frame.
    """
    offsets, at = [], 0
    for size in fragment_sizes:
        offsets.append(at)
        at += size
    if offsets and offsets[-1] > _LARGEST_OFFSET:
        offsets = []
    return item(pack(f"<{len(offsets)}I", *offsets))
