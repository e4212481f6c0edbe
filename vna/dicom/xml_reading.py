"""Reading data sets in the Native DICOM Model (PS3.19 A.1) into their JSON model.

Document types, and so entities, are refused: a small document could become a large one. Tags of private elements may
have 00 in place of their block, which is then found or made for the creator they name.
"""

import re
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from vna.dicom.json_model import JsonObject
from vna.dicom.json_reading import MAX_LEVELS
from vna.errors import CannotUnderstand

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_NUMBERS: Final = {"FD": float, "FL": float, "SL": int, "SS": int, "SV": int, "UL": int, "US": int, "UV": int}
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_NAME_PARTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_BLOCKS: Final = range(0x10, 0x100)
_MOST_VALUES: Final = 1_000_000


class _Builder(TreeBuilder):
    """Builds the tree of a document that has no document type."""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise CannotUnderstand("XML with a document type is not read")


def parse_xml(document: bytes | bytearray) -> list[JsonObject]:
    """Return the data set of a document as a DICOM JSON object, in a list as `parse_json` gives it.

    Raises:
        CannotUnderstand: it is no XML, or no Native DICOM Model.
    """
    parser = XMLParser(target=_Builder())  # noqa: S314 - entities need a document type, which the builder refuses
    try:
        parser.feed(document)
        root: Element = parser.close()
    except ParseError as exc:
        raise CannotUnderstand(f"no XML: {exc}") from exc
    except (LookupError, ValueError) as exc:
        raise CannotUnderstand("the XML is in an encoding that is not known") from exc
    if _name(root) != "NativeDicomModel":
        raise CannotUnderstand("the XML is no NativeDicomModel")
    return [_data_set(root, 0)]


def _data_set(element: Element, level: int) -> JsonObject:
    if level > MAX_LEVELS:
        raise CannotUnderstand(f"nested deeper than {MAX_LEVELS} levels")
    found: JsonObject = {}
    later: list[tuple[str, str, JsonObject]] = []
    for child in element:
        if _name(child) != "DicomAttribute":
            raise CannotUnderstand(f"{_name(child)[:40]!r} stands where a DicomAttribute should")
        tag, creator = child.get("tag", "").upper(), child.get("privateCreator")
        if not _TAG.fullmatch(tag):
            raise CannotUnderstand(f"{tag[:20]!r} is no tag")
        attribute = _attribute(child, level)
        if creator is not None and tag[4:6] == "00" and int(tag[3], 16) % 2:
            later.append((tag, creator.strip(), attribute))
        elif found.setdefault(tag, attribute) is not attribute:
            raise CannotUnderstand(f"{tag} is there twice")
    for tag, creator, attribute in later:
        _add_private(found, tag, creator, attribute)
    return found


def _add_private(found: JsonObject, tag: str, creator: str, attribute: JsonObject) -> None:
    """Put a private element into the block of its creator (PS3.5 7.8.1)."""
    group = tag[:4]
    blocks = {
        number: found[f"{group}{number:04X}"].get("Value", [None])[0]
        for number in _BLOCKS
        if f"{group}{number:04X}" in found
    }
    block = next((number for number, name in blocks.items() if name == creator), None)
    if block is None:
        block = next((number for number in _BLOCKS if number not in blocks), None)
        if block is None:
            raise CannotUnderstand(f"group {group} has no block left for a private creator")
        found[f"{group}{block:04X}"] = {"vr": "LO", "Value": [creator]}
    full = f"{group}{block:02X}{tag[6:]}"
    if full in found:
        raise CannotUnderstand(f"{full} is there twice")
    found[full] = attribute


def _attribute(element: Element, level: int) -> JsonObject:
    found: JsonObject = {"vr": element.get("vr") or None}
    values: dict[int, Any] = {}
    for child in element:
        kind = _name(child)
        if kind == "BulkData":
            found["BulkDataURI"] = child.get("uri") or child.get("uuid") or ""
        elif kind == "InlineBinary":
            found["InlineBinary"] = "".join((child.text or "").split())
        elif kind in ("Value", "PersonName", "Item"):
            values[_number(child, len(values) + 1)] = _value(child, kind, element.get("vr") or "", level)
        else:
            raise CannotUnderstand(f"{kind[:40]!r} stands inside of a DicomAttribute")
    if values:
        found["Value"] = [values.get(number) for number in range(1, max(values) + 1)]
    return found


def _value(element: Element, kind: str, vr: str, level: int) -> Any:
    if kind == "Item":
        return _data_set(element, level + 1)
    if kind == "PersonName":
        return {_name(group): _components(group) for group in element if _name(group) in _GROUPS}
    text = element.text or ""
    if vr in _NUMBERS:
        try:
            return _NUMBERS[vr](text)
        except ValueError as exc:
            raise CannotUnderstand(f"a value of {vr} is no number") from exc
    return text or None


def _components(group: Element) -> str:
    """Return a component group of a name (PS3.5 6.2.1)."""
    parts = {_name(part): part.text or "" for part in group}
    return "^".join(parts.get(name, "") for name in _NAME_PARTS).rstrip("^")


def _number(element: Element, default: int) -> int:
    text = element.get("number", str(default))
    if not text.isdecimal() or not 0 < int(text[:8]) <= _MOST_VALUES:
        raise CannotUnderstand("a value has no number that it could have")
    return int(text[:8])


def _name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]
