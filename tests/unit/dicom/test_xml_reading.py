"""Reading the Native DICOM Model back: what was written is what is read (PS3.19 A.1)."""

from typing import Any

import orjson
import pytest

from held_data_sets import DataSet, held, in_code
from vna.dicom.json_model import JsonWriter
from vna.dicom.xml_model import native_xml
from vna.dicom.xml_reading import parse_xml
from vna.errors import CannotConvert, CannotUnderstand

_NUMBERS_IN_TEXT = {"DS": float, "IS": int}


def comparable(node: Any) -> Any:
    """Return JSON without what XML has otherwise: numbers in text, and attributes and values that are empty."""
    if isinstance(node, list):
        return [comparable(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("vr") in _NUMBERS_IN_TEXT and node.get("Value"):
        number = _NUMBERS_IN_TEXT[node["vr"]]
        return {**node, "Value": [None if value is None else number(value) for value in node["Value"]]}
    return {name: comparable(value) for name, value in node.items() if value not in ("", [None])}


@pytest.mark.parametrize("data_set", in_code(), ids=lambda each: each.name)
def test_what_is_given_as_xml_is_read_as_the_same(data_set: DataSet) -> None:
    given = orjson.loads(JsonWriter().data_set(held(data_set.data, data_set.transfer_syntax), bulk_uri="bulk"))
    try:
        document = native_xml(given)
    except CannotConvert:
        pytest.skip("it is given as JSON alone")

    (read,) = parse_xml(document)

    assert comparable(read) == comparable(given)


def test_private_elements_find_the_block_of_their_creator_or_get_one() -> None:
    document = b"""<NativeDicomModel>
      <DicomAttribute tag="00090010" vr="LO"><Value number="1">ONE</Value></DicomAttribute>
      <DicomAttribute tag="00090001" privateCreator="TWO" vr="LO"><Value number="1">b</Value></DicomAttribute>
      <DicomAttribute tag="00090001" privateCreator="ONE" vr="LO"><Value number="1">a</Value></DicomAttribute>
    </NativeDicomModel>"""

    (model,) = parse_xml(document)

    assert {tag: element["Value"] for tag, element in model.items()} == {
        "00090010": ["ONE"],
        "00090011": ["TWO"],
        "00091001": ["a"],
        "00091101": ["b"],
    }


def test_values_stand_where_their_numbers_say() -> None:
    document = b"""<NativeDicomModel><DicomAttribute tag="00080008" vr="CS">
      <Value number="3">C</Value><Value number="1">A</Value></DicomAttribute></NativeDicomModel>"""

    assert parse_xml(document) == [{"00080008": {"vr": "CS", "Value": ["A", None, "C"]}}]


def test_a_document_type_is_refused_with_all_it_could_bring() -> None:
    with pytest.raises(CannotUnderstand, match="document type"):
        parse_xml(b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel/>')


def test_ends_of_lines_are_kept() -> None:
    comments = {"vr": "LT", "Value": ["one\r\ntwo\rthree\n"]}

    (read,) = parse_xml(native_xml({"00104000": comments}))

    assert read == {"00104000": comments}
