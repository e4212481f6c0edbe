"""Walking through the elements of a data set, level by level, without touching their values.

`read_header` reads one element header, `Walker` goes through nested sequences with an explicit stack
(no recursion: a data set may nest as deep as its sender likes). Both check every length against what
encloses it, so an offset they give out lies inside the buffer.

Tolerated, because the place of the next element is still certain: implicit VR elements and items in an
explicit VR data set (as pydicom does), unknown VRs (PS3.5 6.2: 32-bit length when the 16-bit one is
zero), blank ones (16-bit length, as DCMTK does), odd lengths, tags out of order or twice, UN of
undefined length (implicit VR little endian inside, PS3.5 6.2.2), fragments that end with the data
instead of a delimiter.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from mmap import mmap
from typing import Final

from vna.dicom.encoding import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    ITEM,
    ITEM_DELIMITER,
    LONG_VRS,
    PIXEL_DATA,
    SEQUENCE_DELIMITER,
    SHORT_VRS,
    UNDEFINED,
    Encoding,
    is_vr,
    tag_text,
)
from vna.errors import CannotUnderstand

Buffer = bytes | bytearray | memoryview | mmap
"""What data sets are read from; a 1 GB spool file is mapped, not loaded."""

MAX_LEVELS: Final = 512
"""Data sets nested deeper than this are refused; real ones stay below 20."""

SHORT_FORM: Final = {vr.encode(): vr for vr in SHORT_VRS}
"""The VR field of elements with a 16-bit length, to the VR."""
_LONG_FORM: Final = {vr.encode(): vr for vr in LONG_VRS}
_BLANK_VRS: Final = frozenset({b"  ", b"??", b"--"})


MAX_FRAGMENTS: Final = 1_000_000
"""Encapsulated Pixel Data of more fragments is refused; the largest whole slide images have some 200,000."""

MAX_TOKENS: Final = 5_000_000
"""More elements, items and their ends in one sequence are refused: reading them takes seconds."""


class Truncated(CannotUnderstand):
    """An element says it is longer than what encloses it."""


@dataclass(slots=True)
class Element:
    """Where one element lies in a buffer. Offsets count from the first byte of the data set.

    `vr` is empty in implicit VR, except that a sequence of undefined length is always `SQ` (in
    explicit VR also when it says UN). `length` is that of the value, delimiters excluded; `end` is
    where the next element starts. `undefined` says that the header gives no length: the value is then
    a sequence (`SQ`) or the items of encapsulated Pixel Data.
    """

    tag: int
    vr: str
    start: int
    offset: int
    length: int
    end: int
    undefined: bool


class Mark(Enum):
    """What a `Walker` meets between elements."""

    ITEM = "item"
    ITEM_END = "item end"
    SEQUENCE_END = "sequence end"


class Holes:
    """Values that were cut out of a buffer: position in what is left, and size of what is missing.

    With them the header of a cut data set is read like the whole one.
    """

    def __init__(self, holes: Sequence[tuple[int, int]] = ()) -> None:
        self._positions = [position for position, _ in holes]
        self._missing = [0, *accumulate(size for _, size in holes)]

    def end(self, offset: int, length: int) -> int:
        """Return where a value of `length` bytes that starts at `offset` ends in the cut buffer.

        The end lies before `offset` if it would fall inside a hole: such a length is wrong.
        """
        behind = offset + length
        if not self._positions:
            return behind
        first = bisect_left(self._positions, offset)
        for index in range(first, len(self._positions)):
            size = self._missing[index + 1] - self._missing[index]
            if behind <= self._positions[index]:
                break
            if behind < self._positions[index] + size:
                return -1
            behind -= size
        return behind

    def size_at(self, offset: int) -> int:
        """Return how many bytes are missing at `offset`, 0 if none."""
        index = bisect_left(self._positions, offset)
        if index == len(self._positions) or self._positions[index] != offset:
            return 0
        return self._missing[index + 1] - self._missing[index]


NO_HOLES: Final = Holes()


def read_header(buffer: Buffer, at: int, end: int, encoding: Encoding) -> tuple[int, str, int, int]:
    """Read the header of the element at `at`: (tag, VR or "", offset of the value, its length as given).

    Raises:
        CannotUnderstand: `end` cuts the header.
    """
    if at + 8 > end:
        raise Truncated(f"truncated: {end - at} bytes at offset {at} are no element")
    if encoding.explicit:
        group, number, code, length = encoding.read_explicit(buffer, at)
        vr = SHORT_FORM.get(code)
        if vr is not None:
            return group << 16 | number, vr, at + 8, length
        vr = _LONG_FORM.get(code)
        if vr is None and is_vr(code):
            vr = code.decode("ascii")
            if length:
                return group << 16 | number, vr, at + 8, length
        if vr is not None:
            if at + 12 > end:
                raise Truncated(f"truncated: {end - at} bytes at offset {at} are no element")
            return group << 16 | number, vr, at + 12, encoding.read_number(buffer, at + 8)[0]
        if length and code in _BLANK_VRS:
            return group << 16 | number, "UN", at + 8, length
    group, number, length = encoding.read_implicit(buffer, at)
    return group << 16 | number, "", at + 8, length


def too_long(tag: int, offset: int, length: int, left: int) -> Truncated:
    """Return the error for a value that is longer than what is left for it."""
    return Truncated(
        f"truncated: element {tag_text(tag)} at offset {offset} says {length} bytes, {max(left, 0)} are there"
    )


def holds_items(buffer: Buffer, offset: int, end: int) -> bool:
    """Return whether a value starts as a sequence does, with an Item tag in either byte order."""
    return end - offset >= 8 and buffer[offset : offset + 4] in (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


def is_fragments(tag: int, vr: str) -> bool:
    """Return whether an undefined length means fragments (PS3.5 A.4), not a sequence."""
    return tag == PIXEL_DATA if vr in ("", "UN") else vr != "SQ"


def fragments_end(buffer: Buffer, offset: int, end: int, encoding: Encoding) -> tuple[int, int]:
    """Return where the items of encapsulated Pixel Data end, and where the next element starts.

    Raises:
        CannotUnderstand: something else than items, or an item longer than what is there.
    """
    read = encoding.read_implicit
    at = offset
    for _ in range(MAX_FRAGMENTS + 2):  # an offset table before them, a delimiter behind them
        if at >= end:
            return end, end
        if at + 8 > end:
            raise Truncated(f"truncated: {end - at} bytes at offset {at} are no item")
        group, number, length = read(buffer, at)
        tag = group << 16 | number
        if tag == SEQUENCE_DELIMITER:
            return at, at + 8
        if tag != ITEM:
            raise CannotUnderstand(f"{tag_text(tag)} at offset {at} where a fragment should start")
        if at + 8 + length > end:
            raise too_long(tag, at, length, end - at - 8)
        at += 8 + length
    raise CannotUnderstand(f"more than {MAX_FRAGMENTS} fragments in one element")


@dataclass(slots=True)
class _Level:
    """A sequence (of items) or an item (of elements) that the walker is inside of."""

    end: int
    undefined: bool
    of_items: bool
    encoding: Encoding
    element: Element | None = None


class Walker:
    """Goes through a data set, or through one sequence, and gives out what it meets in order.

    Sequences of undefined length are always entered; what has a length is passed over, unless the
    caller calls `enter` before asking for the next token. `SEQUENCE_END` closes both.

    Args:
        holes: values missing from the buffer. A missing value has its length, and `end == offset`.
        skip: items of a defined length up to this many bytes are passed over silently.
    """

    def __init__(self, buffer: Buffer, *, holes: Holes = NO_HOLES, skip: int = -1) -> None:
        self._buffer = buffer
        self._holes = holes
        self._skip = skip
        self._levels: list[_Level] = []
        self._at = 0

    @property
    def encoding(self) -> Encoding:
        """The layout at the place that is being read."""
        return self._levels[-1].encoding

    def data_set(self, encoding: Encoding, *, end: int, start: int = 0) -> Iterator[Element | Mark]:
        """Go through the buffer as a data set, from the element at `start` up to `end`."""
        self._at = start
        self._levels.append(_Level(end, False, False, encoding))
        return self._tokens()

    def sequence(self, element: Element, encoding: Encoding, *, end: int) -> Iterator[Element | Mark]:
        """Go through one sequence, up to and including its `SEQUENCE_END`.

        An undefined length is found out on the way: `element` is then complete. `end` is where the
        data set around it ends.
        """
        self._at = element.offset
        self._open(element, encoding, end if element.undefined else element.end)
        return self._tokens()

    def enter(self, element: Element) -> None:
        """Go through the items of the element given out last, which has a defined length."""
        self._at = element.offset
        self._open(element, self._levels[-1].encoding, element.end)

    def _tokens(self) -> Iterator[Element | Mark]:
        levels = self._levels
        for _ in range(MAX_TOKENS):
            if not levels:
                return
            level = levels[-1]
            token: Element | Mark | None
            if self._at == level.end and not level.undefined:
                token = self._close(level)
            elif level.of_items:
                token = self._next_item(level)
            else:
                token = self._next_element(level)
            if token is not None:
                yield token
        raise CannotUnderstand(f"more than {MAX_TOKENS} elements and items in one sequence")

    def _open(self, element: Element, encoding: Encoding, end: int) -> None:
        if len(self._levels) > 2 * MAX_LEVELS:
            raise CannotUnderstand(f"nested deeper than {MAX_LEVELS} levels at offset {element.start}")
        if element.undefined:
            element.vr = "SQ"
        encoding = _items_encoding(self._buffer, element.offset, end, encoding)
        self._levels.append(_Level(end, element.undefined, True, encoding, element))

    def _close(self, level: _Level) -> Mark | None:
        self._levels.pop()
        if level.of_items:
            return Mark.SEQUENCE_END
        return Mark.ITEM_END if self._levels else None

    def _next_item(self, level: _Level) -> Mark | None:
        at = self._at
        if at + 8 > level.end:
            raise Truncated(f"truncated: the sequence {_name(level)} is not closed at offset {at}")
        group, number, length = level.encoding.read_implicit(self._buffer, at)
        tag = group << 16 | number
        if tag == SEQUENCE_DELIMITER and (level.undefined or at + 8 == level.end):
            return self._finish(level, at)
        if tag != ITEM:
            raise CannotUnderstand(f"{tag_text(tag)} at offset {at} where an item of {_name(level)} should start")
        if length == UNDEFINED:
            return self._open_item(level, at + 8, level.end, undefined=True)
        end = self._holes.end(at + 8, length)
        if not at + 8 <= end <= level.end:
            raise too_long(tag, at, length, level.end - at - 8)
        if length <= self._skip:
            self._at = end
            return None
        return self._open_item(level, at + 8, end, undefined=False)

    def _open_item(self, level: _Level, at: int, end: int, *, undefined: bool) -> Mark:
        self._at = at
        self._levels.append(_Level(end, undefined, False, item_encoding(self._buffer, at, end, level.encoding)))
        return Mark.ITEM

    def _finish(self, level: _Level, at: int) -> Mark:
        """Close a sequence at its delimiter, which some writers put at the end of a defined length too."""
        self._at = at + 8
        if level.element is not None and level.undefined:
            level.element.length = at - level.element.offset
            level.element.end = at + 8
        self._levels.pop()
        return Mark.SEQUENCE_END

    def _next_element(self, level: _Level) -> Element | Mark:
        at = self._at
        tag, vr, offset, length = read_header(self._buffer, at, level.end, level.encoding)
        if tag == ITEM_DELIMITER and level.undefined:
            self._at = at + 8
            self._levels.pop()
            return Mark.ITEM_END
        if tag >> 16 == ITEM >> 16:
            raise CannotUnderstand(f"{tag_text(tag)} at offset {at} where an element should start")
        if length == UNDEFINED:
            return self._undefined(level, Element(tag, vr, at, offset, 0, offset, True))
        end = self._holes.end(offset, length)
        if not offset <= end <= level.end:
            raise too_long(tag, at, length, level.end - offset)
        self._at = end
        return Element(tag, vr, at, offset, length, end, False)

    def _undefined(self, level: _Level, element: Element) -> Element:
        if is_fragments(element.tag, element.vr):
            resolve_fragments(self._buffer, element, level.end, level.encoding, self._holes)
            self._at = element.end
        else:
            self._at = element.offset
            self._open(element, level.encoding, level.end)
        return element


def resolve_fragments(buffer: Buffer, element: Element, end: int, encoding: Encoding, holes: Holes) -> None:
    """Set length and end of encapsulated Pixel Data, whose items may be a hole."""
    missing = holes.size_at(element.offset)
    value_end, element.end = fragments_end(buffer, element.offset, end, encoding)
    element.length = missing or value_end - element.offset


def item_encoding(buffer: Buffer, at: int, end: int, encoding: Encoding) -> Encoding:
    """Return the layout inside an item: some writers put implicit VR items into explicit VR data sets."""
    if not encoding.explicit or at + 8 > end or is_vr(bytes(buffer[at + 4 : at + 6])):
        return encoding
    return encoding.implicit


def _items_encoding(buffer: Buffer, offset: int, end: int, encoding: Encoding) -> Encoding:
    """Return the layout of the items of a sequence: those of UN are little endian in every syntax (PS3.5 6.2.2)."""
    if not encoding.explicit or end - offset < 4:
        return encoding
    return {b"\xfe\xff": EXPLICIT_LE, b"\xff\xfe": EXPLICIT_BE}.get(bytes(buffer[offset : offset + 2]), encoding)


def _name(level: _Level) -> str:
    return tag_text(level.element.tag) if level.element else "?"
