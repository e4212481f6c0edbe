"""When what is kept for history may be shown to anybody: a time after death, or birth, as data of the profile."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from vna.retention.facts import Timeline
from vna.retention.profile import ClosedTerm, Start


class Communicable(NamedTuple):
    """From when on something may be communicated: once `after` is over, counted from an event, by a text of the law."""

    after: date
    start_event: str
    cite: str


def communicable(terms: Sequence[ClosedTerm], timeline: Timeline) -> Communicable | None:
    """Return what the first of these terms says whose start is known of a patient; None where none is, or no terms are.

    Of several dates of death or birth the latest one counts.
    """
    death = timeline.death.date if timeline.death is not None else None
    starts = {Start.DEATH: death, Start.BIRTH: timeline.birth_date}
    for term in terms:
        start = starts[term.start]
        if start is not None:
            return Communicable(term.keep.after(start), term.start.value, term.cite)
    return None
