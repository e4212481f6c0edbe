"""Evaluating a profile: until when a study must be kept, by which rules, and what stands against letting it go.

The end is the latest one among the rules that apply and are not replaced by another one that applies. Each time in
which a claim was open and that began before the end, or on it, then pushes it by as many days, in the order in which
they began; times that overlap count once. While one is open there is no end. A study is due from the day after its end.

Visits and studies count within the clock's scope; what else is known of the patient counts wherever it happened.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial

from vna.retention.case import Case
from vna.retention.facts import HoldFacts, Identity, StudyFacts, Timeline
from vna.retention.inputs import inputs_of
from vna.retention.matching import matches_of
from vna.retention.parts import Standing, part_verdicts
from vna.retention.profile import EliminationAction, Profile
from vna.retention.suspending import stops_of
from vna.retention.verdict import Basis, Blocker, Verdict


def evaluate(timeline: Timeline, study: StudyFacts, holds: Sequence[HoldFacts], profile: Profile, on: date) -> Verdict:
    """Return what a profile says of a study on a day. Pure: no clock, and no order among the facts matters.

    Args:
        timeline: of the study's patient.
        holds: over the study or one of its series; released ones count where the profile has time stand still.
        on: the day that is asked about; what is known is what is known now.
    """
    case = profile.case_of(timeline, study)
    matches = matches_of(profile.study_rules, case)
    standing = _standing(case, holds, profile, on)
    held = tuple(sorted(hold.id for hold in standing.holds)) if standing.holds else ()
    end, blockers = standing.end(matches), standing.all_blockers(matches, held=bool(held))
    return Verdict(
        study_uid=study.uid,
        on=on,
        profile=profile.name,
        version=profile.version,
        retain_until=end,
        state=standing.state(end, blockers),
        basis=Basis.VISITS if case.visits else Basis.IMAGING_ONLY,
        rules=matches,
        used=partial(inputs_of, case, profile, standing.stops),
        blockers=blockers,
        holds=held,
        parts=part_verdicts(case, profile, standing, end) if profile.part_rules else (),
    )


def _standing(case: Case, holds: Sequence[HoldFacts], profile: Profile, on: date) -> Standing:
    timeline, suspension = case.timeline, profile.suspension
    claimed = bool(timeline.claims) and any(claim.closed is None for claim in timeline.claims)
    blockers = tuple(_blockers(case, profile, claimed=claimed))
    if not holds and not timeline.claims:
        return Standing(on, blockers, (), (), is_open=False)
    standing = [hold for hold in holds if hold.stands(on)]
    suspending = any(hold.kind in suspension.holds for hold in standing)
    stops = stops_of(suspension, timeline, holds, on)
    return Standing(on, blockers, standing, stops, claimed or suspending)


def _blockers(case: Case, profile: Profile, *, claimed: bool) -> list[Blocker]:
    """Return what stands in the way whichever rules apply, in the order of its weight."""
    timeline, found = case.timeline, []
    if claimed:
        found.append(Blocker.CLAIM)
    if profile.elimination.action is EliminationAction.KEEP:
        found.append(Blocker.KEEPS)
    if timeline.identity is not Identity.CONFIRMED:
        found.append(Blocker.IDENTITY)
    births = len(timeline.births)
    if births > 1 or (not births and profile.needs_birth_date):
        found.append(Blocker.BIRTH_DATE)
    if not case.visits:
        found.append(Blocker.BASIS)
    if profile.verified is None:
        found.append(Blocker.UNVERIFIED)
    return found
