from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vna.dicom.temporal import Span, between, combined, span, split_range

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 12, 31))  # noqa: DTZ001 - as DT without offset is
OFFSETS = st.integers(-12 * 60, 14 * 60)


def as_dt(moment: datetime, precision: int, offset: int | None = None) -> str:
    """Write a moment as a DT value of so many digits."""
    digits = f"{moment:%Y%m%d%H%M%S}.{moment.microsecond:06}"[:precision]
    if offset is None:
        return digits
    return f"{digits}{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"


@pytest.mark.parametrize(
    ("text", "vr", "earliest", "latest"),
    [
        ("20240229", "DA", "20240229", "20240229"),
        ("2024.02.29", "DA", "20240229", "20240229"),
        ("10", "TM", "100000000000", "105959999999"),
        ("1015", "TM", "101500000000", "101559999999"),
        ("10:15:30", "TM", "101530000000", "101530999999"),
        ("101530.25", "TM", "101530250000", "101530259999"),
        ("235960", "TM", "235960000000", "235960999999"),
        ("2024", "DT", "20240101000000000000", "20241231235959999999"),
        ("20240229101530.5", "DT", "20240229101530500000", "20240229101530599999"),
    ],
)
def test_a_value_spans_what_its_precision_leaves_open(text: str, vr: str, earliest: str, latest: str) -> None:
    assert span(text, vr) == Span(earliest, latest)


@pytest.mark.parametrize(
    ("text", "vr"),
    [
        ("20230229", "DA"),
        ("20201345", "DA"),
        ("2020-13-45", "DA"),
        ("202001", "DA"),
        ("00000101", "DA"),
        ("24", "TM"),
        ("1060", "TM"),
        ("101", "TM"),
        ("101061", "TM"),
        ("10.5", "TM"),
        ("202", "DT"),
        ("20240101+1500", "DT"),
        ("20240101+0060", "DT"),
        ("٢٠٢٤٠١٠١", "DA"),
        ("", "DA"),
        ("", "TM"),
        ("", "DT"),
    ],
)
def test_what_is_no_date_or_time_has_no_span(text: str, vr: str) -> None:
    assert span(text, vr) is None


@pytest.mark.parametrize(
    ("text", "vr", "ends"),
    [
        ("20200101-20201231", "DA", ("20200101", "20201231")),
        ("20200101 - 20201231", "DA", ("20200101", "20201231")),
        ("-20201231", "DA", ("", "20201231")),
        ("20200101-", "DA", ("20200101", "")),
        ("10-1130", "TM", ("10", "1130")),
        ("2023-2024", "DT", ("2023", "2024")),
        ("20230101120000-0500-20230102120000-0500", "DT", ("20230101120000-0500", "20230102120000-0500")),
        ("20230101120000-0500-", "DT", ("20230101120000-0500", "")),
        ("-20230101120000+0100", "DT", ("", "20230101120000+0100")),
    ],
)
def test_ranges_are_split_at_their_hyphen(text: str, vr: str, ends: tuple[str, str]) -> None:
    assert split_range(text, vr) == ends


@pytest.mark.parametrize(
    ("text", "vr"), [("20200101", "DA"), ("-", "DA"), ("--", "TM"), ("2020-13-45", "DA"), ("202301011200-0500", "DT")]
)
def test_other_texts_are_no_ranges(text: str, vr: str) -> None:
    assert split_range(text, vr) is None


@given(MOMENTS, MOMENTS, MOMENTS, st.sampled_from([8, 10, 12, 14, 21]))
def test_a_full_moment_is_between_two_as_python_says(
    value: datetime, one: datetime, other: datetime, precision: int
) -> None:
    low, high = sorted((one, other))
    ends = (span(as_dt(end, 21), "DT") for end in (low, high))
    found = span(as_dt(value, precision), "DT")
    assert found is not None
    start = datetime.strptime(found.earliest, "%Y%m%d%H%M%S%f")  # noqa: DTZ007 - without offset
    end = datetime.strptime(found.latest, "%Y%m%d%H%M%S%f")  # noqa: DTZ007 - without offset

    assert between(found, *ends) == (start <= high and end >= low)


@given(MOMENTS, MOMENTS, OFFSETS, OFFSETS)
def test_offsets_from_utc_are_taken_into_account(one: datetime, other: datetime, first: int, second: int) -> None:
    """PS3.4 C.2.2.2.5.1, date-times."""
    value = span(as_dt(one, 21, first), "DT")
    low = span(as_dt(other, 21, second), "DT")
    assert value is not None
    later = one.replace(tzinfo=timezone(timedelta(minutes=first))) >= other.replace(
        tzinfo=timezone(timedelta(minutes=second))
    )

    assert between(value, low, None) == later


def test_an_unknown_offset_leaves_local_times_to_compare() -> None:
    value, low = span("20230101120000", "DT"), span("20230101130000+0500", "DT")
    assert value is not None

    assert not between(value, low, None)


def test_at_the_ends_of_the_calendar_an_offset_changes_nothing() -> None:
    first = span("00010101+1400", "DT")
    assert first is not None

    assert between(first, first, first)


def test_a_date_and_a_time_make_a_moment() -> None:
    date, time = span("20230102", "DA"), span("1015", "TM")
    assert date is not None
    assert time is not None

    assert combined(date, time) == span("202301021015", "DT")
