"""Rules on series and instances: what goes before its study, and what never does."""

from retention_facts import day, evaluate, fact, hold, patient, study
from vna.events import FactKind
from vna.retention import InstanceFacts, Profile, SeriesFacts, State, StudyFacts, read_profile

CAME = fact(FactKind.VISIT, "2020-03-15")
PATIENT = patient("1950-01-01", CAME)
TEXT = """
profile: thin
version: "1"
verified: {by: "A. Reader", on: 2025-01-15}
suspend_while: {claim: open, cite: policy}
rules:
  - {id: BASE, start: last_visit, keep: {years: 20}, cite: policy}
  - id: THIN
    level: series
    when: {modality: CT, slice_thickness: {below: 1.25}}
    start: study_date
    keep: {years: 3}
    cite: policy
elimination: {action: propose_elimination, approvals: [{role: director, kind: approval}]}
"""
THIN, THICK = SeriesFacts("1.1", "CT", slice_thickness=0.6), SeriesFacts("1.2", "CT", slice_thickness=5.0)


def _profile(text: str = TEXT) -> Profile:
    return read_profile(text)


def _study(*series: SeriesFacts) -> StudyFacts:
    return study("2020-03-15", series=series)


def test_thin_slices_go_after_three_years_while_the_study_stays() -> None:
    verdict = evaluate(PATIENT, _profile(), _study(THIN, THICK), on="2023-03-16")

    (part,) = verdict.parts
    assert (part.series_uid, part.retain_until, part.state) == ("1.1", day("2023-03-15"), State.DUE)
    assert (verdict.state, verdict.retain_until) == (State.RETAINED, day("2040-03-15"))
    assert [match.rule for match in part.rules] == ["THIN"]


def test_thin_slices_stay_for_three_years() -> None:
    (part,) = evaluate(PATIENT, _profile(), _study(THIN, THICK), on="2023-03-15").parts

    assert part.state is State.RETAINED


def test_the_last_series_of_a_modality_never_goes_alone() -> None:
    other = SeriesFacts("1.3", "MR", slice_thickness=5.0)

    assert evaluate(PATIENT, _profile(), _study(THIN, other), on="2030-01-01").parts == ()


def test_a_hold_over_a_series_keeps_it_and_the_study_but_not_its_neighbour() -> None:
    neighbour = SeriesFacts("1.4", "CT", slice_thickness=0.5)
    over = hold("2021-01-01", series="1.1")

    verdict = evaluate(PATIENT, _profile(), _study(THIN, THICK, neighbour), on="2050-01-01", holds=(over,))

    assert {part.series_uid: part.state for part in verdict.parts} == {"1.1": State.HELD, "1.4": State.DUE}
    assert verdict.state is State.HELD


def test_a_hold_over_the_study_keeps_each_series() -> None:
    (part,) = evaluate(PATIENT, _profile(), _study(THIN, THICK), on="2030-01-01", holds=(hold("2021-01-01"),)).parts

    assert (part.state, part.holds) == (State.HELD, (7,))


def test_an_open_claim_stops_the_time_of_series_too() -> None:
    timeline = patient("1950-01-01", CAME, fact(FactKind.CLAIM_OPENED, "2021-01-01"))

    (part,) = evaluate(timeline, _profile(), _study(THIN, THICK), on="2030-01-01").parts

    assert (part.state, part.retain_until) == (State.SUSPENDED, None)


def test_without_visits_no_series_goes() -> None:
    (part,) = evaluate(patient("1950-01-01"), _profile(), _study(THIN, THICK), on="2030-01-01").parts

    assert part.state is State.BLOCKED_BASIS


def test_a_series_that_would_outlive_its_study_is_no_case_of_its_own() -> None:
    text = TEXT.replace("years: 3", "years: 33")

    assert evaluate(PATIENT, _profile(text), _study(THIN, THICK), on="2030-01-01").parts == ()


def test_the_last_instance_of_a_series_never_goes_alone() -> None:
    text = TEXT.replace("level: series", "level: instance")
    thin = InstanceFacts("1.1.1", slice_thickness=0.6)
    thick = InstanceFacts("1.1.2", slice_thickness=5.0)
    some, all_of_it = (SeriesFacts("1.1", "CT", instances=each) for each in ((thin, thick), (thin,)))

    assert len(evaluate(PATIENT, _profile(text), _study(some), on="2030-01-01").parts) == 1
    assert evaluate(PATIENT, _profile(text), _study(all_of_it), on="2030-01-01").parts == ()
