"""What carrying out an elimination would do now: which items would go, and which would be kept and why."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from vna.archive.bordereau import may_go
from vna.archive.eliminations import EliminationStanding
from vna.archive.retention import Retention
from vna.errors import NotFound
from vna.index import Index, ListedItem, index_errors
from vna.model import Scope

NOT_HELD: Final = "not-held"
"""The cause of what the archive does not hold any more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An item that would be kept, and the cause the list would say."""

    scope: Scope
    cause: str


@dataclass(frozen=True, slots=True)
class EliminationPreview:
    """What a run of one elimination would do now; `left` counts items it would leave for a later run.

    `size` is the bytes of what would go, as they were received. With nothing left on the list, a run has places attest
    that have not yet, and writes the certificate.
    """

    number: int
    going: tuple[ListedItem, ...]
    kept: tuple[Kept, ...]
    left: int

    @property
    def size(self) -> int:
        """The bytes of what would go."""
        return sum(item.size for item in self.going)


class Previewer:
    """Looks at what eliminations of one archive would do; changes nothing."""

    def __init__(self, index: Index, retention: Retention) -> None:
        self._index, self._retention = index, retention

    def preview(
        self, standing: EliminationStanding, now: datetime, *, limit: int, gone_before: int = 0
    ) -> EliminationPreview:
        """Return what a run of an elimination would do now with at most so many items.

        Args:
            gone_before: objects that other eliminations will have let go today before its turn.

        Raises:
            OutOfResources: the index cannot be used.
        """
        number, on = standing.elimination.number, now.astimezone(UTC).date()
        with index_errors():
            items = [item for item in self._index.eliminations.items(number) if item.stands]
        kept: list[Kept] = []
        going: list[ListedItem] = []
        quota = self.quota(standing, now)
        quota.gone += gone_before
        for item in items[:limit]:
            if not quota.has_room(item.instances):
                break
            cause, _ = self.why_kept(standing, item, on)
            if cause:
                kept.append(Kept(item.scope, cause))
            else:
                going.append(item)
                quota.gone += item.instances
        return EliminationPreview(number, tuple(going), tuple(kept), len(items) - len(going) - len(kept))

    def quota(self, standing: EliminationStanding, now: datetime) -> "Quota":
        """Return how many objects may go today, and how many have: that is not counted where any number may."""
        if not standing.elimination.max_per_day:
            return Quota(0, 0)
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        with index_errors():
            gone = self._index.eliminations.eliminated_since(midnight.isoformat(timespec="microseconds"))
        return Quota(standing.elimination.max_per_day, gone)

    def why_kept(self, standing: EliminationStanding, item: ListedItem, on: date) -> tuple[str, tuple[int, ...]]:
        """Say why an item may not go by what is known now, and the holds over it; nothing where it may."""
        try:
            verdict = self._retention.verdict(item.scope.study, on)
        except NotFound:
            return NOT_HELD, ()
        return may_go(verdict, item.scope, standing.elimination.accepted), verdict.holds


@dataclass(slots=True)
class Quota:
    """How many objects may go in a day, 0 for any number, and how many have; the first item of a day always may."""

    most: int
    gone: int

    def has_room(self, instances: int) -> bool:
        """Return whether an item of so many may go today."""
        return not self.most or not self.gone or self.gone + instances <= self.most
