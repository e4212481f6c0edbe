"""Dates and times of a query in a time zone of its own."""

import pytest

from vna.dicom.attributes import Level, Model
from vna.dicom.keys import parse_key
from vna.dicom.matching import Matcher, Range, SingleValue, Universal
from vna.dicom.query import Query
from vna.dicom.temporal import offset_minutes
from vna.dicom.timezones import beside, moved, widened

NOON = {"StudyDate": "20240229", "StudyTime": "120000.5", "TimezoneOffsetFromUTC": "+0100"}


@pytest.mark.parametrize(
    ("offset", "date", "time"),
    [
        (60, "20240229", "120000.5"),
        (0, "20240229", "110000.5"),
        (-720, "20240228", "230000.5"),
        (840, "20240301", "010000.5"),
    ],
)
def test_a_moment_is_told_in_another_zone(offset: int, date: str, time: str) -> None:
    told = moved(NOON, offset)

    assert (told["StudyDate"], told["StudyTime"]) == (date, time)


@pytest.mark.parametrize(
    "values",
    [
        {"StudyDate": "20240229", "StudyTime": "120000"},
        {"StudyDate": "20240229", "TimezoneOffsetFromUTC": "+0100"},
        {"StudyDate": "2024", "StudyTime": "12", "TimezoneOffsetFromUTC": "+0100"},
        {"StudyDate": "20240229", "StudyTime": "12", "TimezoneOffsetFromUTC": "CET"},
        {"StudyDate": "00010101", "StudyTime": "0000", "TimezoneOffsetFromUTC": "+0100"},
        {"PatientBirthDate": "20240229", "PatientBirthTime": "0000", "TimezoneOffsetFromUTC": "+0100"},
    ],
    ids=["no-zone", "no-time", "no-date", "bad-zone", "first-day", "birth"],
)
def test_what_names_no_moment_stays_as_it_is(values: dict[str, str]) -> None:
    assert moved(values, 0) == values


@pytest.mark.parametrize(
    ("key", "wide"),
    [
        (SingleValue("20240301"), Range("20240229", "20240302")),
        (Range("20240101", None), Range("20231231", None)),
        (Range(None, "20241231"), Range(None, "20250101")),
        (SingleValue("99991231"), Range("99991230", "99991231")),
        (Universal(), Universal()),
    ],
)
def test_a_search_goes_by_one_day_more_at_each_end(key: Matcher, wide: Matcher) -> None:
    assert widened({"StudyDate": key}) == {"StudyDate": wide}
    assert widened({"StudyTime": SingleValue("12")}) == {"StudyTime": Universal()}


def test_to_move_a_date_its_time_and_zone_have_to_be_known() -> None:
    assert beside({"StudyDate": SingleValue("20240301")}) == ("StudyDate", "StudyTime", "TimezoneOffsetFromUTC")
    assert beside({"StudyDate": Universal(), "PatientID": SingleValue("1")}) == ()


def test_a_query_accepts_what_is_its_day_there() -> None:
    late = {"StudyDate": "20240229", "StudyTime": "233000", "TimezoneOffsetFromUTC": "+0000"}
    keys = {"StudyDate": SingleValue("20240301")}

    assert Query(Level.STUDY, Model.STUDY_ROOT, keys, offset=60).accepts(late)
    assert not Query(Level.STUDY, Model.STUDY_ROOT, keys).accepts(late)


@pytest.mark.parametrize(
    ("key", "value", "zone", "offset", "found"),
    [
        pytest.param("202402291200+0100", "20240229110000+0000", "", None, True, id="both say it"),
        pytest.param("202402291200+0100", "20240229120000", "+0100", None, True, id="the data set says it"),
        pytest.param("202402291200+0100", "20240229120000", "+0000", None, False, id="the data set says another"),
        pytest.param("202402291200+0100", "20240229110000+0000", "+0500", None, True, id="the value goes first"),
        pytest.param("202402291200", "20240229110000", "+0000", 60, True, id="the query says it"),
        pytest.param("202402291200", "20240229120000", "+0000", 60, False, id="the query says another"),
        pytest.param("202402291200+0100", "20240229110000", "+0000", -300, True, id="the key goes first"),
        pytest.param("202402291200", "20240229120000", "", 60, True, id="nobody knows that of the value"),
        pytest.param("202402291200", "20240229120000", "+0500", None, True, id="nobody knows that of the key"),
        pytest.param("202403010000-", "20240229233000", "+0000", 60, True, id="from"),
        pytest.param("202403010000-", "20240229233000", "+0100", 60, False, id="not yet"),
        pytest.param("-202402292359", "20240229233000", "+0000", 60, False, id="until"),
        pytest.param("20240229-0330", "20240301032959", "+0000", None, True, id="a day of its own"),
        pytest.param("20240229-0330", "20240301033000", "+0000", None, False, id="the day behind"),
        pytest.param("20240301", "20240229233000\\20230101", "+0000", 60, True, id="one of several"),
        pytest.param("20240229", "20240229233000", "CET", 60, True, id="no zone"),
    ],
)
def test_dates_with_times_are_compared_as_moments(
    key: str, value: str, zone: str, offset: int | None, *, found: bool
) -> None:
    """PS3.4 C.2.2.2.5, PS3.3 C.12.1.1.8: where both sides have an offset, wherever it is said."""
    query = Query(Level.IMAGE, Model.STUDY_ROOT, {"AcquisitionDateTime": parse_key(key, "DT")}, offset=offset)

    assert query.accepts({"AcquisitionDateTime": value, "TimezoneOffsetFromUTC": zone}) is found
    assert query.beside() == ("TimezoneOffsetFromUTC",)
    assert "TimezoneOffsetFromUTC" in query.matching().keys


@pytest.mark.parametrize(
    ("text", "minutes"), [("+0100", 60), ("-0330", -210), ("+1400", 840), ("+1500", None), ("0100", None), ("", None)]
)
def test_offsets_are_read(text: str, minutes: int | None) -> None:
    assert offset_minutes(text) == minutes
