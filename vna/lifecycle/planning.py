"""A plan: exactly what a run of the lifecycle would do now, in the order it would.

First eliminations that all have agreed to and whose waiting time is over, then what the tier rules of the profile in
force want done. Of both together at most so many: the rest is for the next run. A clock that jumped leaves nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from vna.archive import Archive, EliminationPreview
from vna.index import ClockJump
from vna.retention import TierAction, TierVerb


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """What a tier rule wants done, and the bytes to be copied for it at most, as they lie where they are."""

    action: TierAction
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do at a time.

    `jump` says why it would do nothing, None where the clock can be believed. `is_all` is not set where more is due
    than one run does. `problems` says by their ids which tier rules cannot be followed here, or not now, or not
    for all: their store is full.
    """

    time: datetime
    jump: ClockJump | None
    eliminations: tuple[EliminationPreview, ...] = ()
    moves: tuple[PlannedMove, ...] = ()
    is_all: bool = True
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.eliminations and not self.moves


def plan(archive: Archive, now: datetime, max_actions: int) -> Plan:
    """Return what a run would do at a time, of which the clock guard is asked; changes nothing that is kept.

    Raises:
        OutOfResources: the index cannot be used.
    """
    jump = archive.clock.check()
    if jump is not None:
        return Plan(now, jump)
    eliminations, left = _eliminations(archive, now, max_actions)
    going = {item.scope.study for each in eliminations for item in each.going if item.scope.series is None}
    profile = archive.retention.in_force()
    problems = dict(archive.tiers.waiting_rules(profile)) if profile is not None else {}
    wanted = archive.tiers.plan(now.astimezone(UTC).date())
    done = (action for action in wanted if action.study_uid not in going and action.rule not in problems)
    moves = tuple(islice(_fitting(archive, done, problems), left + 1))
    is_all = len(moves) <= left and not any(each.left for each in eliminations)
    return Plan(now, None, eliminations, moves[:left], is_all, problems)


def _fitting(archive: Archive, actions: Iterable[TierAction], problems: dict[str, str]) -> Iterator[PlannedMove]:
    """Yield what fits into its store beside what was yielded before; a rule ends with the first study that does not."""
    room: dict[str, int | None] = {}
    for action in actions:
        size, store = _size(archive, action), action.target
        if store not in room:
            room[store] = archive.tiers.room(store)
        left = room[store]
        if left is None or size <= left:
            room[store] = None if left is None else left - size
            yield PlannedMove(action, size)
        else:
            problems[action.rule] = f"study {action.study_uid} needs {size} bytes of store {store}, and {left} are left"


def _eliminations(archive: Archive, now: datetime, most: int) -> tuple[tuple[EliminationPreview, ...], int]:
    """Return what becomes of the eliminations that may be carried out, and how many actions are left."""
    found, gone = [], 0
    for standing in archive.eliminations.runnable(now):
        preview = archive.elimination_preview.preview(standing, now, limit=most, gone_before=gone)
        most -= len(preview.going) + len(preview.kept)
        gone += sum(item.instances for item in preview.going)
        found.append(preview)
    return tuple(found), most


def _size(archive: Archive, action: TierAction) -> int:
    if action.verb is TierVerb.REENCODE:
        return 0
    return archive.tiers.missing(action.study_uid, action.target).copied_bytes
