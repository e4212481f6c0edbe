"""Whether an event still says something, and may be said, when its turn to be recorded has come.

Asked behind the lock on the position, so that the answer stays true until the transaction ends.
"""

from vna.events import StudyQuiet
from vna.index.blobs import is_due
from vna.index.clock import clock_permits
from vna.index.eliminations import in_order
from vna.index.entries import EventEntry
from vna.index.facts import facts_permit
from vna.index.holds import holds_permit
from vna.index.profiles import profiles_permit
from vna.index.quiet import is_news
from vna.index.statements import Cursor


def says_something(cursor: Cursor, entry: EventEntry) -> bool:
    """Return whether an event says something new.

    Raises:
        Held: a hold stands over what would go.
        NotPlausible: it contradicts what is known.
    """
    event, today = entry.event, entry.time[:10]
    if isinstance(event, StudyQuiet):
        return is_news(cursor, event)
    return (
        holds_permit(cursor, event, entry.actor, today)
        and facts_permit(cursor, event, entry.detail, today)
        and is_due(cursor, event)
        and in_order(cursor, event, entry.actor)
        and profiles_permit(cursor, event)
        and clock_permits(cursor, event)
    )
