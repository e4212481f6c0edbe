"""Which rules apply to a case, from when each counts, and when the last of them ends."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from vna.retention.case import Case
from vna.retention.conditions import event_name
from vna.retention.profile import Rule, RuleScope, Start
from vna.retention.verdict import RuleMatch

_TAGGED: Final = RuleScope.TAGGED_DOCUMENTS
_LAST_VISIT: Final = Start.LAST_VISIT
_BIRTH: Final = Start.BIRTH


def matches_of(rules: Iterable[Rule], case: Case) -> tuple[RuleMatch, ...]:
    """Return the rules that apply to a case, those that others replace too."""
    found: list[RuleMatch] = []
    replaced: dict[str, str] = {}
    for rule in rules:
        if not rule.when.holds(case) or (rule.scope is _TAGGED and not _is_tagged(rule, case)):
            continue
        start = _start(rule, case)
        until = None if start is None else rule.keep.after(start)
        found.append(RuleMatch(rule.id, rule.start.value, start, until, rule.cite, ""))
        if rule.replaces:
            replaced |= dict.fromkeys(rule.replaces, rule.id)
    if not replaced:
        return tuple(found)
    return tuple(match._replace(replaced_by=replaced.get(match.rule, "")) for match in found)


def end_of(matches: Sequence[RuleMatch]) -> date | None:
    """Return the latest end among the rules that count; None where there is none, or one is not known."""
    latest: date | None = None
    for match in matches:
        if match.replaced_by:
            continue
        if match.until is None:
            return None
        if latest is None or match.until > latest:
            latest = match.until
    return latest


def _start(rule: Rule, case: Case) -> date | None:
    """Return the day that a rule counts from; None where it is not known."""
    start = rule.start
    if start is _LAST_VISIT:
        return case.last_visit
    if start is _BIRTH:
        return case.birth
    if start is Start.STUDY_DATE:
        return case.study.study_date
    if start is Start.DEATH:
        return case.timeline.death.date if case.timeline.death else None
    if start is Start.LAST_EXAMINATION:
        return _last_examination(rule, case)
    if start is Start.DIAGNOSIS:
        return max(fact.date for fact in case.timeline.diagnoses if _is_named(rule, fact.system, fact.code))
    act = max(_acts(rule, case))
    if start is Start.LATER_OF_BOTH and case.last_visit is not None:
        return max(act, case.last_visit)
    return act


def _last_examination(rule: Rule, case: Case) -> date | None:
    wanted = rule.when.modalities
    dates = [each.date for each in case.examinations if not wanted or not wanted.isdisjoint(each.modalities)]
    if case.study.study_date is not None:
        dates.append(case.study.study_date)
    return max(dates, default=None)


def _is_named(rule: Rule, system: str, code: str) -> bool:
    return any(codes.has(system, code) for codes in rule.when.diagnoses)


def _acts(rule: Rule, case: Case) -> list[date]:
    return [fact.date for fact in case.timeline.events if event_name(fact.kind, fact.code) in rule.when.events]


def _is_tagged(rule: Rule, case: Case) -> bool:
    return case.study.study_date in _acts(rule, case)
