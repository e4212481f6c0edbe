"""Tier rules: what is to be done with a study, seen where it lies, by the rules of a profile."""

from dataclasses import dataclass
from datetime import date

from vna.retention.anniversaries import Span
from vna.retention.case import Case
from vna.retention.facts import StudyFacts, Timeline
from vna.retention.profile import Profile, TierRule, TierVerb


@dataclass(frozen=True, slots=True)
class Place:
    """A named store that a study lies in completely: in which codec, how soon it can be read, and whether verified.

    Every copy is a place: replicas too. `online` is false for nearline and offline stores.
    """

    store: str
    codec: str = ""
    online: bool = True
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a study lies, and when it was last asked for, None where that is not known.

    `online_stores` names all stores of the node that are online: to move there is not to move out of reach.
    """

    places: tuple[Place, ...]
    last_access: date | None = None
    online_stores: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TierAction:
    """Something to be done: `source` and `target` name stores, the same one for re-encoding.

    `min_copies` is how many verified copies must be left when all is done.
    """

    verb: TierVerb
    study_uid: str
    rule: str
    source: str
    target: str
    codec: str
    min_copies: int
    cite: str


def tier_actions(
    profile: Profile, timeline: Timeline, study: StudyFacts, placement: Placement, on: date
) -> tuple[TierAction, ...]:
    """Return what tier rules want done with a study on a day.

    One action at most for each store that the study lies in: that of the first rule that applies. A move is left out
    where fewer verified copies would be left than the rule says, or none online while the study must be.
    """
    if not profile.tiers.rules:
        return ()
    case, found = profile.case_of(timeline, study), {}
    places = {place.store: place for place in placement.places}
    for rule in profile.tiers.rules:
        place = places.get(rule.source)
        if not rule.enabled or rule.verb is TierVerb.RECALL or place is None or rule.source in found:
            continue
        if not place.verified or not _is_old(rule, study, placement, on) or not rule.when.holds(case):
            continue
        if _has_effect(rule, places) and _is_allowed(rule, profile, case, placement, on):
            found[rule.source] = _action(rule, study)
    return tuple(found.values())


def recall_to(profile: Profile, timeline: Timeline, study: StudyFacts, store: str) -> str:
    """Return the store that a study is to be brought back to when it is read from `store`; empty for none."""
    rules = [r for r in profile.tiers.rules if r.enabled and r.verb is TierVerb.RECALL and r.source == store]
    if not rules:
        return ""
    case = profile.case_of(timeline, study)
    return next((rule.target for rule in rules if rule.when.holds(case)), "")


def _is_old(rule: TierRule, study: StudyFacts, placement: Placement, on: date) -> bool:
    """Return whether the ages a rule names have passed; an access that is not known was on the study's day."""
    accessed = placement.last_access or study.study_date
    return _is_over(rule.after_study, study.study_date, on) and _is_over(rule.after_access, accessed, on)


def _is_over(span: Span | None, start: date | None, on: date) -> bool:
    return span is None or (start is not None and on > span.after(start))


def _has_effect(rule: TierRule, places: dict[str, Place]) -> bool:
    if rule.verb is TierVerb.REENCODE:
        return places[rule.source].codec != rule.codec
    return rule.verb is TierVerb.MOVE or rule.target not in places


def _is_allowed(rule: TierRule, profile: Profile, case: Case, placement: Placement, on: date) -> bool:
    """Return whether a move leaves enough verified copies, and one online while there must be one."""
    if rule.verb is not TierVerb.MOVE:
        return True
    staying = [place for place in placement.places if place.store != rule.source and place.verified]
    left = {place.store for place in staying} | {rule.target}
    if len(left) < max(rule.min_copies, profile.tiers.min_copies):
        return False
    reachable = rule.target in placement.online_stores or any(place.online for place in staying)
    return reachable or not _must_be_online(profile, case, on)


def _must_be_online(profile: Profile, case: Case, on: date) -> bool:
    """Return whether a floor of the profile keeps the study within reach; one without a date stays there."""
    day = case.study.study_date
    floors = [floor for floor in profile.tiers.floors if floor.when.holds(case)]
    return any(day is None or on <= floor.keep.after(day) for floor in floors)


def _action(rule: TierRule, study: StudyFacts) -> TierAction:
    return TierAction(rule.verb, study.uid, rule.id, rule.source, rule.target, rule.codec, rule.min_copies, rule.cite)
