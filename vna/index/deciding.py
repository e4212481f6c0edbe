"""What an arrival becomes: by what is held, rejected and eliminated, and by the settings."""

from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, func, select

from vna.events import Arrival, Compare, Decision, Gone, HeldVersion, Refuse, RefuseGone, decide
from vna.index import tables
from vna.index.hiding import Hiding
from vna.index.notes import hidden_arrival
from vna.index.snapshots import Snapshots
from vna.index.statements import Cursor
from vna.index.tombstones import Tombstones
from vna.model import EliminatedAgain, InstanceKey, RejectedAgain, VersionState

_STANDS = func.coalesce(tables.version.c.state_before, tables.version.c.state)
_SERIES_ID = (
    select(tables.series.c.id)
    .join(tables.study, tables.study.c.id == tables.series.c.study_id)
    .where(tables.series.c.series_uid == bindparam("series"), tables.study.c.study_uid == bindparam("study"))
    .scalar_subquery()
)
_HELD = select(tables.version.c.number, tables.version.c.digest, _STANDS, tables.version.c.source).where(
    tables.version.c.sop_instance_uid == bindparam("instance"), tables.version.c.series_id == _SERIES_ID
)
"""Not a join: from that SQLite would go through all versions of the study."""


@dataclass(frozen=True, slots=True)
class Known:
    """Where to ask what is known; without `tombstones` nothing was ever eliminated."""

    cursor: Cursor
    hiding: Hiding
    tombstones: Tombstones | None


class Decider:
    """Decides by the settings of one archive."""

    def __init__(self, rejected_again: RejectedAgain, eliminated_again: EliminatedAgain) -> None:
        self._rejected_again, self._eliminated_again = rejected_again, eliminated_again

    def decide(
        self, known: Known, arrival: Arrival, *, is_note: bool = False
    ) -> Decision | Compare | Refuse | RefuseGone:
        """Return what an arrival becomes, or which held versions it must be compared with first."""
        hidden = hidden_arrival(known.cursor, known.hiding, arrival.key, self._rejected_again, is_note=is_note)
        return decide(arrival, _held(known.cursor, arrival.key), hidden, self._gone(known, arrival.key))

    def _gone(self, known: Known, key: InstanceKey) -> Gone | None:
        if known.tombstones is None:
            return None
        eliminations = known.tombstones.over(known.cursor, key)
        return Gone(eliminations, self._eliminated_again) if eliminations else None


class Trial:
    """Says what would become of arrivals, and records nothing. Thread-safe; close it when done."""

    def __init__(self, engine: Engine, decider: Decider) -> None:
        self._snapshots, self._decider = Snapshots(engine), decider

    def close(self) -> None:
        """Close the connections that are kept."""
        self._snapshots.close()

    def decide(self, arrival: Arrival) -> Decision | Compare | Refuse | RefuseGone:
        """Return what an arrival would become now; it counts as no rejection note."""
        with self._snapshots.reading() as cursor:
            return self._decider.decide(Known(cursor, Hiding(), Tombstones()), arrival)


def _held(cursor: Cursor, at: InstanceKey) -> list[HeldVersion]:
    key = {"instance": at.instance, "series": at.series, "study": at.study}
    rows = cursor.all(_HELD, key)
    return [
        HeldVersion(number, bytes(digest).hex(), VersionState(state), source) for number, digest, state, source in rows
    ]
