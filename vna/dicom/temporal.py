"""Dates and times as queries compare them: a value of less than full precision is a span of time.

A date, time or date-time (PS3.5 6.2, VRs DA, TM and DT) becomes its earliest and its latest moment,
each in digits of a fixed width, so that text order is time order. The forms of ACR-NEMA (2013.01.02 and
10:11:12) are understood.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_DATE: Final = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})", re.ASCII)
_TIME: Final = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?", re.ASCII)
_MOMENT: Final = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?", re.ASCII
)
_OFFSET: Final = re.compile(r"[+-]\d{4}", re.ASCII)

_FIRST: Final = ("0001", "01", "01", "00", "00", "00", "000000")
_LAST: Final = ("9999", "12", "31", "23", "59", "59", "999999")
_EARLIEST_OFFSET: Final = -12 * 60
_LATEST_OFFSET: Final = 14 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """From `earliest` to `latest`, both included; `offset` from UTC in minutes where the value has one."""

    earliest: str
    latest: str
    offset: int | None = None

    def in_utc(self) -> "Span":
        """Return the same span in UTC; itself where the offset is unknown."""
        if not self.offset:
            return self
        return Span(_shifted(self.earliest, -self.offset), _shifted(self.latest, -self.offset), 0)


DAY: Final = Span("".join(_FIRST[3:]), "".join(_LAST[3:]))
"""All times of a day."""


def span(text: str, vr: str) -> Span | None:
    """Return the span of a DA, TM or DT value, None if it is not one."""
    if vr == "DA":
        return _span(_DATE.fullmatch(text), 0)
    if vr == "TM":
        return _span(_TIME.fullmatch(text), 3)
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    moment = _span(found, 0, components=7)
    if moment is None or found[8] is None:
        return moment
    offset = offset_minutes(found[8])
    return None if offset is None else Span(moment.earliest, moment.latest, offset)


def split_range(text: str, vr: str) -> tuple[str, str] | None:
    """Return the two ends of a range as text, empty where it is open; None if the text is no range.

    The hyphen of a negative UTC offset makes no range: `202301011200-0500` is one moment, and so is
    2023-0500, because both could be meant and a single value is the narrower (PS3.4 C.2.2.2.5.1).
    """
    if vr == "DT" and span(text, vr) is not None:
        return None
    for hyphen in re.finditer("-", text):
        low, high = text[: hyphen.start()].strip(), text[hyphen.end() :].strip()
        if (low or high) and all(not end or span(end, vr) for end in (low, high)):
            return low, high
    return None


def between(value: Span, low: Span | None, high: Span | None) -> bool:
    """Return whether a value may lie in a range, both ends included, as precise as both are."""
    if low is not None:
        value_end, start = _comparable(value, low)
        if value_end.latest < start.earliest:
            return False
    if high is not None:
        value_start, end = _comparable(value, high)
        if value_start.earliest > end.latest:
            return False
    return True


def combined(date: Span, time: Span) -> Span:
    """Return a date and a time of day as one moment (PS3.4 C.2.2.2.5.2)."""
    return Span(date.earliest + time.earliest, date.latest + time.latest)


def _span(found: re.Match[str] | None, first: int, *, components: int = 4) -> Span | None:
    """Fill up what a match lacks; `first` is the place of its first group among the seven components."""
    if found is None:
        return None
    given = found.groups()[:components]
    last = first + len(given)
    low = [part or bound for part, bound in zip(given, _FIRST[first:last], strict=True)]
    high = [part or bound for part, bound in zip(given, _LAST[first:last], strict=True)]
    if last == len(_FIRST):
        fraction = given[-1] or ""
        low[-1], high[-1] = fraction.ljust(6, "0"), fraction.ljust(6, "9")
    return Span("".join(low), "".join(high)) if _is_real(low, first) else None


def _is_real(parts: list[str], first: int) -> bool:
    """Return whether components name a day of the calendar and a time of day; second 60 is a leap second."""
    numbers = [*map(int, _FIRST[:first]), *map(int, parts), *map(int, _FIRST[first + len(parts) :])]
    year, month, day, hour, minute, second, _ = numbers
    try:
        datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - only tried
    except ValueError:
        return False
    return second <= 60


def offset_minutes(text: str) -> int | None:
    """Return how many minutes east of UTC an offset such as +0530 is, None if it is none (PS3.5 6.2, VR DT)."""
    if not _OFFSET.fullmatch(text):
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    offset = -minutes if text[0] == "-" else minutes
    return offset if _EARLIEST_OFFSET <= offset <= _LATEST_OFFSET and int(text[3:]) < 60 else None


def _comparable(one: Span, other: Span) -> tuple[Span, Span]:
    """Take offsets into account where both are known, else compare local times."""
    if one.offset is None or other.offset is None:
        return one, other
    return one.in_utc(), other.in_utc()


def _shifted(digits: str, minutes: int) -> str:
    year, month = int(digits[:4]), int(digits[4:6])
    day = min(int(digits[6:8]), monthrange(year, month)[1])
    start = datetime(year, month, day, int(digits[8:10]), int(digits[10:12]))  # noqa: DTZ001 - an offset is added
    try:
        moved = start + timedelta(minutes=minutes)
    except OverflowError:
        return digits
    return f"{moved.year:04}{moved:%m%d%H%M}{digits[12:]}"
