import pytest
from pydicom import Sequence

from data_sets import data_set, encoded
from held_data_sets import held
from pydicom_reading import EXPLICIT_LE
from vna.dicom.bulk_path import find_value, parse_bulk_path
from vna.dicom.values import ElementReader


@pytest.mark.parametrize(
    "text",
    ["", "7FE0001", "7FE00010/1", "00880200/0/7FE00010", "00880200/01/7FE00010", "../7FE00010", "7FE00010/", "x" * 8],
)
def test_what_is_no_way_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"tag|item number"):
        parse_bulk_path(text)


def test_values_are_found_at_any_depth_with_the_character_set_that_holds_there() -> None:
    inner = data_set(SpecificCharacterSet="ISO_IR 192", CodeMeaning="Ä")
    outer = data_set(CodeValue="1")
    outer.ProcedureCodeSequence = Sequence([data_set(CodeValue="2"), inner])
    outer.ScheduledProcedureStepDescription = "behind"
    made = data_set(SpecificCharacterSet="ISO_IR 100", PatientID="P")
    made.RequestAttributesSequence = Sequence([data_set(CodeValue="3"), outer])
    reader = ElementReader(held(encoded(made), EXPLICIT_LE))

    found = find_value(reader, parse_bulk_path("00400275/2/00081032/2/00080104"))

    assert found is not None
    assert found.charset == "ISO_IR 192"
    other = find_value(reader, parse_bulk_path("00400275/2/00081032/1/00080100"))
    assert other is not None
    assert other.charset == "ISO_IR 100"
    assert getattr(other.value, "data", None) == b"2 "
    behind = find_value(reader, parse_bulk_path("00400275/2/00400007"))
    assert behind is not None
    assert behind.charset == "ISO_IR 100"
    assert find_value(reader, parse_bulk_path("00400275/3/00080100")) is None
    assert find_value(reader, parse_bulk_path("00400275")) is None
    assert find_value(reader, parse_bulk_path("00100010")) is None
