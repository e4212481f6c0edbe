"""Carrying out an elimination: each item is evaluated again at that moment, and goes whole or stays.

It may be stopped or killed anywhere and run again: what went is not listed any more, and places attest when they can.
No more objects go in a day (UTC) than the profile said when it was proposed. An elimination of which every item is kept
in the end is cancelled: nothing went that could be certified.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final

from vna.archive.bordereau import HELD
from vna.archive.certifying import Certifier, Notary
from vna.archive.clock_guard import ClockGuard
from vna.archive.destruction import Destruction
from vna.archive.elimination_preview import Previewer
from vna.archive.eliminations import Eliminations, EliminationStanding, EliminationState
from vna.archive.rejections import Statement
from vna.errors import NotPermitted, OutOfResources
from vna.events import EliminationItem
from vna.index import Index, ListedItem, Recorded, SparedFor, index_errors

log = logging.getLogger(__name__)

_LOOKS: Final = 3
"""How often an item is evaluated that changes meanwhile; then the next run does it."""
_RUNNABLE: Final = (EliminationState.APPROVED, EliminationState.EXECUTING, EliminationState.DESTROYING)


@dataclass(frozen=True, slots=True)
class EliminationRun:
    """What a run did: items that went, items that were kept, where it stands, and what it waits for, by place."""

    eliminated: int
    kept: int
    standing: EliminationStanding
    waits_for: dict[str, str]


@dataclass(slots=True)
class _Tally:
    eliminated: int = 0
    kept: int = 0


class Executor:
    """Carries out what the eliminations of one archive decided."""

    def __init__(
        self,
        index: Index,
        eliminations: Eliminations,
        previewer: Previewer,
        destruction: Destruction,
        clock: ClockGuard,
    ) -> None:
        self._index, self._eliminations, self._previewer = index, eliminations, previewer
        self._destruction, self._clock = destruction, clock
        self._certifier: Certifier | None = None

    def certify_with(self, notary: Notary) -> None:
        """Take what certificates are made with; without it what is destroyed everywhere is certified by a later run."""
        self._certifier = Certifier(self._index, self._eliminations, self._destruction, notary)

    def certificate(self, number: int, now: datetime) -> bytes:
        """Return the certificate of an elimination as it was signed.

        Raises:
            NotFound: there is no elimination of this number, or it is not certified.
            Damaged: what is kept is not what was recorded, or nothing is.
            OutOfResources: the place where certificates are kept is not known here, or cannot be read.
        """
        if self._certifier is None:
            raise OutOfResources("certificates cannot be read here: where they are kept is not known")
        return self._certifier.certificate(number, now)

    def run(
        self, number: int, by: str, now: datetime, *, limit: int | None = None, stopping: Event | None = None
    ) -> EliminationRun:
        """Carry out an elimination as far as it may be today, and certify it once it is destroyed everywhere.

        Args:
            by: who has it run, for the journal.
            limit: at most so many items.
            stopping: once it is set, no further item goes.

        Raises:
            NotFound: there is none of this number.
            NotPermitted: not all have agreed, the waiting time runs, or it is over.
            ClockNotTrusted: the clock jumped, and nobody has confirmed it.
            OutOfResources: the index or the journal's place cannot be used; run it again.
        """
        self._clock.now()
        standing = self._eliminations.standing(number, now)
        if standing.state not in _RUNNABLE:
            waits = standing.state is EliminationState.WAITING
            until = f" until {standing.waits_until:%Y-%m-%d %H:%M}Z" if waits else ""
            raise NotPermitted(f"elimination {number} is {standing.state.value}{until}: nothing of it may go now")
        tally = _Tally()
        with index_errors():
            items = [item for item in self._index.eliminations.items(number) if item.stands]
        for item in items[:limit]:
            quota = self._previewer.quota(standing, now)
            if not quota.has_room(item.instances):
                log.warning("elimination stopped by its daily quota elimination=%d objects=%d", number, quota.gone)
                break
            if stopping is not None and stopping.is_set():
                break
            self._settle(standing, item, by, tally)
        return self._end(number, by, now, tally)

    def _settle(self, standing: EliminationStanding, item: ListedItem, by: str, tally: _Tally) -> None:
        """Evaluate an item, and let it go or keep it."""
        number, scope = standing.elimination.number, item.scope
        listed = EliminationItem(scope, item.rules, item.retain_until, item.instances, item.size)
        for _ in range(_LOOKS):
            today = self._clock.now().date()
            with index_errors():
                evaluated_at = self._index.reader.position()
            cause, holds = self._previewer.why_kept(standing, item, today)
            if cause:
                tally.kept += self._eliminations.keep_item(number, scope, cause, holds)
                return
            answer = self._destruction.eliminate(number, listed, evaluated_at=evaluated_at, actor=by)
            if isinstance(answer, Recorded):
                tally.eliminated += 1
                return
            if answer.cause is SparedFor.HELD:
                tally.kept += self._eliminations.keep_item(number, scope, HELD, answer.holds)
                return
            if answer.cause is SparedFor.NOT_DECIDED:
                log.warning("an item did not go elimination=%d %s reason=%s", number, scope, answer.reason)
                return
        log.warning("an item keeps changing elimination=%d %s", number, scope)

    def _end(self, number: int, by: str, now: datetime, tally: _Tally) -> EliminationRun:
        """Have places attest what they can, and certify what all have attested."""
        standing, waiting = self._eliminations.standing(number, now), {}
        if standing.state is EliminationState.APPROVED and not standing.left:
            self._eliminations.cancel(number, Statement(by, "every item is kept"))
        if standing.state in (EliminationState.EXECUTING, EliminationState.DESTROYING):
            remaining = self._destruction.finish(number)
            waiting = dict(remaining.waiting)
            if standing.state is EliminationState.DESTROYING and remaining.is_done and self._certifier is not None:
                self._certifier.certify(number, now, by)
        return EliminationRun(tally.eliminated, tally.kept, self._eliminations.standing(number, now), waiting)
