"""The items of encapsulated Pixel Data (PS3.5 A.4): a Basic Offset Table, then fragments.

| FFFE,E000 | length 4 | offset table, may be empty | FFFE,E000 | length 4 | fragment | ...
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

from vna.dicom.elements import Buffer
from vna.errors import CannotConvert

ITEM_HEADER: Final = 8

_read_item: Final = Struct("<HHI").unpack_from


def item_spans(buffer: Buffer, offset: int, length: int) -> list[tuple[int, int]]:
    """Return (offset, length) of what is in each item, the offset table first, counted from `offset`.

    The value must have been scanned: its items are known to fill it.
    """
    spans = []
    at = 0
    while at + ITEM_HEADER <= length:
        size = _read_item(buffer, offset + at)[2]
        spans.append((at + ITEM_HEADER, size))
        at += ITEM_HEADER + size
    return spans


def joined(chunks: Iterable[bytes | memoryview], *, frame_bytes: int, size: int) -> Iterator[bytes | memoryview]:
    """Take fragments that are one frame each out of a stream, and put the frames end to end.

    Args:
        chunks: a whole encapsulated value.
        frame_bytes: bytes of a frame; its fragment may have one more, which is padding.
        size: bytes to give out; one more than the frames have is filled up with a zero.

    Raises:
        CannotConvert: fragments of another size, or another number of them.
    """
    stream = ItemStream(chunks)
    stream.skip(stream.item())
    given = 0
    while given + frame_bytes <= size:
        length = stream.item()
        if length not in (frame_bytes, frame_bytes + 1):
            raise CannotConvert(f"a frame of {frame_bytes} bytes lies in a fragment of {length}")
        yield from stream.take(frame_bytes)
        stream.skip(length - frame_bytes)
        given += frame_bytes
    if not stream.ended:
        raise CannotConvert("there are more fragments than frames")
    if given < size:
        yield bytes(size - given)


class ItemStream:
    """An encapsulated value that comes in chunks, read item by item as if it were one piece."""

    def __init__(self, chunks: Iterable[bytes | memoryview]) -> None:
        self._chunks = iter(chunks)
        self._chunk = memoryview(b"")

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        while not self._chunk:
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._chunk = memoryview(chunk)
        return False

    def take(self, length: int) -> Iterator[memoryview]:
        """Give the next `length` bytes.

        Raises:
            CannotConvert: there are fewer.
        """
        while length:
            if self.ended:
                raise CannotConvert("encapsulated pixel data has fewer fragments than frames")
            piece = self._chunk[:length]
            self._chunk = self._chunk[length:]
            length -= len(piece)
            yield piece

    def skip(self, length: int) -> None:
        """Pass over `length` bytes."""
        for _ in self.take(length):
            pass

    def drain(self) -> None:
        """Read to the end: what is complete has been checked, what is left unread has not."""
        for _ in self._chunks:
            self._chunk = memoryview(b"")

    def item(self) -> int:
        """Read an item header and return the length of the item."""
        length: int = _read_item(b"".join(self.take(ITEM_HEADER)))[2]
        return length
