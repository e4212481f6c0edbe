"""A run: what is planned is done step by step, no faster than it may, and each step is an event.

Nothing is remembered of a run: what is left to do follows from the index each time, so that a run that is killed is
gone on with by the next one, and two at once do no harm. A step that cannot be done now is told, and left for later.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Final

from vna.archive import Archive, EliminationPreview, EliminationState, Pace
from vna.errors import VnaError
from vna.index import ClockJump
from vna.lifecycle.planning import Plan, plan
from vna.metrics.families import LIFECYCLE
from vna.retention import TierAction

ACTOR: Final = "lifecycle"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a run does: actions at most, and bytes a second on average."""

    max_actions: int
    max_bytes_per_s: float


@dataclass(frozen=True, slots=True)
class EliminationDone:
    """What became of an elimination: items that went and were kept, where it stands, what it waits for, what failed."""

    number: int
    eliminated: int
    kept: int
    state: EliminationState | None
    waits_for: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class MoveDone:
    """What became of what a tier rule wanted: bytes copied and deleted, and why it was not done."""

    action: TierAction
    copied_bytes: int
    deleted_bytes: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did. `recomputed` counts studies whose retention was computed anew; `jump` says why it stopped.

    `broken_rules` says why tier rules could not be followed, by their ids.
    """

    recomputed: int
    eliminations: tuple[EliminationDone, ...]
    moves: tuple[MoveDone, ...]
    jump: ClockJump | None
    broken_rules: Mapping[str, str]

    @property
    def problems(self) -> int:
        """How many steps could not be done, and rules not followed."""
        failed = [each.problem for each in self.eliminations] + [each.problem for each in self.moves]
        return sum(map(bool, failed)) + len(self.broken_rules)


class Lifecycle:
    """Plans and runs the lifecycle of one archive."""

    def __init__(
        self, archive: Archive, limits: Limits, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take the archive; `now` gives the time in UTC, which the archive's own clock guard must believe."""
        self._archive, self._limits, self._now = archive, limits, now
        self._pace = Pace(limits.max_bytes_per_s)

    def plan(self, at: datetime | None = None) -> Plan:
        """Return what a run would do now, or would do at another time if nothing happens until then."""
        return plan(self._archive, at or self._now(), self._limits.max_actions)

    def run(self, stopping: Event, actor: str = ACTOR) -> Report:
        """Do what is planned; between two steps it ends when `stopping` is set or the clock jumps.

        Raises:
            OutOfResources: the index cannot be used.
        """
        recomputed = self._archive.retention.follow(stopping)
        planned = self.plan()
        for rule, problem in planned.problems.items():
            _log.warning("a tier rule cannot be followed rule=%s reason=%s", rule, problem)
        eliminations, moves = [], []
        for preview in planned.eliminations:
            if not self._may_go_on(stopping):
                break
            eliminations.append(self._eliminate(preview, stopping, actor))
        for each in planned.moves:
            if not self._may_go_on(stopping):
                break
            moves.append(self._move(each.action, stopping, actor))
        report = Report(recomputed, tuple(eliminations), tuple(moves), self._archive.clock.jump(), planned.problems)
        if eliminations or moves:
            _log.info(
                "lifecycle run eliminations=%d moves=%d problems=%d", len(eliminations), len(moves), report.problems
            )
        return report

    def _may_go_on(self, stopping: Event) -> bool:
        return not stopping.is_set() and self._archive.clock.check() is None

    def _eliminate(self, preview: EliminationPreview, stopping: Event, actor: str) -> EliminationDone:
        number, limit = preview.number, len(preview.going) + len(preview.kept)
        try:
            done = self._archive.executor.run(number, actor, self._now(), limit=limit, stopping=stopping)
        except VnaError as exc:
            self._tell("elimination", f"elimination {number}", exc)
            return EliminationDone(number, 0, 0, None, {}, str(exc))
        self._archive.metrics.count(LIFECYCLE, "elimination", "done")
        return EliminationDone(number, done.eliminated, done.kept, done.standing.state, done.waits_for)

    def _move(self, action: TierAction, stopping: Event, actor: str) -> MoveDone:
        try:
            moved = self._archive.tiers.carry_out(action, actor)
        except VnaError as exc:
            self._tell(action.verb.value, f"study {action.study_uid}", exc)
            return MoveDone(action, 0, 0, str(exc))
        self._archive.metrics.count(LIFECYCLE, action.verb.value, "done")
        self._pace.spend(moved.copied_bytes, stopping)
        return MoveDone(action, moved.copied_bytes, moved.deleted_bytes)

    def _tell(self, kind: str, what: str, exc: VnaError) -> None:
        self._archive.metrics.count(LIFECYCLE, kind, "failed")
        _log.warning("a step of the lifecycle could not be done now step=%s of=%r reason=%s", kind, what, exc)
