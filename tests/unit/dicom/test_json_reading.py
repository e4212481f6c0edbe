"""Reading DICOM JSON back: what was written is what is read (PS3.18 Annex F)."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import orjson
import pytest
from pydicom import Dataset, dcmread

from held_data_sets import DataSet, held, in_code, in_files, packaged_files, sample_files
from shared_samples import needs_samples
from vna.dicom.encoding import EXPLICIT_LE_UID
from vna.dicom.json_model import JsonWriter
from vna.dicom.json_reading import ModelDataSet, parse_json, read_model
from vna.dicom.recode import written
from vna.dicom.values import Bulk, OpenBlob, StoredDataSet
from vna.errors import CannotConvert, CannotUnderstand

_URI = "bulk"
_CHARSET = "00080005"


def as_json(data_set: DataSet) -> tuple[bytes, StoredDataSet]:
    """Return a data set as the archive gives it in JSON, and as it holds it."""
    stored = held(data_set.data, data_set.transfer_syntax)
    return JsonWriter().data_set(stored, bulk_uri=_URI), stored


def no_bulk(_digest: str) -> Iterator[bytes]:
    return iter(())


def as_bytes(model: ModelDataSet, open_blob: OpenBlob = no_bulk) -> bytes:
    """Return a data set in explicit VR little endian."""
    return b"".join(written(model.tokens, EXPLICIT_LE_UID, open_blob).chunks())


def without_bulk(node: Any) -> Any:
    """Return JSON without what refers to bulk data, and without what is written otherwise.

    That is the character set, which becomes UTF-8, characters that could not be read, and odd lengths.
    """
    if isinstance(node, list):
        return [without_bulk(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "InlineBinary" in node:
        data = b64decode(node["InlineBinary"])
        return {**node, "InlineBinary": b64encode(data + bytes(len(data) % 2)).decode()}
    return {name: without_bulk(value) for name, value in node.items() if not _is_left_out(name, value)}


def _is_left_out(name: str, value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    known_as_unknown = value.get("vr") == "UN" and int(name[3], 16) % 2 == 0
    return name == _CHARSET or known_as_unknown or "BulkDataURI" in value or "\ufffd" in str(value.get("Value"))


def check_round_trip(data_set: DataSet) -> None:
    try:
        sent, _ = as_json(data_set)
    except (CannotConvert, CannotUnderstand):
        return
    wanted = without_bulk(orjson.loads(sent))

    model = read_model(wanted)

    again = JsonWriter().data_set(held(as_bytes(model), EXPLICIT_LE_UID), bulk_uri=_URI)
    assert without_bulk(orjson.loads(again)) == wanted


@pytest.mark.parametrize("data_set", in_code(), ids=lambda each: each.name)
def test_what_is_given_as_json_is_read_as_the_same(data_set: DataSet) -> None:
    check_round_trip(data_set)


@pytest.mark.long
def test_the_files_of_pydicom_are_read_as_they_are_given() -> None:
    for data_set in in_files(packaged_files()):
        check_round_trip(data_set)


@needs_samples
@pytest.mark.long
def test_the_samples_are_read_as_they_are_given() -> None:
    for data_set in in_files(sample_files()):
        check_round_trip(data_set)


def test_pydicom_reads_the_same_out_of_the_json_as_out_of_the_bytes() -> None:
    compared = 0
    for data_set in in_code():
        wanted = without_bulk(orjson.loads(as_json(data_set)[0]))
        theirs = Dataset.from_json(json.dumps(wanted))
        ours = dcmread(BytesIO(as_bytes(read_model(wanted))), force=True)
        for element in theirs:
            if element.VR not in ("SQ", "UN") and element.tag != 0x00080005:
                assert ours[element.tag].value == element.value, (data_set.name, element.tag)
                compared += 1
    assert compared > 1000


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ({"vr": "DS", "Value": [1.5, "2.50", 3, 0.1 + 0.2, None]}, b"1.5\\2.50\\3\\0.30000000000000\\"),
        ({"vr": "IS", "Value": [7, "08", 2.0]}, b"7\\08\\2"),
        ({"vr": "PN", "Value": [{"Alphabetic": "A^B", "Phonetic": "C"}, "D^E"]}, b"A^B==C\\D^E"),
        ({"vr": "AT", "Value": ["00200010", "7FE00010"]}, b"\x20\x00\x10\x00\xe0\x7f\x10\x00"),
        ({"vr": "FD", "Value": ["NaN"]}, b"\0\0\0\0\0\0\xf8\x7f"),
        ({"vr": "UV", "Value": ["18446744073709551615"]}, b"\xff" * 8),
        ({"vr": "SV", "Value": [-2]}, b"\xfe" + b"\xff" * 7),
        ({"vr": "OB", "InlineBinary": "AQID"}, b"\1\2\3\0"),
        ({"vr": "UI", "Value": ["1.2.3"]}, b"1.2.3\0"),
        ({"vr": "LO", "Value": ["a", None, "b"]}, b"a\\\\b"),
        ({"vr": "LO"}, b""),
        ({"vr": "LO", "Value": None}, b""),
    ],
    ids=["ds", "is", "pn", "at", "nan", "uv", "sv", "ob", "ui", "lo", "empty", "null"],
)
def test_a_value_is_written_as_its_vr_wants_it(attribute: dict[str, Any], expected: bytes) -> None:
    expected += b" " * (len(expected) % 2)

    (token,) = read_model({"00091010": attribute}).tokens

    assert token.data[: len(expected)].startswith(expected[:24])
    assert len(token.data) % 2 == 0


def test_text_beyond_ascii_is_written_in_utf_8_at_every_level() -> None:
    model = {
        "00060001": {"vr": "SQ", "Value": [{"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}}]},
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
        "00081115": {"vr": "SQ", "Value": [{"0008103E": {"vr": "LO", "Value": ["Schädel 山田"]}}]},
    }

    ds = dcmread(BytesIO(as_bytes(read_model(model))), force=True)

    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.ReferencedSeriesSequence[0].SeriesDescription == "Schädel 山田"
    assert "SpecificCharacterSet" not in ds[0x00060001].value[0]


def test_bulk_is_left_open_and_file_meta_is_read_apart() -> None:
    model = {
        "00020010": {"vr": "UI", "Value": ["1.2.840.10008.1.2.4.50"]},
        "00080000": {"vr": "UL", "Value": [5]},
        "00080016": {"vr": "UI", "Value": ["1.2.3"]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "../bulk/1"},
    }

    found = read_model(model)

    assert found.transfer_syntax == "1.2.840.10008.1.2.4.50"
    assert found.text(0x00080016) == "1.2.3"
    assert found.tokens[-1] == Bulk(0x7FE00010, "OW", "../bulk/1", 0, 0, little_endian=True)


def test_a_value_that_came_as_bulk_is_put_in_its_place() -> None:
    found = read_model({"00420011": {"vr": "OB", "BulkDataURI": "x"}, "00420012": {"vr": "LO", "Value": ["a/b"]}})
    found.tokens[0] = replace(found.tokens[0], size=4, blob_size=4)

    ds = dcmread(BytesIO(as_bytes(found, lambda digest: iter([digest.encode() * 4]))), force=True)

    assert (ds.EncapsulatedDocument, ds.MIMETypeOfEncapsulatedDocument) == (b"xxxx", "a/b")


@pytest.mark.parametrize(
    "model",
    [
        {"nonsense": {"vr": "LO"}},
        {"00080016": []},
        {"00080016": {"vr": "XX"}},
        {"00080016": {"vr": 5}},
        {"00080016": {"vr": "UI", "Value": "1.2"}},
        {"00080016": {"vr": "UI", "Value": [5]}},
        {"0008001a": {"vr": "UI"}, "0008001A": {"vr": "UI"}},
        {"FFFEE000": {"vr": "UI"}},
        {"00000002": {"vr": "UI", "Value": ["1"]}},
        {"00280010": {"vr": "US", "Value": [70000]}},
        {"00280010": {"vr": "US", "Value": [1.5]}},
        {"00280010": {"vr": "US", "Value": [True]}},
        {"00280010": {"vr": "US", "Value": [None]}},
        {"00091010": {"vr": "OB", "InlineBinary": "?"}},
        {"00091010": {"vr": "OB", "Value": [1]}},
        {"00091010": {"vr": "OB", "InlineBinary": "AA==", "BulkDataURI": "x"}},
        {"00091010": {"vr": "OB", "BulkDataURI": 7}},
        {"00091010": {"vr": "UT", "Value": ["a", "b"]}},
        {"00091010": {"vr": "AT", "Value": ["x"]}},
        {"00091010": {"vr": "DS", "Value": [[]]}},
        {"00091010": {"vr": "PN", "Value": [5]}},
        {"00091010": {"vr": "PN", "Value": [{"Family": "a"}]}},
        {"00091010": {"vr": "US", "InlineBinary": "AAE="}},
        {"00091010": {"vr": "LO", "InlineBinary": "AAE="}},
        {"00091010": {"vr": "SQ", "Value": [5]}},
        {"00091010": {"vr": "SQ", "BulkDataURI": "x"}},
    ],
    ids=str,
)
def test_what_the_model_does_not_allow_is_refused(model: Any) -> None:
    with pytest.raises(CannotUnderstand):
        read_model(model)


def test_what_is_nested_too_deep_is_refused() -> None:
    model: Any = {}
    for _ in range(200):
        model = {"00081115": {"vr": "SQ", "Value": [model]}}

    with pytest.raises(CannotUnderstand):
        read_model(model)


@pytest.mark.parametrize("document", [b"", b"{", b"5", b"[5]", b'"x"', b"\xff"], ids=repr)
def test_what_is_no_document_is_refused(document: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        parse_json(document)
