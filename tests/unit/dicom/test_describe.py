import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence
from pydicom.data import get_charset_files
from pydicom.multival import MultiValue

from data_sets import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_set, file_scanned, scanned
from shared_samples import SAMPLES, needs_samples
from vna.dicom.attributes import Level, Storage, at_level
from vna.dicom.describe import MAX_CHARACTERS, MAX_ITEMS, Description, Value, describe, is_uid, key_of
from vna.dicom.scan import scan
from vna.errors import CannotUnderstand
from vna.model import InstanceKey

UIDS = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "SOPInstanceUID": "1.2.3.4.5",
}
CHARSET_FILES = sorted(map(str, get_charset_files("*.dcm")))
LEAVES_ESCAPES = "charset-gb2312-ir58.dcm"  # pydicom keeps those of ISO 2022 IR 58 in the text
SYNTHETIC = [
    path for path in sorted((SAMPLES / "synthetic" / "valid").glob("charset-*.dcm")) if path.name != LEAVES_ESCAPES
]


def patient(text: bytes, charset: bytes = b"") -> Description:
    """Return the description of a data set with this Patient ID, byte for byte."""
    elements = [(b"\x08\x00\x05\x00CS", charset), (b"\x10\x00\x20\x00LO", text)]
    data = b"".join(head + len(raw).to_bytes(2, "little") + raw for head, raw in elements if raw)
    return describe(scan(data, EXPLICIT_LE))


def by_level(described: Description) -> Iterator[tuple[Level, dict[str, Value]]]:
    values = (described.patient, described.study, described.series, described.instance)
    yield from zip(Level, map(dict, values), strict=True)


def as_pydicom_has_it(read: Dataset, keyword: str) -> str:
    value = read.get(keyword)
    if value is None:
        return ""
    values = value if isinstance(value, MultiValue | list) else [value]
    return "\\".join(str(each).strip(" \0") for each in values)


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
def test_attributes_are_sorted_by_level(syntax: str) -> None:
    made = data_set(PatientID="P1", StudyDate="20240102", Modality="CT", Rows=512, InstanceNumber=7)

    described = describe(scanned(made, syntax))

    assert described == Description(
        patient={"PatientID": "P1"},
        study={"StudyDate": "20240102"},
        series={"Modality": "CT"},
        instance={"Rows": "512", "InstanceNumber": "7"},
    )


def test_absent_and_empty_attributes_are_left_out() -> None:
    assert describe(scanned(data_set(PatientID="", PatientName=None, StudyID=" "))) == Description({}, {}, {}, {})


def test_padding_goes_and_several_values_stay_apart() -> None:
    described = patient(b"  A \\ B\\C ")

    assert described.patient["PatientID"] == "A\\B\\C"


def test_dates_and_times_of_acr_nema_come_out_in_todays_form() -> None:
    data = b"\x08\x00\x20\x00DA\x0a\x002013.01.02\x08\x00\x30\x00TM\x0a\x0010:11:12.5"

    described = describe(scan(data, EXPLICIT_LE))

    assert described.study == {"StudyDate": "20130102", "StudyTime": "101112.5"}


def test_a_nul_inside_a_value_is_replaced() -> None:
    """Databases do not take it."""
    assert patient(b"A\0B ").patient["PatientID"] == "A\ufffdB"


def test_over_long_values_are_cut() -> None:
    assert patient(b"A" * 60_000).patient["PatientID"] == "A" * MAX_CHARACTERS


def test_items_of_a_sequence_keep_what_the_table_names() -> None:
    item = data_set(CodeValue="T-D1100", CodeMeaning="Kopf", ContextIdentifier="4031")

    described = describe(scanned(data_set(ProcedureCodeSequence=Sequence([item, Dataset()]))))

    assert described.study["ProcedureCodeSequence"] == ({"CodeValue": "T-D1100", "CodeMeaning": "Kopf"},)


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    """PS3.5 7.5.3."""
    item = data_set(SpecificCharacterSet="ISO_IR 192", CodeMeaning="Schädel")
    made = data_set(SpecificCharacterSet="ISO_IR 100", PatientName="Müller", ProcedureCodeSequence=Sequence([item]))

    described = describe(scanned(made))

    assert described.patient["PatientName"] == "Müller"
    assert described.study["ProcedureCodeSequence"] == ({"CodeMeaning": "Schädel"},)


def test_of_very_many_items_the_first_are_kept() -> None:
    items = [data_set(CodeValue=str(number)) for number in range(MAX_ITEMS + 1)]

    described = describe(scanned(data_set(ProcedureCodeSequence=Sequence(items))))

    assert len(described.study["ProcedureCodeSequence"]) == MAX_ITEMS


def test_a_broken_sequence_is_left_out() -> None:
    data = b"\x08\x00\x32\x10SQ\0\0\x0a\0\0\0\xfe\xff\x00\xe0\xff\x00\0\0AA"

    assert describe(scan(data, EXPLICIT_LE)).study == {}


@given(st.binary(max_size=60), st.sampled_from([b"", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"\xff\xfe", b"GB18030 "]))
def test_no_bytes_make_describing_fail(text: bytes, charset: bytes) -> None:
    assert isinstance(patient(text, charset), Description)


@pytest.mark.parametrize("path", CHARSET_FILES, ids=lambda path: Path(path).name)
def test_pydicoms_character_set_files_read_as_pydicom_reads_them(path: str) -> None:
    assert_reads_like_pydicom(path)


@needs_samples
@pytest.mark.parametrize("path", SYNTHETIC, ids=lambda path: path.name)
def test_synthetic_character_set_files_read_as_pydicom_reads_them(path: Path) -> None:
    assert_reads_like_pydicom(str(path))


def assert_reads_like_pydicom(path: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read, found = file_scanned(path)
        described = describe(found)
        for level, values in by_level(described):
            for attribute in at_level(level):
                if attribute.storage is Storage.COMPUTED or attribute.vr in ("SQ", "IS", "DS"):
                    continue
                ours = str(values.get(attribute.keyword, ""))

                assert ours.rstrip("=") == as_pydicom_has_it(read, attribute.keyword), attribute.keyword


def test_the_key_is_the_three_uids_of_the_instance() -> None:
    sop_class, key = key_of(scanned(data_set(**UIDS)))

    assert sop_class == UIDS["SOPClassUID"]
    assert key == InstanceKey("1.2.3", "1.2.3.4", "1.2.3.4.5")


@pytest.mark.parametrize("keyword", UIDS)
@pytest.mark.parametrize(("value", "complaint"), [(None, "missing"), ("", "empty"), ("1.2.abc", "not a UID")])
def test_an_instance_without_a_valid_uid_is_refused(keyword: str, value: str | None, complaint: str) -> None:
    uids = {**UIDS, keyword: value}
    data = b"".join(
        {"SOPClassUID": b"\x08\0\x16\0", "SOPInstanceUID": b"\x08\0\x18\0"}.get(name, b"")
        + {"StudyInstanceUID": b"\x20\0\x0d\0", "SeriesInstanceUID": b"\x20\0\x0e\0"}.get(name, b"")
        + b"UI"
        + len(text).to_bytes(2, "little")
        + text.encode()
        for name, text in uids.items()
        if text is not None
    )

    with pytest.raises(CannotUnderstand, match=complaint) as caught:
        key_of(scan(data, EXPLICIT_LE))

    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("text", ["1", "1.2.840.10008", "2.25." + "1" * 59, "1.02.3"])
def test_uids_are_digits_between_dots(text: str) -> None:
    assert is_uid(text)


@pytest.mark.parametrize("text", ["", ".", "1.", ".1", "1..2", "1.2a", "../1", "1" * 65, "1\\2", "١.٢"])
def test_other_texts_are_no_uids(text: str) -> None:
    assert not is_uid(text)


def test_deflated_data_sets_are_described_too() -> None:
    packed = zlib.compressobj(wbits=-15)
    data = b"\x10\x00\x20\x00LO\x02\x00P1"

    described = describe(scan(packed.compress(data) + packed.flush(), DEFLATED))

    assert described.patient == {"PatientID": "P1"}
