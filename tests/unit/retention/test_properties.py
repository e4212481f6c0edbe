"""What holds of every evaluation, whatever is known of a patient."""

import ast
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vna.retention
from retention_facts import day, evaluate, fact, hold, patient, shipped, study
from vna.events import FactKind
from vna.retention import Fact, State, Timeline, read_profile, shipped_profiles
from vna.retention import evaluate as evaluate_on

PROFILES = {name: shipped(name) for name in shipped_profiles()}
DAYS = st.dates(date(1980, 1, 1), date(2026, 1, 1))
NAMES = st.sampled_from(sorted(PROFILES))
ANY_FACT = st.builds(
    Fact,
    st.sampled_from([kind for kind in FactKind if kind is not FactKind.BIRTH_DATE]),
    DAYS,
    st.sampled_from(("", "A", "B")),
    st.sampled_from(("", "implant", "transplant", "doubtful", "C50")),
    st.sampled_from(("", "ICD-10")),
    st.sampled_from(("cli", "rest")),
)
FACTS = st.lists(ANY_FACT, max_size=8)
ON = st.dates(date(2026, 1, 2), date(2120, 1, 1))


@settings(max_examples=25)
@given(NAMES, FACTS, DAYS, ON, st.randoms(use_true_random=False))
def test_the_order_of_facts_does_not_matter(
    name: str, facts: list[Fact], made: date, on: date, chance: random.Random
) -> None:
    about, shuffled = study(made.isoformat()), chance.sample(facts, len(facts))

    verdicts = [
        evaluate_on(Timeline.of(each, births=[day("1979-06-06")]), about, (), PROFILES[name], on)
        for each in (facts, shuffled)
    ]

    assert verdicts[0] == verdicts[1]


@settings(max_examples=25)
@given(st.sampled_from(("de", "fr-csp-public", "plain", "uk-nhs")), FACTS, DAYS, DAYS)
def test_a_later_visit_of_somebody_alive_never_shortens(name: str, facts: list[Fact], made: date, visit: date) -> None:
    alive = [each for each in facts if each.kind is not FactKind.DEATH]
    before = Timeline.of(alive, births=[day("1979-06-06")])
    after = Timeline.of([*alive, Fact(FactKind.VISIT, visit)], births=[day("1979-06-06")])
    about, on = study(made.isoformat()), day("2026-11-22")

    ends = [evaluate_on(each, about, (), PROFILES[name], on).retain_until for each in (before, after)]

    assert (ends[0] is None and ends[1] is None) or (ends[0] is not None and ends[1] is not None and ends[0] <= ends[1])


@settings(max_examples=25)
@given(NAMES, FACTS, DAYS, ON)
def test_nothing_under_a_hold_is_ever_due(name: str, facts: list[Fact], made: date, on: date) -> None:
    timeline = Timeline.of(facts, births=[day("1979-06-06")])

    verdict = evaluate_on(timeline, study(made.isoformat()), (hold("2026-01-01"),), PROFILES[name], on)

    assert verdict.state is State.HELD


@settings(max_examples=25)
@given(NAMES, FACTS, DAYS, ON)
def test_nothing_is_due_while_a_claim_is_open(name: str, facts: list[Fact], made: date, on: date) -> None:
    open_claim = Fact(FactKind.CLAIM_OPENED, day("2026-01-01"), code="never closed")

    verdict = evaluate_on(Timeline.of([*facts, open_claim]), study(made.isoformat()), (), PROFILES[name], on)

    assert (verdict.state, verdict.retain_until) == (State.SUSPENDED, None)


@settings(max_examples=25)
@given(NAMES, FACTS, DAYS, ON)
def test_what_is_due_is_past_its_end_and_free_of_doubt(name: str, facts: list[Fact], made: date, on: date) -> None:
    verdict = evaluate_on(
        Timeline.of(facts, births=[day("1979-06-06")]), study(made.isoformat()), (), PROFILES[name], on
    )

    past = verdict.retain_until is not None and verdict.retain_until < on
    assert (verdict.state is State.DUE) == (past and not verdict.blockers)


@settings(max_examples=25)
@given(NAMES, FACTS, DAYS, ON, st.integers(1, 4000))
def test_what_is_due_stays_due_as_long_as_nothing_happens(
    name: str, facts: list[Fact], made: date, on: date, days: int
) -> None:
    timeline, about = Timeline.of(facts, births=[day("1979-06-06")]), study(made.isoformat())

    first, later = (evaluate_on(timeline, about, (), PROFILES[name], each) for each in (on, on + timedelta(days)))

    assert first.state is not State.DUE or later.state is State.DUE


def test_a_later_visit_of_a_child_that_died_may_shorten_as_the_law_has_it() -> None:
    born, died = "2010-02-10", fact(FactKind.DEATH, "2022-06-01")
    visits = (fact(FactKind.VISIT, "2011-01-01"), fact(FactKind.VISIT, "2015-01-01"))

    early = evaluate(patient(born, visits[0], died), PROFILES["fr-csp-public"], study("2011-01-01")).retain_until
    late = evaluate(patient(born, *visits, died), PROFILES["fr-csp-public"], study("2011-01-01")).retain_until

    assert (early, late) == (day("2038-02-10"), day("2032-06-01"))


def test_a_changed_value_moves_the_date() -> None:
    text = shipped_profiles()["fr-csp-public"]
    changed = read_profile(text.replace("years: 20", "years: 23"))

    ends = [
        evaluate(patient("1950-01-01"), each, study("2000-05-05")).retain_until
        for each in (read_profile(text), changed)
    ]

    assert ends == [day("2020-05-05"), day("2023-05-05")]


@pytest.mark.parametrize("path", sorted(Path(vna.retention.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_no_code_holds_a_legal_duration(path: Path) -> None:
    numbers = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]

    assert [number for number in numbers if type(number) is int and number > 1] == []
