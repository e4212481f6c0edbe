"""Recording what happened beside arrivals: one event, with the time it is recorded at and who brought it about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from vna.errors import NotPlausible
from vna.events import Event
from vna.index import EventEntry, Index, Payload, Recorded


def record(
    index: Index, event: Event, actor: str, payload: Payload | None = None, detail: Mapping[str, Any] | None = None
) -> int:
    """Record an event that is due in any case; return its position.

    Args:
        detail: the map that the payload holds, for the kinds of event of which the tables take something of it.

    Raises:
        OutOfResources: the index cannot record it now.
    """
    position = record_if_due(index, event, actor, payload, detail)
    if position is None:
        raise TypeError("an event was not recorded")
    return position


def record_if_due(
    index: Index, event: Event, actor: str, payload: Payload | None = None, detail: Mapping[str, Any] | None = None
) -> int | None:
    """Record an event and return its position; None where it would say nothing new when its turn comes.

    Raises:
        OutOfResources: the index cannot record it now.
    """
    entry = EventEntry(index.committer.next_sequence(), time_stamp(), actor, event, payload, detail)
    recorded = index.committer.submit(entry)
    return recorded.position if isinstance(recorded, Recorded) else None


def person(by: str) -> str:
    """Return who does something, as the journal names them: on one line, without blanks around it.

    Raises:
        NotPlausible: nobody is named.
    """
    if not by.strip():
        raise NotPlausible("say who does this")
    return " ".join(by.split())


def time_stamp() -> str:
    """Return the time of an event: UTC, ISO 8601, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
