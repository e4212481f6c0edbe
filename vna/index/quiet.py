"""Studies that have become quiet: what came in and was not reported yet, and up to where all is reported.

An arrival is an event that says something came in for a study: kept, received again, or restored by it. Each report
says up to which position the arrivals of every study are reported by then; so whoever begins anew reads the journal
from there on, and not from its beginning.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import cbor2
from sqlalchemy import Engine, bindparam, func, select, update

from vna.events import InstanceRestored, InstanceStored, ReceivedAgain, StudyQuiet
from vna.index import tables
from vna.index.statements import Cursor
from vna.model import StudyUID

_PAGE: Final = 1000
_EVENT = tables.event.c
_QUIET = tables.quiet.c
_KINDS: Final = (InstanceStored.kind, ReceivedAgain.kind, InstanceRestored.kind)
_PAGE_OF_EVENTS = (
    select(_EVENT.position, _EVENT.kind, _EVENT.body)
    .where(_EVENT.position > bindparam("after"), _EVENT.position <= bindparam("upto"))
    .order_by(_EVENT.position)
)
_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("uid"))
_REPORTED = (
    select(func.coalesce(_QUIET.arrivals_upto, 0))
    .select_from(tables.study.outerjoin(tables.quiet, tables.study.c.id == _QUIET.study_id))
    .where(tables.study.c.study_uid == bindparam("uid"))
)
_REPORT = (
    update(tables.quiet)
    .where(_QUIET.study_id == bindparam("which"))
    .values(arrivals_upto=bindparam("last_arrival"), settled_upto=bindparam("all_upto"))
)


class QuietReader:
    """Reads what there is to know of quiet studies."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def settled_upto(self) -> int:
        """Return the position up to which the arrivals of every study are reported."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(_QUIET.settled_upto))).scalar() or 0

    def arrivals(self, *, after: int, upto: int) -> Iterator[Sequence[tuple[int, StudyUID]]]:
        """Go through the arrivals behind position `after` up to `upto`, in order: positions and studies, in pages."""
        for start in range(after, upto, _PAGE):
            within = {"after": start, "upto": min(start + _PAGE, upto)}
            with self._engine.connect() as connection:
                rows = connection.execute(_PAGE_OF_EVENTS, within).all()
            yield [(row.position, _study(row.kind, row.body)) for row in rows if row.kind in _KINDS]


def is_news(cursor: Cursor, event: StudyQuiet) -> bool:
    """Return whether a report says something that was not reported, asked behind the lock on the position.

    Of a study that was eliminated there is nothing to report.
    """
    reported = cursor.scalar(_REPORTED, {"uid": event.study})
    return reported is not None and reported < event.arrivals_upto


def note_quiet(cursor: Cursor, event: StudyQuiet) -> None:
    """Put the effect of a report into the tables; a study that a rebuild could not describe has none."""
    study_id = cursor.scalar(_STUDY_ID, {"uid": event.study})
    if study_id is None:
        return
    row = {"study_id": study_id, "arrivals_upto": event.arrivals_upto, "settled_upto": event.settled_upto}
    if not cursor.insert(tables.quiet, row, unless_there=True):
        which = {"which": study_id, "last_arrival": event.arrivals_upto, "all_upto": event.settled_upto}
        cursor.do(_REPORT, which)


def _study(kind: str, body: bytes) -> StudyUID:
    found = cbor2.loads(body)
    return StudyUID(found["key"]["study"] if kind == InstanceRestored.kind else found["study"])
