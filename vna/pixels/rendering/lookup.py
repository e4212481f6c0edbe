"""Lookup tables: Modality, VOI and Presentation LUTs, and the three of a palette (PS3.3 C.11.1.1, C.7.9.2).

Descriptors and data of real images are read as they are meant: a first value with a sign that its VR does not show, two
entries of 8 bits in a word, 16 bits said of entries that use 8.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vna.dicom.tree import Tree

DESCRIPTOR: Final = 0x00283002
DATA: Final = 0x00283006

_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2
_MOST_ENTRIES: Final = 65536
_SIGN: Final = 0x8000
_BYTE: Final = 8


class BrokenTable(ValueError):
    """A lookup table that cannot be read."""


@dataclass(frozen=True, slots=True)
class Table:
    """Entries for the values from `first` on; values outside take the first or the last one.

    `top` is the highest number an entry can have.
    """

    first: int
    entries: NDArray[np.float64]
    top: float

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the entries of values."""
        return np.asarray(self.entries[self.indices(values)])

    def indices(self, values: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """Return which entries values have."""
        return np.asarray(np.clip(np.nan_to_num(values) - self.first, 0, len(self.entries) - 1), dtype=np.intp)


def table_of(item: Tree, *, signed: bool, descriptor: int = DESCRIPTOR, data: int = DATA) -> Table:
    """Read a table of an item.

    Args:
        item: the item, or the data set, that has the two elements.
        signed: whether what is looked up may be negative.
        descriptor: tag of the LUT Descriptor.
        data: tag of the LUT Data.

    Raises:
        BrokenTable: it has no entries, or fewer than it says.
    """
    count, first, bits = described(item, descriptor, signed=signed)
    raw = item.raw(data)
    if len(raw) in (count, count + 1) and count > 1:
        entries = np.frombuffer(raw, np.uint8, count=count)
    else:
        entries = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2")[:count]
    if not len(entries) or len(entries) < min(count, 2):
        raise BrokenTable(f"a lookup table of {count} entries has {len(entries)}")
    return Table(first, entries.astype(np.float64), _top(entries, bits))


def segmented(item: Tree, *, signed: bool, descriptor: int, data: int) -> Table:
    """Read a table kept in segments (PS3.3 C.7.9.2.1).

    Raises:
        BrokenTable: the segments are broken, or make fewer entries than it says.
    """
    count, first, bits = described(item, descriptor, signed=signed)
    raw = item.raw(data)
    numbers = np.frombuffer(raw, np.uint8) if bits <= _BYTE else np.frombuffer(raw[: len(raw) // 2 * 2], "<u2")
    entries = _Segments(numbers.tolist(), numbers.itemsize).entries(count)
    if len(entries) < count:
        raise BrokenTable(f"the segments of a lookup table of {count} entries make {len(entries)}")
    made = np.array(entries[:count])
    return Table(first, made.astype(np.float64), _top(made, bits))


def described(item: Tree, descriptor: int, *, signed: bool) -> tuple[int, int, int]:
    """Return number of entries, first value mapped and bits of a LUT Descriptor.

    Raises:
        BrokenTable: it has not three values.
    """
    raw = item.raw(descriptor)
    if len(raw) < 6:
        raise BrokenTable("a lookup table has no descriptor")
    count, first, bits = struct.unpack("<3H", raw[:6])
    if signed and first >= _SIGN:
        first -= 2 * _SIGN
    return count or _MOST_ENTRIES, first, bits


def _top(entries: NDArray[Any], bits: int) -> float:
    highest = int(entries.max())
    if bits == 16 and highest <= 0xFF:
        return 255.0
    return float((1 << bits) - 1) if 8 <= bits <= 16 and highest < 1 << bits else float(max(highest, 1))


class _Segments:
    """A table in segments of numbers of `width` bytes, each its kind, its length and what it needs."""

    def __init__(self, numbers: list[int], width: int) -> None:
        self._numbers, self._width = numbers, width
        self._sizes = {_LINEAR: 3, _INDIRECT: 2 + 4 // width}
        self._starts = self._found()

    def entries(self, limit: int) -> list[int]:
        """Return what the segments make; no more than is wanted, and a segment beyond it."""
        out: list[int] = []
        for start in self._starts:
            if len(out) >= limit:
                break
            if self._numbers[start] != _INDIRECT:
                self._expand(out, start)
                continue
            for other in self._referenced(start):
                self._expand(out, other)
        return out

    def _found(self) -> list[int]:
        found, at = [], 0
        while at + 2 < len(self._numbers):
            kind, length = self._numbers[at], self._numbers[at + 1]
            size = 2 + length if kind == _DISCRETE else self._sizes.get(kind, 0)
            if not size or at + size > len(self._numbers):
                raise BrokenTable(f"a lookup table has a segment of kind {kind} and length {length}")
            found.append(at)
            at += size
        return found

    def _referenced(self, start: int) -> list[int]:
        """Return the segments that an indirect one repeats, those that are no references themselves."""
        width = self._width
        raw = b"".join(number.to_bytes(width, "little") for number in self._numbers[start + 2 : start + 2 + 4 // width])
        first = int.from_bytes(raw, "little") // width
        behind = [place for place in self._starts if place >= first][: self._numbers[start + 1]]
        return [place for place in behind if self._numbers[place] != _INDIRECT]

    def _expand(self, out: list[int], at: int) -> None:
        kind, length = self._numbers[at], self._numbers[at + 1]
        if kind == _DISCRETE:
            out.extend(self._numbers[at + 2 : at + 2 + length])
            return
        if not out:
            raise BrokenTable("a lookup table begins with a linear segment")
        start, end = out[-1], self._numbers[at + 2]
        out.extend(round(start + (end - start) * step / length) for step in range(1, length + 1))
