import warnings
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue

from data_sets import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_set, encoded
from vna.dicom.attributes import ATTRIBUTES, BY_KEYWORD, Level
from vna.dicom.describe import Value
from vna.dicom.identifier import encode_identifier

STUDY: dict[str, Value] = {
    "PatientName": "Doe^John",
    "StudyInstanceUID": "1.2.3",
    "ModalitiesInStudy": "CT\\MR",
    "NumberOfStudyRelatedInstances": "120",
    "StudyDescription": "",
}
SYNTAXES = [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED]
TEXT_KEYWORDS = [each.keyword for each in ATTRIBUTES if each.vr in ("LO", "PN", "SH")]


def answer(
    values: dict[str, Value], *, level: Level = Level.STUDY, charset: str = "", syntax: str = EXPLICIT_LE
) -> Dataset:
    """Return an encoded answer as pydicom reads it."""
    data = encode_identifier(level, values, charset_requested=charset, transfer_syntax=syntax)
    assert len(data) % 2 == 0
    if syntax == DEFLATED:
        data = zlib.decompress(data, wbits=-15)
    return read_dataset(BytesIO(data), syntax == IMPLICIT_LE, syntax != EXPLICIT_BE)


def text(read: Dataset, keyword: str) -> str:
    value = read[keyword].value
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pydicom_reads_the_values_back(syntax: str) -> None:
    read = answer(STUDY, syntax=syntax)

    assert read.QueryRetrieveLevel == "STUDY"
    assert {keyword: text(read, keyword) for keyword in STUDY} == STUDY
    assert len(read) == len(STUDY) + 1


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
def test_the_bytes_are_those_pydicom_writes(syntax: str) -> None:
    made = data_set(
        QueryRetrieveLevel="IMAGE",
        PatientName="Doe^John",
        SOPInstanceUID="1.2.345",
        Rows=512,
        ImageType=["ORIGINAL", "PRIMARY"],
        PatientComments="",
        ProcedureCodeSequence=[data_set(CodeMeaning="Head", CodeValue="1")],
    )
    values: dict[str, Value] = {
        "Rows": "512",
        "PatientComments": "",
        "ImageType": "ORIGINAL\\PRIMARY",
        "PatientName": "Doe^John",
        "SOPInstanceUID": "1.2.345",
        "ProcedureCodeSequence": ({"CodeMeaning": "Head", "CodeValue": "1"},),
    }

    data = encode_identifier(Level.IMAGE, values, charset_requested="ISO_IR 100", transfer_syntax=syntax)

    assert data == encoded(made, syntax)


@pytest.mark.parametrize(
    ("requested", "name", "used"),
    [
        ("ISO_IR 100", "Doe^John", None),
        ("ISO_IR 100", "Müller^Jörg", "ISO_IR 100"),
        ("ISO_IR 100", "Łukasz", "ISO_IR 192"),
        ("", "Müller", "ISO_IR 192"),
        ("ISO_IR 192", "Müller", "ISO_IR 192"),
        ("\\ISO 2022 IR 87", "Yamada=山田", ["", "ISO 2022 IR 87"]),
        ("\\ISO 2022 IR 87", "Łukasz", "ISO_IR 192"),
        ("GB18030", "王^小东", "GB18030"),
    ],
)
def test_text_is_in_the_requesters_character_set_if_that_holds_it(
    requested: str, name: str, used: str | list[str] | None
) -> None:
    """PS3.4 C.4.1.1.3.2; the character set is declared only where needed."""
    read = answer({**STUDY, "PatientName": name}, charset=requested)

    assert read.get("SpecificCharacterSet") == used
    assert read.PatientName == name


def test_text_in_items_counts_too() -> None:
    values: dict[str, Value] = {"ProcedureCodeSequence": ({"CodeMeaning": "Schädel"}, {"CodeMeaning": "Kopf"})}

    read = answer(values, charset="ISO_IR 144")

    assert read.SpecificCharacterSet == "ISO_IR 192"
    assert [item.CodeMeaning for item in read.ProcedureCodeSequence] == ["Schädel", "Kopf"]
    assert "SpecificCharacterSet" not in read.ProcedureCodeSequence[0]


def test_unknown_keys_come_back_empty() -> None:
    read = answer({**STUDY, "StudyIDIssuer": "", "00111001": "", "SmallestImagePixelValue": ""})

    assert read["StudyIDIssuer"].is_empty
    assert read[0x00111001].is_empty
    assert read[0x00280106].is_empty


def test_elements_are_in_the_order_of_their_tags() -> None:
    read = answer(dict.fromkeys(reversed(list(BY_KEYWORD)), ""))

    assert list(read.keys()) == sorted(read.keys())


def test_a_code_that_could_not_be_decoded_is_written_without_breaking_anything() -> None:
    assert answer({"Modality": "C\ufffd"}).Modality == "C?"


@given(
    st.dictionaries(
        st.sampled_from(TEXT_KEYWORDS),
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\=^ \u00a0"), max_size=12),
        min_size=1,
    ),
    st.sampled_from(SYNTAXES),
    st.sampled_from(["", "ISO_IR 100", "ISO_IR 144", "\\ISO 2022 IR 149", "GB18030"]),
)
def test_any_text_comes_back_as_it_was(values: dict[str, str], syntax: str, charset: str) -> None:
    read = answer(dict(values), syntax=syntax, charset=charset)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about texts longer than their VR allows
        assert {keyword: text(read, keyword) for keyword in values} == values
