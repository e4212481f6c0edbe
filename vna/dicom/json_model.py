"""Data sets in the DICOM JSON Model (PS3.18 Annex F), straight from stored headers.

Values that lie in blobs are not read: they become a BulkDataURI, as do binary values of more than `INLINE_BYTES`, at
any depth. The URI is the one given for the data set, then the tags down to the value, with the number of the item, from
1 on, behind that of each sequence: `.../bulkdata/00880200/1/7FE00010`.

On the path of whoever opens a series, so what the data sets of a series have in common is written once (`JsonWriter`).
"""

import re
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf, isfinite
from struct import unpack_from
from typing import Any, Final, TypeVar

import orjson

from vna.dicom.describe import LOCALIZED_VRS, TEXT_VRS, charset_of
from vna.dicom.elements import Element, Mark
from vna.dicom.encoding import LONG_VRS, WORD
from vna.dicom.implicit_vr import PIXEL_REPRESENTATION, UNKNOWN
from vna.dicom.scan import Scan
from vna.dicom.text import SPECIFIC_CHARACTER_SET, decode
from vna.dicom.values import Bulk, ElementReader, SequenceStart, StoredDataSet, Token, Value, inflated

K = TypeVar("K", int, str)
V = TypeVar("V")

_Context = tuple[bool, bool, str, bytes | None]
_Key = bytes | tuple[bytes | None, bytes]

JsonObject = dict[str, Any]
"""A data set or an item (attributes by tag), or an attribute (`vr` and what it holds)."""

INLINE_BYTES: Final = 1024
"""Binary values up to this size stand in the JSON itself, in base64."""

BINARY_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", UNKNOWN})
"""VRs whose values are InlineBinary or BulkDataURI (PS3.18 table F.2.3-1)."""

_WORDS: Final = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_INTEGERS: Final = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_DECIMALS: Final = frozenset({"DS", "FD", "FL"})
_TEXTS: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)
_INTEGER: Final = re.compile(r"[+-]?\d{1,17}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EXACT: Final = 2**53
"""Beyond this JavaScript, and what reads JSON as it does, no longer knows one whole number from the next."""
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_PADDING: Final = " \0"
_WRITTEN_AT: Final = 32
"""Items deeper than this are written before what is around them, for the JSON library goes 254 levels deep.

So are those of the top level: an object takes twenty times the memory of its text.
"""
_DECIDING: Final = frozenset({0x0028_3002, 0x0028_3006})
"""LUT Descriptor decides what LUT Data is."""
_SHARED_BYTES: Final = 4096
_SHARED: Final = 50_000
"""Elements of up to so many bytes are remembered, up to so many of them."""


def value_json(vr: str, texts: Sequence[str]) -> JsonObject:
    """Return an attribute that is no sequence and not binary from its values in text, padding removed."""
    if not any(texts):
        return {"vr": vr} if len(texts) < 2 else {"vr": vr, "Value": [None] * len(texts)}
    if vr == "PN":
        return {"vr": vr, "Value": [_name(text) for text in texts]}
    if vr in _INTEGERS:
        return {"vr": vr, "Value": [_integer(text) for text in texts]}
    if vr in _DECIMALS:
        return {"vr": vr, "Value": [_decimal(text) for text in texts]}
    return {"vr": vr, "Value": [text or None for text in texts]}


class JsonWriter:
    """Writes data sets as JSON objects; those of a series best with the same one. Not for several threads at once."""

    def __init__(self) -> None:
        self._known: dict[_Context, dict[_Key, bytes]] = {}

    def data_set(self, stored: StoredDataSet, *, bulk_uri: str) -> bytes:
        """Return a data set; its BulkDataURIs begin with `bulk_uri`.

        Of a deflated data set the blob is read. A sequence that is broken inside is given as an unknown value.

        Raises:
            CannotUnderstand: the header is none.
            CannotConvert: a deflated data set is too large to be read.
        """
        stored = inflated(stored)
        reader, holes = ElementReader(stored), [piece.header_upto for piece in stored.recipe.pieces]
        found, charset = reader.scan, charset_of(reader.scan)
        context = (found.explicit, found.little_endian, charset, found.raw(PIXEL_REPRESENTATION))
        known, buffer = self._known.setdefault(context, {}), found.buffer
        written: dict[int, bytes] = {}
        for element in reader.content():
            tag, start, end = element.tag, element.start, element.end
            key: _Key | None = None
            if end - start <= _SHARED_BYTES and tag not in _DECIDING and not any(start < hole <= end for hole in holes):
                key = _private_key(found, element) if tag & 0x10000 else bytes(buffer[start:end])
            text = None if key is None else known.get(key)
            if text is None:
                text, has_uri = reader.read(element, lambda tokens: _Attribute(charset, bulk_uri).write(tokens))
                if key is not None and not has_uri and len(known) < _SHARED:
                    known[key] = text
            written[tag] = text
        return b"{" + b",".join(_in_order(written).values()) + b"}"


def _private_key(found: Scan, element: Element) -> _Key | None:
    """Return all that decides what becomes of a private element; None for a creator, which decides about others."""
    number = element.tag & 0xFFFF
    if number < 0x1000:
        return None
    return found.raw(element.tag & 0xFFFF0000 | number >> 8), bytes(found.buffer[element.start : element.end])


@dataclass(slots=True)
class _Sequence:
    """A sequence being written: where it lies, and the items that are complete."""

    path: str
    attribute: JsonObject
    items: list[object] = field(default_factory=list)


class _Attribute:
    """One attribute being written, with all that lies inside of it."""

    def __init__(self, charset: str, bulk_uri: str) -> None:
        self._has_uri = False
        self._bulk_uri = bulk_uri
        self._charsets = [charset]
        self._objects: list[JsonObject] = [{}]
        self._sequences: list[_Sequence] = []

    def write(self, tokens: Iterable[Token]) -> tuple[bytes, bool]:
        """Return the name and the attribute, as they stand in an object, and whether there is a BulkDataURI in it."""
        for token in tokens:
            if isinstance(token, Value):
                self._add(token.tag, self._value(token))
            elif isinstance(token, Bulk):
                self._add(token.tag, {"vr": _known(token.vr), "BulkDataURI": self._uri(token.tag)})
            elif isinstance(token, SequenceStart):
                self._begin(token.tag)
            elif token is Mark.ITEM:
                self._objects.append({})
                self._charsets.append(self._charsets[-1])
            elif token is Mark.ITEM_END:
                self._end_item()
            else:
                self._end_sequence()
        return orjson.dumps(self._objects[0])[1:-1], self._has_uri

    def _add(self, tag: int, attribute: JsonObject) -> None:
        self._objects[-1][f"{tag:08X}"] = attribute

    def _begin(self, tag: int) -> None:
        attribute: JsonObject = {"vr": "SQ"}
        self._sequences.append(_Sequence(f"{self._path()}/{tag:08X}", attribute))
        self._add(tag, attribute)

    def _end_sequence(self) -> None:
        sequence = self._sequences.pop()
        if sequence.items:
            sequence.attribute["Value"] = sequence.items

    def _end_item(self) -> None:
        self._charsets.pop()
        item = _in_order(self._objects.pop())
        is_written = len(self._objects) == 1 or len(self._objects) > _WRITTEN_AT
        self._sequences[-1].items.append(orjson.Fragment(orjson.dumps(item)) if is_written else item)

    def _path(self) -> str:
        if not self._sequences:
            return self._bulk_uri
        return f"{self._sequences[-1].path}/{len(self._sequences[-1].items) + 1}"

    def _uri(self, tag: int) -> str:
        self._has_uri = True
        return f"{self._path()}/{tag:08X}"

    def _value(self, value: Value) -> JsonObject:
        vr, data = _known(value.vr), value.data
        if not data:
            return {"vr": vr}
        if vr in _TEXTS:
            return self._text(value.tag, vr, data)
        if vr == "AT":
            words = _words("H", data)
            return {"vr": vr, "Value": [f"{words[at]:04X}{words[at + 1]:04X}" for at in range(0, len(words) - 1, 2)]}
        if vr in _WORDS:
            return {"vr": vr, "Value": [_number(number) for number in _words(_WORDS[vr], data)]}
        if len(data) > INLINE_BYTES or value.fragments:
            return {"vr": vr, "BulkDataURI": self._uri(value.tag)}
        return {"vr": vr, "InlineBinary": b2a_base64(data, newline=False).decode("ascii")}

    def _text(self, tag: int, vr: str, data: bytes) -> JsonObject:
        if tag == SPECIFIC_CHARACTER_SET:
            self._charsets[-1] = data.decode("ascii", "replace").strip(_PADDING)
        text = decode(data, self._charsets[-1], vr=vr) if vr in LOCALIZED_VRS else data.decode("ascii", "replace")
        if vr in TEXT_VRS:
            return value_json(vr, [text.rstrip(_PADDING)])
        return value_json(vr, [part.strip(_PADDING) for part in text.split("\\")])


def _known(vr: str) -> str:
    return vr if vr in WORD or vr in LONG_VRS or vr in _TEXTS else UNKNOWN


def _in_order(attributes: dict[K, V]) -> dict[K, V]:
    """Return attributes in the order of their tags, which PS3.18 F.2.2 demands and senders nearly always keep."""
    names = list(attributes)
    ordered = sorted(names)
    return attributes if names == ordered else {name: attributes[name] for name in ordered}


def _words(code: str, data: bytes) -> tuple[Any, ...]:
    """Return the whole little endian words of a value."""
    size = {"H": 2, "h": 2, "I": 4, "i": 4, "f": 4}.get(code, 8)
    return unpack_from(f"<{len(data) // size}{code}", data)


def _number(number: float) -> float | str:
    """Return a binary number as JSON holds it: what JSON has no number for, and what clients would round, as text."""
    if isinstance(number, int):
        return number if -_EXACT <= number <= _EXACT else str(number)
    if isfinite(number):
        return number
    return {inf: "Infinity", -inf: "-Infinity"}.get(number, "NaN")


def _integer(text: str) -> int | str | None:
    if not _INTEGER.fullmatch(text):
        return text or None
    number = int(text)
    return number if -_EXACT <= number <= _EXACT else text


def _decimal(text: str) -> float | str | None:
    """Return a decimal as a number where that says just the same, as text where not (PS3.18 F.2.3)."""
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if not _DECIMAL.fullmatch(text):
        return text or None
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def _name(text: str) -> JsonObject | None:
    groups = zip(_NAME_GROUPS, (group.strip(_PADDING) for group in text.split("=")), strict=False)
    return {label: group for label, group in groups if group} or None
