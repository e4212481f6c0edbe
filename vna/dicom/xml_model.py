"""Data sets in the Native DICOM Model (PS3.19 A.1), out of their JSON model.

The attributes of private elements name their creator and have 00 in place of its block, as DCMTK writes them.
Characters that XML cannot hold become U+FFFD.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import dictionary_has_tag, dictionary_keyword

from vna.dicom.json_model import JsonObject
from vna.errors import CannotConvert

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
MAX_LEVELS: Final = 128
"""Data sets nested deeper than this are not given as XML."""

_NAME_PARTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def native_xml(data_set: JsonObject) -> bytes:
    """Return a data set as an XML document.

    Raises:
        CannotConvert: it is nested too deep.
    """
    content = "".join(_attributes(data_set, 0))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">{content}</NativeDicomModel>\n'
    ).encode()


def _attributes(data_set: JsonObject, level: int) -> Iterator[str]:
    if level > MAX_LEVELS:
        raise CannotConvert(f"the data set is nested deeper than {MAX_LEVELS} levels: it is given as JSON alone")
    for tag, attribute in data_set.items():
        yield f"<DicomAttribute {_naming(tag, data_set)} vr={quoteattr(attribute['vr'])}>"
        if "BulkDataURI" in attribute:
            yield f"<BulkData uri={quoteattr(attribute['BulkDataURI'])}/>"
        elif "InlineBinary" in attribute:
            yield f"<InlineBinary>{attribute['InlineBinary']}</InlineBinary>"
        for number, value in enumerate(attribute.get("Value", ()), 1):
            yield from _value(attribute["vr"], number, value, level)
        yield "</DicomAttribute>"


def _naming(tag: str, data_set: JsonObject) -> str:
    """Return what names an attribute: its tag, and the keyword or the private creator."""
    number = int(tag, 16)
    if not number & 0x10000:
        keyword = dictionary_keyword(number) if dictionary_has_tag(number) else ""
        return f'tag="{tag}" keyword="{keyword}"' if keyword else f'tag="{tag}"'
    creator = data_set.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value", [None])[0] if number & 0xF000 else None
    if not isinstance(creator, str):
        return f'tag="{tag}"'
    return f'tag="{tag[:4]}00{tag[6:]}" privateCreator={quoteattr(_clean(creator))}'


def _value(vr: str, number: int, value: Any, level: int) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value, level + 1)
        yield "</Item>"
    elif value is None:
        yield f'<Value number="{number}"/>'
    elif vr == "PN":
        yield f'<PersonName number="{number}">{"".join(_name(value))}</PersonName>'
    else:
        yield f'<Value number="{number}">{_escaped(str(value))}</Value>'


def _name(groups: Mapping[str, str]) -> Iterator[str]:
    for group in _GROUPS:
        if group in groups:
            parts = zip(_NAME_PARTS, groups[group].split("^"), strict=False)
            inside = "".join(f"<{label}>{_escaped(part)}</{label}>" for label, part in parts if part)
            yield f"<{group}>{inside}</{group}>"


def _escaped(text: str) -> str:
    """Return a text for the inside of an element; a bare carriage return is read as a line feed (XML 1.0 2.11)."""
    return escape(_clean(text), {"\r": "&#13;"})


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
