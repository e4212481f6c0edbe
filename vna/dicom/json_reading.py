"""Reading data sets in the DICOM JSON Model (PS3.18 Annex F): objects of a JSON document become values of a data set.

Text is written in UTF-8, and Specific Character Set says so, as soon as there is more than ASCII in a data set: JSON
has no other (PS3.18 F.2). Values given by BulkDataURI are left open: a `Bulk` whose digest is the URI, of no size yet.
What describes an encoding and not the content is left out: File Meta, group lengths, Available Transfer Syntax UID.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from struct import error, pack
from typing import Any, Final

import orjson
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.valuerep import format_number_as_ds

from vna.dicom.describe import LOCALIZED_VRS, TEXT_VRS
from vna.dicom.elements import Mark
from vna.dicom.encoding import LONG_VRS, SHORT_VRS, tag_text
from vna.dicom.implicit_vr import UNKNOWN
from vna.dicom.json_model import BINARY_VRS, JsonObject
from vna.dicom.text import SPECIFIC_CHARACTER_SET, UTF_8
from vna.dicom.values import Bulk, SequenceStart, Token, Value
from vna.errors import CannotUnderstand

MAX_LEVELS: Final = 128
"""Data sets nested deeper than this are not read."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_TRANSFER_SYNTAX: Final = "00020010"
_AVAILABLE_TRANSFER_SYNTAX: Final = "00083002"
_NO_CONTENT: Final = frozenset({0x00080001, 0x00083002})
_TEXT_VRS: Final = LOCALIZED_VRS | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
_BINARY: Final = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_FLOATS: Final = frozenset({"FD", "FL"})
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_LONGEST_DS: Final = 16
_SAYS_UTF_8: Final = Value(SPECIFIC_CHARACTER_SET, "CS", UTF_8.encode())


@dataclass(frozen=True, slots=True)
class ModelDataSet:
    """A data set that came as JSON or XML.

    `transfer_syntax` is the one its pixels are said to be in, empty if it does not say.
    """

    tokens: list[Token]
    transfer_syntax: str

    def text(self, tag: int) -> str:
        """Return a value of the top level in ASCII, empty if it is absent."""
        depth = 0
        for token in self.tokens:
            if isinstance(token, Mark):
                depth += {Mark.ITEM: 1, Mark.ITEM_END: -1}.get(token, 0)
            elif depth == 0 and isinstance(token, Value) and token.tag == tag:
                return token.data.decode("ascii", "replace").strip(" \0")
        return ""


def parse_json(document: bytes | bytearray) -> list[JsonObject]:
    """Return the objects of a document: an array of data sets (PS3.18 F.2), or one alone.

    Raises:
        CannotUnderstand: it is no JSON, or something else.
    """
    try:
        parsed = orjson.loads(document)
    except orjson.JSONDecodeError as exc:
        raise CannotUnderstand(f"no JSON: {exc.msg} at character {exc.pos}") from exc
    found = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(each, dict) for each in found):
        raise CannotUnderstand("the JSON is no array of data sets")
    return found


def read_model(model: JsonObject) -> ModelDataSet:
    """Return a data set as its values, in the order of their tags.

    Raises:
        CannotUnderstand: an attribute is not what PS3.18 F.2 allows; says which one.
    """
    reader = _Reader()
    reader.read(model, 0)
    tokens = reader.tokens
    if reader.not_ascii:
        tokens = _in_utf_8(tokens)
    syntax = _said(model, _TRANSFER_SYNTAX) or _said(model, _AVAILABLE_TRANSFER_SYNTAX)
    return ModelDataSet(tokens, syntax)


class _Reader:
    """Collects the tokens of one data set."""

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        self.not_ascii = False

    def read(self, model: JsonObject, level: int) -> None:
        if level > MAX_LEVELS:
            raise CannotUnderstand(f"nested deeper than {MAX_LEVELS} levels")
        known: dict[int, Any] = {}
        for name, attribute in model.items():
            if not _TAG.fullmatch(name) or int(name, 16) in known:
                raise CannotUnderstand(f"{name[:20]!r} is no tag, or is there twice")
            known[int(name, 16)] = attribute
        for tag in sorted(known):
            if _is_content(tag):
                self._attribute(tag, known[tag], level)

    def _attribute(self, tag: int, attribute: Any, level: int) -> None:
        if not isinstance(attribute, dict):
            raise _wrong(tag, "is no object")
        vr = attribute.get("vr") or (dictionary_VR(tag)[:2] if dictionary_has_tag(tag) else UNKNOWN)
        values = attribute.get("Value")
        if not isinstance(vr, str) or (vr not in LONG_VRS and vr not in SHORT_VRS):
            raise _wrong(tag, "has no VR of PS3.5")
        if sum(attribute.get(name) is not None for name in ("Value", "InlineBinary", "BulkDataURI")) > 1:
            raise _wrong(tag, "has more than one of Value, InlineBinary and BulkDataURI")
        if values is not None and not isinstance(values, list):
            raise _wrong(tag, "has a Value that is no array")
        if vr == "SQ":
            self._sequence(tag, attribute, level)
        elif attribute.get("BulkDataURI") is not None:
            self._bulk(tag, vr, attribute["BulkDataURI"])
        elif vr not in BINARY_VRS and attribute.get("InlineBinary") is not None:
            raise _wrong(tag, f"has InlineBinary, which {vr} cannot have")
        elif vr in BINARY_VRS:
            self._add(tag, vr, self._inline(tag, attribute))
        else:
            self._add(tag, vr, self._encoded(tag, vr, values or []))

    def _sequence(self, tag: int, attribute: JsonObject, level: int) -> None:
        if "InlineBinary" in attribute or "BulkDataURI" in attribute:
            raise _wrong(tag, "is a sequence, which has items")
        self.tokens.append(SequenceStart(tag))
        for item in attribute.get("Value") or []:
            if not isinstance(item, dict | None):
                raise _wrong(tag, "has an item that is no object")
            self.tokens.append(Mark.ITEM)
            self.read(item or {}, level + 1)
            self.tokens.append(Mark.ITEM_END)
        self.tokens.append(Mark.SEQUENCE_END)

    def _bulk(self, tag: int, vr: str, uri: Any) -> None:
        if not isinstance(uri, str) or not uri:
            raise _wrong(tag, "has a BulkDataURI that is no text")
        self.tokens.append(Bulk(tag, vr, uri, 0, 0, little_endian=True))

    def _inline(self, tag: int, attribute: JsonObject) -> bytes:
        text = attribute.get("InlineBinary")
        if attribute.get("Value"):
            raise _wrong(tag, "is binary: it takes InlineBinary or BulkDataURI")
        if text is None:
            return b""
        try:
            return b64decode(text, validate=True)
        except (NotBase64, ValueError, TypeError) as exc:
            raise _wrong(tag, "has an InlineBinary that is no base64") from exc

    def _encoded(self, tag: int, vr: str, values: Sequence[Any]) -> bytes:
        if vr in _BINARY:
            return self._numbers(tag, vr, values)
        if vr == "AT":
            return b"".join(_tag_bytes(tag, value) for value in values)
        write = _WRITERS.get(vr, _plain)
        try:
            texts = ["" if value is None else write(value) for value in values]
        except (TypeError, ValueError, OverflowError) as exc:
            raise _wrong(tag, f"has a value that is none of {vr}") from exc
        if vr in TEXT_VRS and len(texts) > 1:
            raise _wrong(tag, f"has several values, which {vr} cannot have")
        text = "\\".join(texts)
        self.not_ascii = self.not_ascii or (vr in LOCALIZED_VRS and not text.isascii())
        return text.encode()

    @staticmethod
    def _numbers(tag: int, vr: str, values: Sequence[Any]) -> bytes:
        """Write binary numbers; what JSON has no numbers for comes as text: NaN, infinities, more than 53 bits."""
        as_number: Callable[[Any], int | float] = float if vr in _FLOATS else _whole
        try:
            numbers = [as_number(value) for value in values]
            return pack(f"<{len(numbers)}{_BINARY[vr]}", *numbers)
        except (error, ValueError, TypeError, OverflowError) as exc:
            raise _wrong(tag, f"has a value that is none of {vr}") from exc

    def _add(self, tag: int, vr: str, data: bytes) -> None:
        if len(data) % 2:
            data += b" " if vr in _TEXT_VRS and vr != "UI" else b"\0"
        self.tokens.append(Value(tag, vr, data))


def _is_content(tag: int) -> bool:
    """Return whether an element belongs into the data set.

    Raises:
        CannotUnderstand: it is of no group that a data set can have (PS3.5 7.1).
    """
    if tag >> 16 == 0x0002 or tag & 0xFFFF == 0 or tag in _NO_CONTENT:
        return False
    if not 0x0000 < tag >> 16 < 0xFFFE:
        raise _wrong(tag, "does not belong into a data set")
    return True


def _in_utf_8(tokens: list[Token]) -> list[Token]:
    """Return a data set whose text is in UTF-8 with the Specific Character Set that says so, and no other."""
    plain = list[Token]()
    depth, missing = 0, True
    for token in tokens:
        if isinstance(token, Value) and token.tag == SPECIFIC_CHARACTER_SET:
            continue
        if missing and depth == 0 and not isinstance(token, Mark) and token.tag > SPECIFIC_CHARACTER_SET:
            plain.append(_SAYS_UTF_8)
            missing = False
        if isinstance(token, Mark):
            depth += {Mark.ITEM: 1, Mark.ITEM_END: -1}.get(token, 0)
        plain.append(token)
    return [*plain, _SAYS_UTF_8] if missing else plain


def _name(value: Any) -> str:
    """Return a person name out of its component groups; one that is a text has them already."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not value.keys() <= set(_GROUPS):
        raise TypeError
    groups = [value.get(group) or "" for group in _GROUPS]
    return "=".join(map(_plain, groups)).rstrip("=")


def _plain(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _decimal(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isfinite(value):
        raise TypeError
    text = repr(value)
    return text if len(text) <= _LONGEST_DS else format_number_as_ds(float(value))


def _integer(value: Any) -> str:
    return value if isinstance(value, str) else str(_whole(value))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise TypeError
    return int(value)


_WRITERS: Final[dict[str, Callable[[Any], str]]] = {"PN": _name, "DS": _decimal, "IS": _integer}


def _tag_bytes(tag: int, value: Any) -> bytes:
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise _wrong(tag, "has a value that is no tag")
    return pack("<HH", int(value[:4], 16), int(value[4:], 16))


def _said(model: JsonObject, name: str) -> str:
    attribute = model.get(name)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""


def _wrong(tag: int, what: str) -> CannotUnderstand:
    return CannotUnderstand(f"{tag_text(tag)} {what}")
