"""The DICOM JSON Model (PS3.18 Annex F): pydicom is the reference, and what it does otherwise is named here."""

import base64
import json
import struct
import warnings
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.dataelem import DataElement

from conformance import oddities, phantoms
from data_sets import data_set, encoded
from held_data_sets import DataSet, held, in_code, in_files, packaged_files, sample_files
from pydicom_reading import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from shared_samples import needs_samples
from vna.dicom.encoding import DEFLATED_UID
from vna.dicom.json_model import INLINE_BYTES, JsonWriter, value_json

URI = "http://node/bulkdata"
_BULK = ("7FE00010", "7FE00008", "7FE00009", "00420011")


def written(data: bytes, transfer_syntax: str = EXPLICIT_LE) -> dict[str, Any]:
    """Return a stored data set as JSON says it."""
    found = json.loads(JsonWriter().data_set(held(data, transfer_syntax), bulk_uri=URI))
    assert isinstance(found, dict)
    return found


def element(tag: str, vr: str, value: bytes) -> bytes:
    """Return an explicit VR little endian element."""
    head = struct.pack("<HH", int(tag[:4], 16), int(tag[4:], 16)) + vr.encode()
    long = vr in ("OB", "OW", "OD", "OF", "OL", "OV", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
    return head + (b"\0\0" + struct.pack("<I", len(value)) if long else struct.pack("<H", len(value))) + value


def values(tag: str, vr: str, value: bytes) -> object:
    """Return what JSON says of the values of one element."""
    return written(element(tag, vr, value))[tag].get("Value", "none")


def by_pydicom(found: DataSet) -> dict[str, Any]:
    """Return what pydicom makes of a data set; raises what it raises."""
    file = phantoms.part10_head("1.2", "1.3", found.transfer_syntax) + found.data
    with warnings.catch_warnings(action="ignore"):
        made = json.loads(
            dcmread(BytesIO(file)).to_json(
                bulk_data_threshold=INLINE_BYTES,
                bulk_data_element_handler=lambda _element: URI,
                suppress_invalid_tags=True,
            )
        )
    assert isinstance(made, dict)
    return made


def differences(ours: dict[str, Any], theirs: dict[str, Any], path: str = "") -> list[str]:
    """Return where two JSON objects differ in more than how they say the same thing."""
    found = []
    for tag in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(tag), theirs.get(tag)
        if tag.endswith("0000") or tag == "00080001" or tag in _BULK or other is None:
            continue  # group lengths; what pydicom cannot read is left out by it
        if mine is None or mine["vr"] != other["vr"]:
            found.append(f"{path}{tag}: {mine} {other}")
        elif mine["vr"] == "SQ":
            items = mine.get("Value", []), other.get("Value", [])
            for number, (one, two) in enumerate(zip(*items, strict=True)):
                found += differences(one, two, f"{path}{tag}/{number}/")
        elif "BulkDataURI" not in mine and "BulkDataURI" not in other and _said(mine) != _said(other):
            found.append(f"{path}{tag}: {mine} {other}")
    return found


def _said(attribute: dict[str, Any]) -> tuple[list[object], object]:
    """Return values without what pydicom does not: null for empty ones, padding removed, large numbers as text."""
    cleaned = []
    for value in attribute.get("Value", []):
        if isinstance(value, dict):
            cleaned.append({name: text.strip() for name, text in value.items()})
        else:
            cleaned.append(str(value or "").strip() if isinstance(value, str | None) or abs(value) > 2**53 else value)
    return cleaned, attribute.get("InlineBinary")


def compare(found: DataSet) -> list[str]:
    """Compare a data set with what pydicom says of it."""
    try:
        theirs = by_pydicom(found)
    except (ValueError, TypeError, OSError, AttributeError):
        return []  # it raises for values it does not like, of which JSON still has to be given
    return differences(written(found.data, found.transfer_syntax), theirs)


@pytest.mark.parametrize("found", in_code(), ids=lambda found: found.name)
def test_data_sets_say_what_pydicom_says(found: DataSet) -> None:
    assert compare(found) == []


KNOWN = {
    "UN_sequence.dcm",  # a sequence in UN of known length: pydicom has it in its private dictionary
    "chrGB2312.dcm",  # escapes that pydicom leaves in the text
    "DICOMDIR-nooffset",  # its directory is cut off; pydicom reads what is there
    "priv_SQ.dcm",  # a private sequence pydicom takes for unknown
    "nested_priv_SQ.dcm",
    "J2K_pixelrep_mismatch.dcm",
}
SAMPLES_KNOWN = KNOWN | {
    "IM-0001-9600-0001.dcm",
    "GH064.dcm",
    "GH1301.dcm",  # Latin-1 in a CS
    "GH179A.dcm",  # pydicom takes a broken length for the one that is meant
    "charset-gb2312-ir58.dcm",
}


@pytest.mark.long
def test_files_that_come_with_pydicom_say_what_pydicom_says() -> None:
    found = {one.name: compare(one) for one in in_files(packaged_files())}

    assert {name: wrong for name, wrong in found.items() if wrong and name not in KNOWN} == {}


@needs_samples
@pytest.mark.long
def test_samples_say_what_pydicom_says() -> None:
    found = {one.name: compare(one) for one in in_files(sample_files())}

    assert len(found) > 300
    assert {name: wrong for name, wrong in found.items() if wrong and name not in SAMPLES_KNOWN} == {}


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_UID])
def test_every_transfer_syntax_gives_the_same_json(syntax: str) -> None:
    report = oddities.structured_report()
    report.add_new(0x0028_0009, "AT", [0x0018_1063, 0x0020_0013])
    report.add_new(0x0018_9087, "FD", [0.1, -2.5e300])
    data = phantoms.data_set_bytes(report, EXPLICIT_LE)
    expected = written(data)

    assert written(phantoms.data_set_bytes(report, syntax), syntax) == expected
    assert expected["00280009"] == {"vr": "AT", "Value": ["00181063", "00200013"]}


def test_a_name_has_its_groups_and_empty_ones_are_left_out() -> None:
    made = data_set(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    made.OtherPatientNames = ["A^B", "", "=C"]

    found = written(encoded(made))

    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]
    assert found["00101001"]["Value"] == [{"Alphabetic": "A^B"}, None, {"Ideographic": "C"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-0.50", -0.5),
        ("+7.", 7.0),
        ("1E3", 1000.0),
        ("0.1", 0.1),
        ("12345678901234.5", 12345678901234.5),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("9007199254740993", "9007199254740993"),
        ("1e400", "1e400"),
        ("1,5", "1,5"),
        ("nan", "nan"),
        ("0x10", "0x10"),
        ("١", "١"),
        ("", None),
    ],
)
def test_a_decimal_is_a_number_where_that_says_just_the_same(text: str, value: object) -> None:
    assert value_json("DS", ["3", text])["Value"] == [3, value]


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("FD", struct.pack("<3d", float("nan"), float("inf"), float("-inf")), ["NaN", "Infinity", "-Infinity"]),
        ("FL", struct.pack("<2f", 0.5, -1.25), [0.5, -1.25]),
        ("SV", struct.pack("<2q", -(2**63), 12), [str(-(2**63)), 12]),
        ("UV", struct.pack("<Q", 2**64 - 1), [str(2**64 - 1)]),
        ("SS", struct.pack("<2h", -1, 7), [-1, 7]),
        ("SL", struct.pack("<i", -70000), [-70000]),
        ("US", b"\x01\x00\x02", [1]),
        ("IS", b"007\\ -3 ", [7, -3]),
        ("IS", b"1.0 ", ["1.0"]),
        ("LO", b" a \\\\b\0", ["a", None, "b"]),
        ("LO", b"\\ ", [None, None]),
        ("LO", b"  ", "none"),
        ("UT", b" a\\b  ", [" a\\b"]),
        ("UR", b"http://a/?b\\c ", ["http://a/?b\\c"]),
        ("UI", b"1.2\0", ["1.2"]),
        ("CS", b"", "none"),
        ("SQ", b"", "none"),
        ("DA", b"20200102", ["20200102"]),
    ],
)
def test_values_of_each_kind(vr: str, value: bytes, expected: object) -> None:
    assert values("00091001", vr, value) == expected


def test_small_binary_values_stand_in_the_json_and_larger_ones_behind_an_address() -> None:
    small, large = bytes(range(256)) * 4, bytes(INLINE_BYTES + 2)

    found = written(
        element("00091001", "OW", small) + element("00091002", "UN", large) + element("00091003", "OB", b"")
    )

    assert base64.b64decode(found["00091001"]["InlineBinary"]) == small
    assert found["00091002"] == {"vr": "UN", "BulkDataURI": f"{URI}/00091002"}
    assert found["00091003"] == {"vr": "OB"}


def test_words_are_little_endian_however_they_are_stored() -> None:
    made = data_set(RedPaletteColorLookupTableData=b"\x01\x02\x03\x04")
    native = written(encoded(made))["00281201"]["InlineBinary"]

    assert base64.b64decode(native) == b"\x01\x02\x03\x04"
    swapped = element("00281201", "OW", b"\x02\x01\x04\x03")
    swapped = struct.pack(">HH", 0x28, 0x1201) + b"OW\0\0" + struct.pack(">I", 4) + swapped[-4:]
    assert written(swapped, EXPLICIT_BE)["00281201"]["InlineBinary"] == native


def test_bulk_values_have_addresses_at_any_depth_and_are_not_read() -> None:
    icon = data_set(Rows=64)
    icon.add(DataElement(0x7FE00010, "OW", bytes(300_000)))
    made = data_set(StudyID="1")
    made.IconImageSequence = Sequence([data_set(Rows=1), icon])
    made.add(DataElement(0x00420011, "OB", b"%PDF"))

    found = written(encoded(made))

    assert found["00880200"]["Value"][1]["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{URI}/00880200/2/7FE00010"}
    assert found["00880200"]["Value"][0] == {"00280010": {"vr": "US", "Value": [1]}}
    assert found["00420011"] == {"vr": "OB", "BulkDataURI": f"{URI}/00420011"}


def test_each_item_has_the_character_set_it_names() -> None:
    made = data_set(SpecificCharacterSet="ISO_IR 100", PatientName="Äneas")
    item = data_set(SpecificCharacterSet="ISO_IR 192", CodeMeaning="日本")
    made.ProcedureCodeSequence = Sequence([item, data_set(CodeMeaning="Ö")])

    found = written(encoded(made))

    assert found["00100010"]["Value"] == [{"Alphabetic": "Äneas"}]
    meanings = [item["00080104"]["Value"] for item in found["00081032"]["Value"]]
    assert meanings == [["日本"], ["Ö"]]
    assert found["00080005"]["Value"] == ["ISO_IR 100"]  # of the source; JSON itself is UTF-8 (F.2.2, note 3)


def test_attributes_are_in_order_and_group_lengths_are_left_out() -> None:
    data = element("00100020", "LO", b"P1") + element("00080000", "UL", bytes(4)) + element("00080060", "CS", b"CT")

    assert list(written(data)) == ["00080060", "00100020"]


def test_a_sequence_under_the_tag_of_a_group_length_is_told_with_its_items() -> None:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + element("00080060", "CS", b"CT") + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = b"\x08\x00\x00\x00SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"

    assert written(sequence)["00080000"]["Value"] == [{"00080060": {"vr": "CS", "Value": ["CT"]}}]


def test_of_a_sequence_that_is_broken_inside_the_rest_is_still_told() -> None:
    broken = b"\xfe\xff\x00\xe0\x10\x00\x00\x00" + b"\x08\x00\x50\x11UI\xff\x00" + bytes(8)
    data = element("00081140", "SQ", broken) + element("00100020", "LO", b"P1")

    found = written(data)

    assert found["00100020"]["Value"] == ["P1"]
    assert found["00081140"]["vr"] == "UN"
    assert base64.b64decode(found["00081140"]["InlineBinary"]) == broken


def test_private_values_of_implicit_vr_are_known_by_their_creator() -> None:
    def implicit(tag: int, value: bytes) -> bytes:
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value

    known = implicit(0x0019_0010, b"GEMS_ACQU_01") + implicit(0x0019_1002, struct.pack("<i", 912))
    other = implicit(0x0019_0010, b"SOMEBODY    ") + implicit(0x0019_1002, struct.pack("<i", 912))

    writer = JsonWriter()  # what it remembers of the one must not be said of the other
    first, second = (
        json.loads(writer.data_set(held(data, IMPLICIT_LE), bulk_uri=URI))["00191002"] for data in (known, other)
    )

    assert first == {"vr": "SL", "Value": [912]}
    assert second["vr"] == "UN"


def test_the_same_bytes_say_something_else_under_another_character_set_or_representation() -> None:
    def implicit(tag: int, value: bytes) -> bytes:
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value

    def stored(charset: bytes, signed: bytes) -> bytes:
        text = implicit(0x0008_0005, charset) + implicit(0x0010_0020, b"\xc4\xe0")
        return text + implicit(0x0028_0103, signed) + implicit(0x0028_0106, b"\xff\xff")

    writer = JsonWriter()
    latin, cyrillic = (
        json.loads(writer.data_set(held(data, IMPLICIT_LE), bulk_uri=URI))
        for data in (stored(b"ISO_IR 100", b"\0\0"), stored(b"ISO_IR 144", b"\1\0"))
    )

    assert (latin["00100020"]["Value"], cyrillic["00100020"]["Value"]) == (["Äà"], ["Фр"])
    assert latin["00280106"] == {"vr": "US", "Value": [65535]}
    assert cyrillic["00280106"] == {"vr": "SS", "Value": [-1]}


def test_sequences_deeper_than_the_json_library_goes_are_written() -> None:
    levels = 300
    data = element("00100020", "LO", b"P1")
    for _ in range(levels):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data
        data = element("00081140", "SQ", item)

    text = JsonWriter().data_set(held(data, EXPLICIT_LE), bulk_uri=URI).decode()

    assert text.count('"00081140"') == levels
    assert text.count("{") == text.count("}")
    assert '"00100020":{"vr":"LO","Value":["P1"]}' in text


def test_what_data_sets_share_is_written_as_if_each_were_alone() -> None:
    slices: list[Dataset] = phantoms.ct_series(3, size=16)
    slices[1].PatientName = "Ä^B"
    slices[2].SpecificCharacterSet = "ISO_IR 192"
    writer = JsonWriter()

    for number, one in enumerate(slices):
        stored = held(phantoms.data_set_bytes(one), one.file_meta.TransferSyntaxUID)
        alone = JsonWriter().data_set(stored, bulk_uri=f"{URI}/{number}")
        assert writer.data_set(stored, bulk_uri=f"{URI}/{number}") == alone
        assert f"{URI}/{number}/7FE00010" in alone.decode()


def test_pixel_data_without_a_fragment_takes_no_address_from_that_of_others() -> None:
    ds = phantoms.jpeg_multiframe()
    whole, syntax = phantoms.data_set_bytes(ds), ds.file_meta.TransferSyntaxUID
    nothing = whole[: whole.index(b"\xe0\x7f\x10\x00OB") + 12] + b"\xfe\xff\xdd\xe0\0\0\0\0"
    writer = JsonWriter()

    found = [json.loads(writer.data_set(held(data, syntax), bulk_uri="")) for data in (nothing, whole)]

    assert [each["7FE00010"] for each in found] == [{"vr": "OB"}, {"vr": "OB", "BulkDataURI": "/7FE00010"}]
