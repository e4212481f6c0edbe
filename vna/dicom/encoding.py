"""How the elements of a data set are laid out: explicit or implicit VR, byte order, transfer syntaxes.

Here are the layout of one element's header (PS3.5 7.1) and which layout a transfer syntax has
(PS3.5 Annex A). Walking from element to element is `elements`, taking a data set apart is `scan`.

    explicit VR, most VRs    | group 2 | element 2 | VR 2 | length 2 | value ...
    explicit VR, LONG_VRS    | group 2 | element 2 | VR 2 | zero 2   | length 4 | value ...
    implicit VR, items       | group 2 | element 2 | length 4        | value ...
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

IMPLICIT_LE_UID: Final = "1.2.840.10008.1.2"
EXPLICIT_LE_UID: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BE_UID: Final = "1.2.840.10008.1.2.2"
DEFLATED_UID: Final = "1.2.840.10008.1.2.1.99"
ENCAPSULATED_UNCOMPRESSED_UID: Final = "1.2.840.10008.1.2.1.98"
GE_PRIVATE_UID: Final = "1.2.840.113619.5.2"

DEFLATED_UIDS: Final = frozenset({DEFLATED_UID, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
"""Data sets that are a deflate stream (PS3.5 A.5), and their JPIP relatives."""

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_DELIMITER: Final = 0xFFFEE00D
SEQUENCE_DELIMITER: Final = 0xFFFEE0DD

PIXEL_DATA: Final = 0x7FE00010
FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA: Final = 0x7FE00009
ENCAPSULATED_DOCUMENT: Final = 0x00420011

LONG_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""VRs whose length has 32 bits in explicit VR (PS3.5 table 7.1-1)."""

SHORT_VRS: Final = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM"}
    | {"UI", "UL", "US"}
)
"""VRs whose length has 16 bits in explicit VR (PS3.5 table 7.1-2)."""

WORD: Final[Mapping[str, int]] = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes in a word of those VRs whose byte order is that of the transfer syntax (PS3.5 6.2, 7.3).

OW is words of 16 bits whatever the pixels are: 8-bit pixels are swapped in pairs, 32-bit ones by halves.
UN is never swapped, its values are little endian in every syntax.
"""

Unpack = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """One of the four layouts of elements; only the constants of this module exist.

    The readers are bound `struct.Struct.unpack_from` methods: (group, element, VR, 16-bit length),
    (group, element, 32-bit length) and (32-bit number,).
    """

    explicit: bool
    little_endian: bool
    read_explicit: Unpack
    read_implicit: Unpack
    read_number: Unpack

    @property
    def order(self) -> str:
        """The byte order as `struct` and numpy write it: `<` or `>`."""
        return "<" if self.little_endian else ">"

    @property
    def implicit(self) -> "Encoding":
        """The implicit VR layout of the same byte order."""
        return IMPLICIT_LE if self.little_endian else IMPLICIT_BE


def _layout(explicit: bool, order: str) -> Encoding:
    return Encoding(
        explicit=explicit,
        little_endian=order == "<",
        read_explicit=Struct(f"{order}HH2sH").unpack_from,
        read_implicit=Struct(f"{order}HHI").unpack_from,
        read_number=Struct(f"{order}I").unpack_from,
    )


EXPLICIT_LE: Final = _layout(True, "<")
EXPLICIT_BE: Final = _layout(True, ">")
IMPLICIT_LE: Final = _layout(False, "<")
IMPLICIT_BE: Final = _layout(False, ">")
"""No transfer syntax has it; it occurs in items that wrong writers put into big endian data sets."""


def encoding_of(transfer_syntax: str) -> Encoding:
    """Return the layout of a transfer syntax; every syntax not known here is explicit VR little endian.

    All encapsulated syntaxes are (PS3.5 A.4), also future and private ones. GE's private syntax is
    implicit VR little endian whose native Pixel Data alone is big endian.
    """
    if transfer_syntax in (IMPLICIT_LE_UID, GE_PRIVATE_UID):
        return IMPLICIT_LE
    if transfer_syntax == EXPLICIT_BE_UID:
        return EXPLICIT_BE
    return EXPLICIT_LE


def is_vr(code: bytes) -> bool:
    """Return whether two bytes look like a VR, known or not: two capital letters."""
    return len(code) == 2 and 0x41 <= code[0] <= 0x5A and 0x41 <= code[1] <= 0x5A


def tag_text(tag: int) -> str:
    """Return a tag as the standard writes it.

    >>> tag_text(0x7FE00010)
    '(7FE0,0010)'
    """
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
