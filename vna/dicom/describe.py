"""What the index keeps of a data set: the attributes of the table, as text.

On the path of every C-STORE, so ASCII values, which nearly all are, take a short cut. Never fails for a
bad value: undecodable bytes are replaced, over-long values cut, what is no number left out. `key_of`
is the strict part: without valid UIDs an instance cannot be kept.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import calcsize, unpack_from
from types import MappingProxyType
from typing import Final

from vna.dicom.attributes import Attribute, Level, Storage, at_level
from vna.dicom.elements import Element
from vna.dicom.encoding import tag_text
from vna.dicom.scan import BULK_SIZE, Scan
from vna.dicom.text import SPECIFIC_CHARACTER_SET, decode
from vna.errors import CannotUnderstand
from vna.model import InstanceKey, InstanceUID, SeriesUID, StudyUID

Value = str | tuple[Mapping[str, str], ...]
"""An attribute's value: decoded text, several values joined by a backslash; or the items of a sequence."""

TEXT_VRS: Final = frozenset({"LT", "ST", "UT", "UR"})
"""VRs of a single text, in which a backslash separates nothing and leading spaces count (PS3.5 6.2)."""

MAX_CHARACTERS: Final = 512
"""A value is cut here: PS3.5 allows 64 to a name group, and a database index has its limit too."""

MAX_TEXT_CHARACTERS: Final = 10_240
"""The limit of a value of TEXT_VRS, that of LT in PS3.5 6.2."""

MAX_ITEMS: Final = 64
"""Of longer sequences the first items are kept."""

LOCALIZED_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs whose characters Specific Character Set decides on (PS3.5 6.1.2.3)."""

BINARY_VRS: Final[Mapping[str, str]] = MappingProxyType(
    {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
)
"""VRs of binary numbers, with their codes in `struct`; `text_of` writes them in decimal."""

_SIMPLE_VRS: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "IS", "LO", "PN", "SH", "TM", "UI"})
_ACR_NEMA: Final = MappingProxyType({"DA": ".", "TM": ":"})
_UID: Final = re.compile(r"\d+(?:\.\d+)*", re.ASCII)
_MAX_UID: Final = 64
_PADDING: Final = " \0"

_STORED: Final = tuple(
    tuple(each for each in at_level(level) if each.storage is not Storage.COMPUTED) for level in Level
)
_KEY: Final = (
    (0x0008_0016, "SOP Class UID"),
    (0x0020_000D, "Study Instance UID"),
    (0x0020_000E, "Series Instance UID"),
    (0x0008_0018, "SOP Instance UID"),
)


@dataclass(frozen=True, slots=True)
class Description:
    """The attributes of an instance by level, keyword to value; absent and empty ones are left out."""

    patient: Mapping[str, Value]
    study: Mapping[str, Value]
    series: Mapping[str, Value]
    instance: Mapping[str, Value]


def describe(scan: Scan) -> Description:
    """Return what the table of attributes knows of a data set (stored attributes, not computed ones)."""
    charset = charset_of(scan)
    return Description(*(_values(scan, attributes, charset) for attributes in _STORED))


def key_of(scan: Scan) -> tuple[str, InstanceKey]:
    """Return the SOP Class UID of a data set and the three UIDs that name it.

    Raises:
        CannotUnderstand: one of them is missing, empty or no UID (PS3.5 9.1). Leading zeros in
            components are tolerated: real devices write them.
    """
    sop_class, study, series, instance = (_uid(scan, tag, name) for tag, name in _KEY)
    return sop_class, InstanceKey(StudyUID(study), SeriesUID(series), InstanceUID(instance))


def is_uid(text: str) -> bool:
    """Return whether a text is a UID: digits in components between dots, up to 64 characters (PS3.5 9.1)."""
    return len(text) <= _MAX_UID and _UID.fullmatch(text) is not None


def charset_of(scan: Scan) -> str:
    """Return the Specific Character Set of a data set, empty if it has none."""
    raw = scan.raw(SPECIFIC_CHARACTER_SET)
    return raw.decode("ascii", "replace").strip(_PADDING) if raw else ""


def text_of(scan: Scan, element: Element, vr: str, *, charset: str) -> str:
    """Return a value as text: decoded, each of several values without its padding.

    Dates and times in the forms of ACR-NEMA (2013.01.02, 10:11:12; PS3.5 6.2) come out in today's.
    Only bulk can be missing from a scanned header, so smaller values are read without asking for it.
    """
    if element.length > BULK_SIZE:
        raw = scan.raw(element) or b""
    else:
        raw = bytes(scan.buffer[element.offset : element.offset + element.length])
    if vr in _SIMPLE_VRS and raw.isascii():
        text = raw.decode("ascii").strip(_PADDING)
        if text.isprintable() and "\\" not in text and _ACR_NEMA.get(vr, "\\") not in text:
            return text
    if vr in BINARY_VRS:
        return _numbers(raw, BINARY_VRS[vr], "<" if scan.little_endian else ">")
    text = decode(raw, charset, vr=vr) if vr in LOCALIZED_VRS else raw.decode("ascii", "replace")
    if vr in TEXT_VRS:
        return text.rstrip(_PADDING).replace("\0", "\ufffd")
    text = "\\".join(value.strip(_PADDING) for value in text.split("\\"))
    if vr in _ACR_NEMA:
        text = text.replace(_ACR_NEMA[vr], "")
    return text.replace("\0", "\ufffd")


def _numbers(raw: bytes, code: str, order: str) -> str:
    count = len(raw) // calcsize(code)
    return "\\".join(map(str, unpack_from(f"{order}{count}{code}", raw)))


def _kept(scan: Scan, element: Element, vr: str, charset: str) -> str:
    text = text_of(scan, element, vr, charset=charset)
    if len(text) > MAX_CHARACTERS:
        return text[: MAX_TEXT_CHARACTERS if vr in TEXT_VRS else MAX_CHARACTERS]
    return text


def _values(scan: Scan, attributes: Sequence[Attribute], charset: str) -> dict[str, Value]:
    elements = scan.elements
    found: dict[str, Value] = {}
    for attribute in attributes:
        element = elements.get(attribute.tag)
        if element is None or not element.length:
            continue
        value: Value
        if attribute.items:
            value = _items(scan, attribute, charset)
        else:
            value = _kept(scan, element, attribute.vr, charset)
        if value:
            found[attribute.keyword] = value
    return found


def _items(scan: Scan, attribute: Attribute, charset: str) -> tuple[Mapping[str, str], ...]:
    try:
        items = scan.items(attribute.tag)
    except CannotUnderstand:
        return ()
    described = (_item(scan, item, attribute, charset) for item in items[:MAX_ITEMS])
    return tuple(item for item in described if item)


def _item(scan: Scan, item: Mapping[int, Element], attribute: Attribute, charset: str) -> Mapping[str, str]:
    own = item.get(SPECIFIC_CHARACTER_SET)
    if own is not None:
        charset = text_of(scan, own, "CS", charset="")
    texts = (
        (each.keyword, _kept(scan, item[each.tag], each.vr, charset)) for each in attribute.items if each.tag in item
    )
    return {keyword: text for keyword, text in texts if text}


def _uid(scan: Scan, tag: int, name: str) -> str:
    raw = scan.raw(tag)
    text = (raw or b"").decode("ascii", "replace").strip(_PADDING)
    if not text:
        state = "missing" if raw is None else "empty"
        raise CannotUnderstand(f"{tag_text(tag)} {name} is {state}")
    if not is_uid(text):
        raise CannotUnderstand(f"{tag_text(tag)} {name} is not a UID (PS3.5 9.1)")
    return text
