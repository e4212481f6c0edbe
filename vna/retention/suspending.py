"""Times in which retention stands still, and by how much they push its end."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from vna.retention.anniversaries import add_days
from vna.retention.facts import HoldFacts, Timeline
from vna.retention.profile import Suspension


class Stop(NamedTuple):
    """A time in which retention stands still, from one day to another, where it goes on; `source` says why."""

    begin: date
    end: date
    source: str


def stops_of(suspension: Suspension, timeline: Timeline, holds: Iterable[HoldFacts], on: date) -> list[Stop]:
    """Return the times that are over, in the order in which they began, those that overlap as one."""
    stops: list[Stop] = []
    if suspension.claims:
        stops += [Stop(c.opened, c.closed, f"claim {c.code}".strip()) for c in timeline.claims if c.closed is not None]
    for hold in holds:
        if hold.kind in suspension.holds and hold.from_date <= on and not hold.stands(on):
            stops.append(Stop(hold.from_date, _end(hold), f"hold {hold.id}"))
    return _merged(sorted(stop for stop in stops if stop.begin < stop.end))


def pushed(end: date, stops: Sequence[Stop]) -> date:
    """Return where an end lies after the times that began before it or on it."""
    for stop in stops:
        if stop.begin <= end:
            end = add_days(end, (stop.end - stop.begin).days)
    return end


def _end(hold: HoldFacts) -> date:
    """Return the day on which a hold stands no longer."""
    ends = [] if hold.until_date is None else [hold.until_date + timedelta(days=1)]
    if hold.released_on is not None:
        ends.append(hold.released_on)
    return min(ends)


def _merged(stops: Iterable[Stop]) -> list[Stop]:
    merged: list[Stop] = []
    for stop in stops:
        if merged and stop.begin <= merged[-1].end:
            last = merged[-1]
            merged[-1] = Stop(last.begin, max(last.end, stop.end), f"{last.source}, {stop.source}")
        else:
            merged.append(stop)
    return merged
