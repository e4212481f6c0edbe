"""What stands in the way of an elimination, and what the verdict says of it."""

from dataclasses import replace

import pytest

from retention_facts import STUDY, day, end, evaluate, fact, hold, patient, shipped, study
from vna.events import FactKind, HoldKind
from vna.retention import (
    Basis,
    Blocker,
    Examination,
    Fact,
    State,
    StudyFacts,
    Timeline,
    read_profile,
    shipped_profiles,
)

FRENCH = shipped("fr-csp-public")
CAME = fact(FactKind.VISIT, "2000-03-15")
GONE = patient("1950-01-01", CAME)


def test_what_is_over_and_free_of_everything_is_due() -> None:
    verdict = evaluate(GONE, FRENCH)

    assert (verdict.state, verdict.blockers, verdict.basis) == (State.DUE, (), Basis.VISITS)


def test_the_last_day_is_still_a_day_to_keep() -> None:
    assert evaluate(GONE, FRENCH, on="2020-03-15").state is State.RETAINED
    assert evaluate(GONE, FRENCH, on="2020-03-16").state is State.DUE


@pytest.mark.parametrize(
    ("timeline", "state", "blocker"),
    [
        (patient(None, CAME), State.BLOCKED_IDENTITY, Blocker.BIRTH_DATE),
        (
            Timeline.of((CAME,), births=[day("1950-01-01"), day("1951-01-01")]),
            State.BLOCKED_IDENTITY,
            Blocker.BIRTH_DATE,
        ),
        (
            patient("1950-01-01", CAME, fact(FactKind.IDENTITY, "2001-01-01", "doubtful")),
            State.BLOCKED_IDENTITY,
            Blocker.IDENTITY,
        ),
        (
            patient("1950-01-01", CAME, fact(FactKind.IDENTITY, "2001-01-01", "conflict")),
            State.BLOCKED_IDENTITY,
            Blocker.IDENTITY,
        ),
        (patient("1950-01-01"), State.BLOCKED_BASIS, Blocker.BASIS),
        (patient("1950-01-01", CAME, fact(FactKind.CLAIM_OPENED, "2001-01-01")), State.SUSPENDED, Blocker.CLAIM),
    ],
    ids=["no-birth-date", "two-birth-dates", "doubtful", "merge-conflict", "imaging-only", "claim"],
)
def test_each_doubt_alone_blocks(timeline: Timeline, state: State, blocker: Blocker) -> None:
    verdict = evaluate(timeline, FRENCH)

    assert (verdict.state, verdict.blockers) == (state, (blocker,))


def test_a_profile_nobody_verified_lets_nothing_go() -> None:
    verdict = evaluate(GONE, read_profile(shipped_profiles()["fr-csp-public"]))

    assert (verdict.state, verdict.blockers) == (State.BLOCKED_UNVERIFIED, (Blocker.UNVERIFIED,))


def test_a_profile_without_a_word_on_elimination_keeps_everything() -> None:
    text = shipped_profiles()["fr-csp-public"].partition("elimination:")[0]

    assert Blocker.KEEPS in evaluate(GONE, read_profile(text)).blockers


def test_what_no_rule_names_is_kept_for_ever() -> None:
    verdict = evaluate(GONE, FRENCH, study(record_class="teaching"))

    assert (verdict.retain_until, verdict.state, verdict.blockers) == (None, State.BLOCKED_RULES, (Blocker.NO_RULE,))


def test_a_study_without_a_date_does_not_end_by_its_date() -> None:
    verdict = evaluate(GONE, shipped("us-mqsa"), study(None, modalities=frozenset(("MG",))))

    assert (verdict.retain_until, verdict.blockers) == (None, (Blocker.NO_START,))


def test_a_correction_of_the_birth_date_beats_what_images_say() -> None:
    corrected = fact(FactKind.BIRTH_DATE, "2006-02-10")
    timeline = Timeline.of((CAME, corrected), births=[day("1950-01-01"), day("1951-01-01")])

    assert end(timeline, FRENCH) == "2034-02-10"
    assert Blocker.BIRTH_DATE not in evaluate(timeline, FRENCH).blockers


def test_an_identity_that_is_confirmed_again_blocks_no_more() -> None:
    doubt = fact(FactKind.IDENTITY, "2001-01-01", "doubtful")
    sure = fact(FactKind.IDENTITY, "2002-01-01", "confirmed")

    assert evaluate(patient("1950-01-01", sure, CAME, doubt), FRENCH).state is State.DUE


@pytest.mark.parametrize("kind", HoldKind)
def test_a_hold_of_any_kind_beats_every_rule(kind: HoldKind) -> None:
    verdict = evaluate(GONE, FRENCH, holds=(hold("2020-01-01", kind=kind),))

    assert (verdict.state, verdict.holds) == (State.HELD, (7,))


def test_a_hold_stands_from_its_first_day_through_its_last() -> None:
    over = hold("2021-01-01", "2021-12-31")
    days = ("2020-12-31", "2021-01-01", "2021-12-31", "2022-01-01")

    states = [evaluate(GONE, FRENCH, on=on, holds=(over,)).state for on in days]

    assert states == [State.DUE, State.HELD, State.HELD, State.DUE]


def test_a_hold_that_was_released_holds_nothing() -> None:
    released = replace(hold("2021-01-01"), released_on=day("2022-01-01"))

    assert evaluate(GONE, FRENCH, holds=(released,)).state is State.DUE


def test_a_hold_for_a_claim_stops_time_until_it_is_released() -> None:
    claim = replace(hold("2012-01-01", kind=HoldKind.LIABILITY_CLAIM), released_on=day("2013-02-04"))

    verdict = evaluate(patient("1950-01-01", fact(FactKind.VISIT, "2006-03-15")), FRENCH, holds=(claim,))

    assert verdict.retain_until == day("2027-04-19")


def test_while_a_hold_for_a_claim_stands_there_is_no_end() -> None:
    claim = hold("2012-01-01", kind=HoldKind.LIABILITY_CLAIM)

    verdict = evaluate(GONE, FRENCH, holds=(claim,))

    assert (verdict.retain_until, verdict.state) == (None, State.HELD)


def test_a_claim_lodged_after_the_end_adds_nothing_once_it_is_closed() -> None:
    late = (fact(FactKind.CLAIM_OPENED, "2021-01-01"), fact(FactKind.CLAIM_CLOSED, "2022-01-01"))

    assert end(patient("1950-01-01", CAME, *late), FRENCH) == "2020-03-15"


def test_a_claim_that_an_earlier_one_has_moved_within_reach_adds_its_days() -> None:
    first = (fact(FactKind.CLAIM_OPENED, "2010-01-01", "A"), fact(FactKind.CLAIM_CLOSED, "2012-01-01", "A"))
    second = (fact(FactKind.CLAIM_OPENED, "2021-01-01", "B"), fact(FactKind.CLAIM_CLOSED, "2021-01-11", "B"))

    assert end(patient("1950-01-01", CAME, *second, *first), FRENCH) == "2022-03-25"


def test_a_claim_in_a_profile_that_does_not_name_claims_still_blocks() -> None:
    text = shipped_profiles()["plain"].replace("suspend_while:\n  claim: open\n", "suspend_while:\n")

    verdict = evaluate(patient("1950-01-01", CAME, fact(FactKind.CLAIM_OPENED, "2001-01-01")), read_profile(text))

    assert verdict.state is State.SUSPENDED


def test_a_study_of_two_establishments_is_kept_until_the_later_date() -> None:
    both = study(establishments=frozenset(("A", "B")))
    timeline = patient(
        "1950-01-01",
        fact(FactKind.VISIT, "2001-01-01", establishment="A"),
        fact(FactKind.VISIT, "2005-01-01", establishment="B"),
        fact(FactKind.VISIT, "2009-01-01", establishment="C"),
    )

    assert end(timeline, FRENCH, both) == "2025-01-01"


def test_what_happened_at_a_place_nobody_named_counts_everywhere() -> None:
    timeline = patient("1950-01-01", fact(FactKind.VISIT, "2005-01-01"))

    assert end(timeline, FRENCH, study(establishments=frozenset(("A",)))) == "2025-01-01"


def test_a_transfusion_may_count_for_the_studies_of_its_day_alone() -> None:
    text = shipped_profiles()["fr-csp-public"].replace(
        "transfusion_scope: whole_record", "transfusion_scope: tagged_documents"
    )
    timeline = patient("1950-01-01", CAME, fact(FactKind.TRANSFUSION, "1999-05-05"))

    assert end(timeline, read_profile(text), study("1999-05-05")) == "2030-03-15"
    assert end(timeline, read_profile(text), study("1999-05-06")) == "2020-03-15"


def test_a_verdict_explains_itself() -> None:
    timeline = Timeline.of(
        (Fact(FactKind.VISIT, day("2000-03-15"), source="feed 2020-01-01"), fact(FactKind.DEATH, "2005-01-01")),
        [Examination(day("1999-01-01"), "", frozenset(("CT",)), STUDY)],
        births=[day("1950-01-01")],
    )

    verdict = evaluate(timeline, FRENCH)

    base, minor, death = verdict.rules
    assert (base.rule, base.start_event, base.start, base.until) == (
        "FR-BASE-20",
        "last_visit",
        day("2000-03-15"),
        day("2020-03-15"),
    )
    assert (base.replaced_by, minor.replaced_by, death.replaced_by) == ("FR-DEATH-10", "FR-DEATH-10", "")
    assert verdict.counting == ("FR-DEATH-10",)
    assert all(match.cite == "CSP R.1112-7 al.3" for match in verdict.rules)
    assert ("last_visit", "2000-03-15", "feed 2020-01-01") in verdict.inputs
    assert ("birth_date", "1950-01-01", "images") in verdict.inputs
    assert ("death", "2005-01-01", "cli") in verdict.inputs
    assert (verdict.profile, verdict.version) == ("fr-csp-public", "2025-01-15.2")


def test_what_was_used_is_worked_out_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("vna.retention.evaluation.inputs_of", lambda *given: asked.append(given) or ())

    verdict = evaluate(GONE, FRENCH)

    assert asked == []
    assert verdict.inputs == ()
    assert len(asked) == 1


def test_an_image_that_came_after_the_last_visit_is_the_source() -> None:
    later = Examination(day("2003-01-01"), "", frozenset(("CT",)), "1.2.840.99.5")

    verdict = evaluate(patient("1950-01-01", CAME, images=[later]), FRENCH)

    assert ("last_visit", "2003-01-01", "images of study 1.2.840.99.5") in verdict.inputs


def test_a_clock_of_the_study_alone_looks_at_no_visit() -> None:
    text = shipped_profiles()["plain"].replace("clock_scope: patient", "clock_scope: study")

    assert end(GONE, read_profile(text), StudyFacts(STUDY, day("1985-01-01"))) == "2015-01-01"
