"""Data sets as web clients are shown them: JSON, XML, and bulk values by their addresses."""

import json
import re
from typing import Any, Final
from xml.etree import ElementTree as ET

from fuzz.dicom import SYNTAXES
from fuzz.target import Finding
from held_data_sets import held
from vna.dicom.bulk_path import find_value, parse_bulk_path
from vna.dicom.encoding import EXPLICIT_LE_UID
from vna.dicom.json_model import JsonWriter
from vna.dicom.values import ElementReader, inflated
from vna.dicom.xml_model import native_xml
from vna.errors import CannotConvert, CannotUnderstand

_BULK: Final = re.compile(r'"BulkDataURI":"/([^"]*)"')
_writer: Final = JsonWriter()


def as_json(data: bytes) -> None:
    """Write a data set as JSON and as XML, and look up every bulk value that they name."""
    syntax, content = SYNTAXES[data[0] % len(SYNTAXES)] if data else EXPLICIT_LE_UID, data[1:]
    try:
        stored = held(content, syntax)
        text = JsonWriter().data_set(stored, bulk_uri="").decode()
    except (CannotUnderstand, CannotConvert):
        return
    if _writer.data_set(stored, bulk_uri="").decode() != text:
        raise Finding("JSON depends on what was written before")
    for path in _BULK.findall(text):
        if find_value(ElementReader(inflated(stored)), parse_bulk_path(path)) is None:
            raise Finding(f"a bulk value has the address {path} and is not found there")
    try:
        found: dict[str, Any] = json.loads(text)
        ET.fromstring(native_xml(found))
    except (CannotConvert, RecursionError):
        return  # nested deeper than XML is given, or than this reader goes
