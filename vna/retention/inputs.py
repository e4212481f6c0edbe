"""What an evaluation used, with where it comes from, so that a date can be explained."""

from collections.abc import Sequence
from datetime import date

from vna.retention.case import Case
from vna.retention.conditions import event_name
from vna.retention.profile import Profile, Start
from vna.retention.suspending import Stop
from vna.retention.verdict import Input

_DEATH_KEYS = frozenset(("deceased", "death_before"))
_STUDY_KEYS = frozenset(("study_date", "last_examination", "age_at_study", "later_examination"))
_VISIT_KEYS = frozenset((Start.LAST_VISIT.value, Start.LATER_OF_BOTH.value, "age_at_last_visit"))


def inputs_of(case: Case, profile: Profile, stops: Sequence[Stop]) -> tuple[Input, ...]:
    """Return what rules of a profile looked at and found."""
    needs, timeline, found = profile.needs, case.timeline, []
    last_visit, study_date = case.last_visit, case.study.study_date
    if last_visit is not None and not needs.isdisjoint(_VISIT_KEYS):
        found.append(Input("last_visit", last_visit.isoformat(), _visit_source(case, last_visit)))
    if study_date is not None and not needs.isdisjoint(_STUDY_KEYS):
        found.append(Input("study_date", study_date.isoformat(), "images"))
    if profile.needs_birth_date:
        found += [Input("birth_date", day.isoformat(), timeline.birth_source) for day in sorted(timeline.births)]
    if timeline.death is not None and not needs.isdisjoint(_DEATH_KEYS):
        found.append(Input("death", timeline.death.date.isoformat(), timeline.death.source))
    if timeline.events and "event" in needs:
        events = [(fact.date.isoformat(), event_name(fact.kind, fact.code), fact.source) for fact in timeline.events]
        found += [Input("event", f"{name} {day}", source) for day, name, source in sorted(events)]
    if timeline.diagnoses and "diagnosis" in needs:
        known = [(fact.date.isoformat(), f"{fact.system} {fact.code}", fact.source) for fact in timeline.diagnoses]
        found += [Input("diagnosis", f"{code} {day}", source) for day, code, source in sorted(known)]
    if stops:
        found += [Input("suspended", f"{stop.begin} to {stop.end}", stop.source) for stop in stops]
    if timeline.claims:
        found += [Input("claim", f"open since {c.opened}", c.source) for c in timeline.claims if c.closed is None]
    return tuple(found)


def _visit_source(case: Case, day: date) -> str:
    """Return who says that the patient came last on a day: a visit before an image of the same day."""
    told = [fact.source or "visit" for fact in case.visits if fact.date == day]
    if told:
        return min(told)
    studies = [each.study_uid for each in case.examinations if each.date == day and each.study_uid]
    return f"images of study {min(studies)}" if studies else "images"
