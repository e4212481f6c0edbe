"""Calendar arithmetic of retention: a span after a date, and the days by which a suspension pushes an end.

A span ends on the anniversary of its start, at the end of that day; where the anniversary has no such day (29 February)
it ends on the last day of that month.
"""

import calendar
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta

_MONTHS_OF_A_YEAR = len(calendar.month_name) - 1


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time, as a rule names it: years, months and days, added in this order."""

    years: int = 0
    months: int = 0
    days: int = 0

    def __str__(self) -> str:
        parts = {"y": self.years, "m": self.months, "d": self.days}
        return " ".join(f"{count} {unit}" for unit, count in parts.items() if count)

    def after(self, start: date) -> date:
        """Return the day a span ends on that began on `start`; the last day of the calendar where it ends beyond."""
        day = add_years(start, self.years)
        if self.months:
            day = _add_months(day, self.months)
        return add_days(day, self.days) if self.days else day


def add_years(day: date, years: int) -> date:
    """Return the anniversary; of 29 February in a year without one, 28 February."""
    year = day.year + years
    if year > MAXYEAR:
        return date.max
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, day.month, calendar.monthrange(year, day.month)[1])


def add_days(day: date, days: int) -> date:
    """Return the day so many days later; the last day of the calendar where that lies beyond."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max


def age_on(birth: date, day: date) -> int:
    """Return the completed years of life on a day; who was born on 29 February completes one on 28 February."""
    years = day.year - birth.year
    return years if add_years(birth, years) <= day else years - 1


def _add_months(day: date, months: int) -> date:
    count = day.year * _MONTHS_OF_A_YEAR + day.month - 1 + months
    year, month = divmod(count, _MONTHS_OF_A_YEAR)
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
