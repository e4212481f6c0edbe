"""Calendar arithmetic: spans end on anniversaries, and a month's end stays one."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vna.retention import Span, add_years, age_on
from vna.retention.anniversaries import add_days


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        (Span(years=1), "2024-02-29", "2025-02-28"),
        (Span(years=4), "2024-02-29", "2028-02-29"),
        (Span(years=20), "2006-03-15", "2026-03-15"),
        (Span(months=1), "2026-01-31", "2026-02-28"),
        (Span(months=13), "2026-12-15", "2028-01-15"),
        (Span(days=400), "2026-03-15", "2027-04-19"),
        (Span(years=1, months=1, days=1), "2024-01-31", "2025-03-01"),
        (Span(years=9000), "2026-01-01", "9999-12-31"),
        (Span(months=120000), "2026-01-01", "9999-12-31"),
        (Span(days=9_000_000), "2026-01-01", "9999-12-31"),
    ],
)
def test_a_span_ends_on_its_anniversary(span: Span, start: str, end: str) -> None:
    assert span.after(date.fromisoformat(start)).isoformat() == end


@pytest.mark.parametrize(
    ("day", "age"), [("2018-02-27", 17), ("2018-02-28", 18), ("2020-02-28", 19), ("2020-02-29", 20)]
)
def test_who_was_born_on_the_29th_of_february_is_a_year_older_on_the_28th(day: str, age: int) -> None:
    assert age_on(date(2000, 2, 29), date.fromisoformat(day)) == age


@settings(max_examples=25)
@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 200))
def test_an_anniversary_is_in_its_year_and_never_in_another_month(day: date, years: int) -> None:
    end = add_years(day, years)

    assert (end.year, end.month) == (day.year + years, day.month)
    assert end.day in (day.day, day.day - 1)


def test_a_span_says_itself_in_few_letters() -> None:
    assert str(Span(years=3, days=10)) == "3 y 10 d"


def test_no_day_lies_behind_the_last_one() -> None:
    assert add_days(date.max, 1) == date.max
