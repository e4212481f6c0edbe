"""Dates and times of a query that are meant in a time zone of its own (PS3.4 C.2.2.2.1.4, PS3.18 8.3.4.1).

A data set says with Timezone Offset From UTC (0008,0201) in which zone its dates and times are. Where it does, and has
both the date and the time, they are moved to the zone of the query before they are compared; else they are compared as
they stand. A moved date is the day before or after at most, so a search may go by dates of one day more at each end.

A value of VR DT may end in an offset of its own; one that does not is in the zone of its data set, or of its query
(PS3.5 6.2, PS3.3 C.12.1.1.8). They are compared as moments where both sides have an offset (PS3.4 C.2.2.2.5).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from vna.dicom.describe import Value
from vna.dicom.matching import Matcher, Range, SingleValue, Universal
from vna.dicom.temporal import offset_minutes, span

TIMEZONE: Final = "TimezoneOffsetFromUTC"
_ZONED: Final = (
    ("StudyDate", "StudyTime"),
    ("SeriesDate", "SeriesTime"),
    ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("InstanceCreationDate", "InstanceCreationTime"),
    ("PresentationCreationDate", "PresentationCreationTime"),
)
MOMENTS: Final = (*_ZONED, ("PatientBirthDate", "PatientBirthTime"))
"""Attributes that are a date and the time of that day; a day of birth is the same in every zone."""

_SIGNS: Final = ("+", "-")
_DAY: Final = timedelta(days=1)


def moved(values: Mapping[str, Value], offset: int) -> Mapping[str, Value]:
    """Return values with their dates and times as clocks show them so many minutes east of UTC."""
    told = values.get(TIMEZONE)
    own = offset_minutes(told) if isinstance(told, str) else None
    if own is None or own == offset:
        return values
    result = dict(values)
    for date, time in _ZONED:
        moment = _moment(values.get(date), values.get(time))
        if moment is not None:
            result[date], result[time] = _shifted(*moment, offset - own)
    return result


@lru_cache(maxsize=256)
def key_in_zone(matcher: Matcher, offset: int | None) -> Matcher:
    """Return a DT key whose ends say in which zone they are: so many minutes east of UTC, where they do not say it."""
    suffix = "" if offset is None else f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    match matcher:
        case SingleValue(moment):
            return SingleValue(_zoned(moment, suffix))
        case Range(low, high):
            return Range(low and _zoned(low, suffix), high and _zoned(high, suffix))
    return matcher


def value_in_zone(value: str, told: Value | None) -> str:
    """Return DT values that say in which zone they are, as `told` by their data set where they do not say it."""
    suffix = told if isinstance(told, str) and offset_minutes(told) is not None else ""
    return "\\".join(_zoned(moment.strip(), suffix) for moment in value.split("\\"))


def beside(keys: Mapping[str, Matcher]) -> tuple[str, ...]:
    """Return what has to be known of an entity, beside its keys, to move what they are compared with."""
    asked = {keyword for keyword, matcher in keys.items() if not isinstance(matcher, Universal)}
    pairs = [pair for pair in _ZONED if asked & set(pair)]
    return (*(keyword for pair in pairs for keyword in pair), TIMEZONE) if pairs else ()


def widened(keys: Mapping[str, Matcher]) -> dict[str, Matcher]:
    """Return keys that let through whatever these may match when it is moved."""
    result = dict(keys)
    for date, time in _ZONED:
        match keys.get(date):
            case SingleValue(day):
                result[date] = Range(_later(day, -_DAY), _later(day, _DAY))
            case Range(low, high):
                result[date] = Range(low and _later(low, -_DAY), high and _later(high, _DAY))
        if time in keys:
            result[time] = Universal()
    return result


def _moment(date: Value | None, time: Value | None) -> tuple[str, str] | None:
    """Return a date and a time that name a moment, as digits; None where they do not."""
    if not isinstance(date, str) or not isinstance(time, str) or span(date, "DA") is None or span(time, "TM") is None:
        return None
    return date.replace(".", ""), time.replace(":", "")


def _shifted(date: str, time: str, minutes: int) -> tuple[str, str]:
    """Return the moment later by minutes; what the time does not say it does not say then either."""
    hour, minute = int(time[:2]), int(time[2:4] or 0)
    start = datetime(int(date[:4]), int(date[4:6]), int(date[6:8]), hour, minute)  # noqa: DTZ001 - an offset is added
    try:
        later = start + timedelta(minutes=minutes)
    except OverflowError:
        return date, time
    return f"{later.year:04}{later:%m%d}", f"{later:%H%M}{time[4:]}"


def _zoned(moment: str, suffix: str) -> str:
    return moment if moment[-5:-4] in _SIGNS else moment + suffix


def _later(date: str, step: timedelta) -> str:
    day = date.replace(".", "")
    try:
        later = datetime(int(day[:4]), int(day[4:6]), int(day[6:8])) + step  # noqa: DTZ001 - a date of the calendar
    except OverflowError:
        return day
    return f"{later.year:04}{later:%m%d}"
