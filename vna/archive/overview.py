"""The archive in a few numbers, for people: what it holds, what came in of late, and how long its space will last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from vna.archive.room import Space
from vna.index import ClockJump, Counts, Intake

WINDOW: Final = timedelta(days=7)
"""What "of late" is."""
_SHORTEST_HISTORY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overview:
    """The numbers as of one moment.

    `today` begins at local midnight, `week` seven days ago; both are by source. `space` is None where the store
    knows no bound. `bytes_per_day` is what stored files grew by of late, None while less than a day is known;
    `days_left` is how long the space lasts at that rate, None where that cannot be told. `bad_blobs` are those known
    to be damaged and not healed yet, by store. `clock_jump` is why the clock is not trusted, None where it is.
    """

    holds: Counts
    today: tuple[Intake, ...]
    week: tuple[Intake, ...]
    space: Space | None
    bytes_per_day: float | None
    days_left: float | None
    bad_blobs: Mapping[str, int] = field(default_factory=dict)
    clock_jump: ClockJump | None = None


def last_midnight(now: datetime) -> datetime:
    """Return when the day began, in the time zone of `now`."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def growth(week: tuple[Intake, ...], *, first: datetime | None, now: datetime) -> float | None:
    """Return the bytes stored a day over the window, or since the first instance if that is later.

    None while it is not yet a day ago that the first instance came: that tells nothing of the days to come.
    """
    if first is None or now - first < _SHORTEST_HISTORY:
        return None
    return sum(intake.stored_bytes for intake in week) / (min(now - first, WINDOW) / timedelta(days=1))


def days_left(space: Space | None, bytes_per_day: float | None) -> float | None:
    """Return in how many days intake stops at this rate, None when there is no rate, or no end."""
    if space is None or not bytes_per_day:
        return None
    return max(0, space.free - space.kept_free) / bytes_per_day
