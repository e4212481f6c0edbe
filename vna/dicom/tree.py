"""A data set as a tree: its values by tag, and the items of its sequences below, for whoever needs many of them.

What a query or a conversion needs is read elsewhere without building anything; a tree is for presentation, where one
value decides which other is looked at. Values are read tolerantly: what cannot be read as what its VR says is absent.

`tree_reading` builds trees; this module is light, for codec processes import it when they start.
"""

import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from vna.dicom.text import decode

_BINARY: Final = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
    "OF": "f",
    "OD": "d",
    "OW": "H",
    "OL": "I",
    "OV": "Q",
    "OB": "B",
}
_IN_TEXT: Final = frozenset({"DS", "IS"})
_IN_CHARSET: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT", "UN"})
_ONE_TEXT: Final = frozenset({"LT", "ST", "UT", "UR"})


class Leaf(NamedTuple):
    """The VR and the bytes of a value, little endian."""

    vr: str
    data: bytes


@dataclass(slots=True)
class Tree:
    """A data set, or an item of a sequence; `charset` is the Specific Character Set that holds here."""

    values: dict[int, Leaf] = field(default_factory=dict)
    sequences: dict[int, list["Tree"]] = field(default_factory=dict)
    charset: str = ""

    def __contains__(self, tag: int) -> bool:
        return tag in self.values or tag in self.sequences

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a value, empty if it is absent."""
        leaf = self.values.get(tag)
        return leaf.data if leaf else b""

    def vr(self, tag: int) -> str:
        """Return the VR of a value, empty if it is absent."""
        leaf = self.values.get(tag)
        return leaf.vr if leaf else ""

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Return the numbers of a value, binary or in text; none if it is no number."""
        leaf = self.values.get(tag)
        if leaf is None:
            return ()
        if leaf.vr in _IN_TEXT:
            try:
                return tuple(float(part) for part in self.texts(tag) if part)
            except ValueError:
                return ()
        kind = _BINARY.get(leaf.vr)
        if kind is None:
            return ()
        count = len(leaf.data) // struct.calcsize(kind)
        return struct.unpack_from(f"<{count}{kind}", leaf.data)

    def number(self, tag: int) -> float | None:
        """Return the first number of a value, None if there is none."""
        return next(iter(self.numbers(tag)), None)

    def whole(self, tag: int, default: int = 0) -> int:
        """Return the first number of a value as a whole one, the default if there is none."""
        number = self.number(tag)
        return default if number is None or number != number or abs(number) > 2**63 else int(number)

    def text(self, tag: int) -> str:
        """Return a value as text without the padding around it, several values joined by a backslash."""
        leaf = self.values.get(tag)
        if leaf is None:
            return ""
        charset = self.charset if leaf.vr in _IN_CHARSET else ""
        return decode(leaf.data, charset, vr=leaf.vr).strip(" \0")

    def texts(self, tag: int) -> list[str]:
        """Return the values of an element as texts, none if it is absent or empty."""
        text = self.text(tag)
        if not text:
            return []
        return [text] if self.vr(tag) in _ONE_TEXT else [part.strip(" \0") for part in text.split("\\")]

    def items(self, tag: int) -> list["Tree"]:
        """Return the items of a sequence, none if it is absent."""
        return self.sequences.get(tag, [])

    def item(self, tag: int) -> "Tree":
        """Return the first item of a sequence; an empty one if there is none, so that one may ask on."""
        return next(iter(self.items(tag)), _NOTHING)


_NOTHING: Final = Tree()
