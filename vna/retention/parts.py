"""Rules on series and instances: which parts of a study may go before it.

A part goes only beside others that stay: of the series of one modality no rule takes the last, and of a series none
takes the last instance. A hold that covers a part keeps it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from vna.retention.case import Case
from vna.retention.facts import HoldFacts, SeriesFacts
from vna.retention.matching import end_of, matches_of
from vna.retention.profile import Level, Profile
from vna.retention.suspending import Stop, pushed
from vna.retention.verdict import Blocker, PartVerdict, RuleMatch, State

_STATES: Mapping[Blocker, State] = {
    Blocker.KEEPS: State.BLOCKED_RULES,
    Blocker.NO_RULE: State.BLOCKED_RULES,
    Blocker.NO_START: State.BLOCKED_RULES,
    Blocker.IDENTITY: State.BLOCKED_IDENTITY,
    Blocker.BIRTH_DATE: State.BLOCKED_IDENTITY,
    Blocker.BASIS: State.BLOCKED_BASIS,
    Blocker.UNVERIFIED: State.BLOCKED_UNVERIFIED,
}


class Standing(NamedTuple):
    """What holds for a study and all of its parts on a day: who stands in the way, and when time stood still.

    `blockers` are without those of holds and rules. `is_open` says that time stands still now.
    """

    on: date
    blockers: tuple[Blocker, ...]
    holds: Sequence[HoldFacts]
    stops: Sequence[Stop]
    is_open: bool

    def end(self, matches: Sequence[RuleMatch]) -> date | None:
        """Return the last day something must be kept by the rules that apply to it."""
        end = None if self.is_open else end_of(matches)
        return None if end is None else pushed(end, self.stops)

    def all_blockers(self, matches: Sequence[RuleMatch], *, held: bool) -> tuple[Blocker, ...]:
        """Return everything that stands in the way of something, in the order of its weight."""
        found = (Blocker.HOLD, *self.blockers) if held else self.blockers
        if not matches:
            return (*found, Blocker.NO_RULE)
        known = all(match.start is not None or match.replaced_by for match in matches)
        return found if known else (*found, Blocker.NO_START)

    def state(self, end: date | None, blockers: Sequence[Blocker]) -> State:
        """Return where something stands whose time ends on a day."""
        if Blocker.HOLD in blockers:
            return State.HELD
        if self.is_open or Blocker.CLAIM in blockers:
            return State.SUSPENDED
        if end is None:
            return State.BLOCKED_RULES
        if self.on <= end:
            return State.RETAINED
        return _STATES[blockers[0]] if blockers else State.DUE


def part_verdicts(case: Case, profile: Profile, standing: Standing, study_end: date | None) -> tuple[PartVerdict, ...]:
    """Return what becomes of the parts that rules on series and instances let go before their study."""
    found = [*_of_series(case, profile, standing), *_of_instances(case, profile, standing)]
    if study_end is None:
        return tuple(found)
    return tuple(each for each in found if each.retain_until is not None and each.retain_until < study_end)


def _of_series(case: Case, profile: Profile, standing: Standing) -> Iterator[PartVerdict]:
    rules = [rule for rule in profile.part_rules if rule.level is Level.SERIES]
    series = case.study.series if rules else ()
    matches = {each.uid: matches_of(rules, case.of_part(each)) for each in series}
    staying = {each.modality for each in series if not matches[each.uid]}
    for each in series:
        if matches[each.uid] and each.modality in staying:
            yield _verdict(each, None, matches[each.uid], standing)


def _of_instances(case: Case, profile: Profile, standing: Standing) -> Iterator[PartVerdict]:
    rules = [rule for rule in profile.part_rules if rule.level is Level.INSTANCE]
    for series in case.study.series if rules else ():
        matches = {each.uid: matches_of(rules, case.of_part(series, each)) for each in series.instances}
        if all(matches.values()):
            continue
        for uid, found in matches.items():
            if found:
                yield _verdict(series, uid, found, standing)


def _verdict(
    series: SeriesFacts, instance_uid: str | None, matches: tuple[RuleMatch, ...], standing: Standing
) -> PartVerdict:
    holds = tuple(sorted(_covering(standing.holds, series.uid)))
    end, blockers = standing.end(matches), standing.all_blockers(matches, held=bool(holds))
    return PartVerdict(series.uid, instance_uid, end, standing.state(end, blockers), matches, blockers, holds)


def _covering(holds: Iterable[HoldFacts], series_uid: str) -> Iterator[int]:
    return (hold.id for hold in holds if hold.series in ("", series_uid))
