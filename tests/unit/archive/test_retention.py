"""Retention through the archive's door: profiles in force, why a study is kept, what may go, and what would be so."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Event

import pytest

from retaining import BORN, TODAY, Retaining, retaining, verified
from vna.archive import Statement, retention_simulating
from vna.errors import NotFound, NotPermitted, NotPlausible
from vna.events import FactKind
from vna.model import RejectionReason, Scope, StudyUID
from vna.retention import Basis, Blocker, State, read_profile, shipped_profiles


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Retaining]:
    with retaining(tmp_path) as opened:
        yield opened


def test_who_proposes_a_profile_does_not_activate_it(kept: Retaining) -> None:
    profiles = kept.archive.retention.profiles
    number = profiles.propose(shipped_profiles()["plain"], "Anne Martin")

    with pytest.raises(NotPermitted, match="another person"):
        profiles.activate(number, "anne  martin")

    assert kept.archive.retention.in_force() is None
    profiles.activate(number, "bob")
    assert kept.archive.retention.in_force() == read_profile(shipped_profiles()["plain"])


def test_a_published_profile_stays_what_it_is(kept: Retaining) -> None:
    profiles, text = kept.archive.retention.profiles, shipped_profiles()["plain"]
    number = profiles.propose(text, "anne")

    with pytest.raises(NotPermitted, match="published with other content"):
        profiles.propose(text + "\n# a remark\n", "anne")

    assert profiles.propose(text, "bob") == number
    assert [each.actor for each in profiles.all()] == ["anne"]


def test_what_is_no_profile_is_refused_with_its_line(kept: Retaining) -> None:
    text = shipped_profiles()["plain"].replace("rules:", "regeln:", 1)

    with pytest.raises(NotPlausible, match=r"line \d+"):
        kept.archive.retention.profiles.propose(text, "anne")

    assert kept.archive.retention.profiles.all() == []


def test_a_profile_replaced_can_come_back(kept: Retaining) -> None:
    first, second = kept.activate(verified()), kept.activate(verified(version="2"))

    with pytest.raises(NotPermitted, match="in force already"):
        kept.archive.retention.profiles.activate(second, "bob")
    kept.archive.retention.profiles.activate(first, "bob")

    assert [(each.number, each.is_in_force) for each in kept.archive.retention.profiles.all()] == [
        (first, True),
        (second, False),
    ]


def test_a_profile_is_named_in_four_ways(kept: Retaining) -> None:
    profiles = kept.archive.retention.profiles
    first, second = profiles.propose(verified(version="1"), "anne"), profiles.propose(verified(version="2"), "anne")

    assert profiles.text(str(first)) == profiles.text("fr-csp-public@1") == verified(version="1")
    assert profiles.text("fr-csp-public") == profiles.get(second).text
    assert profiles.text("plain") == shipped_profiles()["plain"]
    with pytest.raises(NotFound, match="no profile is called nothing"):
        profiles.text("nothing")


def test_an_imported_study_without_visits_is_not_eligible_and_is_computed_again_once_they_are_known(
    kept: Retaining,
) -> None:
    """RET-12: a migrated study has the basis imaging-only; enriched later, it is due."""
    kept.activate(verified())
    study = kept.study("P1", "20040315")
    kept.follow()

    verdict = kept.archive.retention.verdict(study, TODAY)
    assert (verdict.basis, verdict.state) == (Basis.IMAGING_ONLY, State.BLOCKED_BASIS)
    assert kept.told()[study] == ("2024-03-15", "blocked:basis")

    kept.fact("P1", FactKind.VISIT, "2004-03-15")
    assert kept.follow() == 1
    assert kept.told()[study] == ("2024-03-15", "due")
    assert kept.rows()[study].basis == "visits"


def test_an_explanation_names_rules_sources_citations_and_what_stands_against(kept: Retaining) -> None:
    """RET-11."""
    number = kept.activate(shipped_profiles()["fr-csp-public"])
    study = kept.study("P1", "20060315")
    kept.fact("P1", FactKind.VISIT, "2006-03-15")
    hold = kept.hold(study)
    kept.follow()

    found = kept.archive.retention.explain(study, TODAY)

    verdict = found.verdict
    assert (verdict.retain_until, verdict.state) == (date(2026, 3, 15), State.HELD)
    assert verdict.holds == (hold,)
    assert verdict.counting[0] == "FR-BASE-20"
    assert "R.1112-7" in verdict.rules[0].cite
    assert any(source.startswith("test, ") for _, _, source in verdict.inputs)
    assert {Blocker.HOLD, Blocker.UNVERIFIED} <= set(verdict.blockers)
    assert found.profile.number == number
    assert found.stored is not None
    assert found.stored.holds == str(hold)
    assert found.study.body_parts == {"CHEST"}  # asked for, though no rule does


def test_a_study_that_is_wholly_rejected_has_an_end(kept: Retaining) -> None:
    kept.activate(verified("fr-csp-public"))
    study = kept.study("P1", "20040315")

    kept.archive.rejections.reject(Scope(study), RejectionReason.QUALITY, Statement("anne"))

    verdict = kept.archive.retention.verdict(study, TODAY)
    assert (verdict.retain_until, verdict.counting[0]) == (date(2024, 3, 15), "FR-BASE-20")


def test_without_a_profile_nothing_is_computed_and_nothing_may_go(kept: Retaining) -> None:
    study = kept.study("P1", "19800101")

    assert kept.follow() == 0
    assert list(kept.archive.retention.candidates(date(2099, 1, 1))) == []
    with pytest.raises(NotFound, match="no retention profile is in force"):
        kept.archive.retention.verdict(study, TODAY)
    with pytest.raises(NotFound, match="give one to simulate"):
        kept.archive.retention.simulate(TODAY)


def test_a_study_that_is_not_held_is_not_found(kept: Retaining) -> None:
    kept.activate(verified())

    with pytest.raises(NotFound, match=r"nothing is held of study 1\.2\.3"):
        kept.archive.retention.verdict(StudyUID("1.2.3"), TODAY)


def test_candidates_come_by_their_end_and_say_what_keeps_them(kept: Retaining) -> None:
    kept.activate(verified())
    late, early, held, young = (
        kept.study(patient, day)
        for patient, day in (("P1", "20050101"), ("P2", "20040101"), ("P3", "20030101"), ("P4", "20200101"))
    )
    for patient, day in (("P1", "2005-01-01"), ("P2", "2004-01-01"), ("P3", "2003-01-01"), ("P4", "2020-01-01")):
        kept.fact(patient, FactKind.VISIT, day)
    kept.hold(patient="P3")

    found = [(each.study_uid, each.state) for each in kept.archive.retention.candidates(TODAY)]

    assert found == [(held, State.HELD), (early, State.DUE), (late, State.DUE)]
    later = [each.study_uid for each in kept.archive.retention.candidates(date(2041, 1, 1))]
    assert later == [held, early, late, young]


def test_a_candidate_is_evaluated_as_it_is_now(kept: Retaining) -> None:
    """A visit that came since the last computation keeps what was due."""
    kept.activate(verified())
    study = kept.study("P1", "20040101")
    kept.fact("P1", FactKind.VISIT, "2004-01-01")
    kept.follow()
    assert kept.told()[study][1] == "due"

    kept.fact("P1", FactKind.VISIT, "2020-01-01")

    assert list(kept.archive.retention.candidates(TODAY)) == []
    assert kept.archive.retention.verdict(study, TODAY).state is State.RETAINED


def test_a_study_of_two_patients_is_in_conflict(kept: Retaining) -> None:
    kept.activate(verified())
    study = kept.study("P1", "20040101")
    kept.fact("P1", FactKind.VISIT, "2004-01-01")
    kept.follow()
    assert kept.told()[study][1] == "due"

    kept.study("P2", "20040101", of=study, number=2)
    kept.follow()

    assert kept.told()[study][1] == "blocked:identity"
    assert Blocker.IDENTITY in kept.archive.retention.verdict(study, TODAY).blockers


def test_the_simulation_of_a_profile_is_what_its_activation_gives(kept: Retaining) -> None:
    """RET-13, on a frozen set: every kind of fact, holds, children, several studies of a patient."""
    kept.activate(verified())
    studies = _frozen_set(kept)
    kept.follow()
    other = verified(
        version="2", **{"keep: {years: 20}": "keep: {years: 15}", "keep: {years: 30}": "keep: {years: 40}"}
    )
    before = kept.told()

    simulation = kept.archive.retention.simulate(TODAY, read_profile(other), processes=1)
    told = {each.study_uid: each for each in simulation}

    assert kept.told() == before  # nothing is changed by it
    kept.activate(other)
    kept.follow()
    after = kept.rows()
    assert simulation.totals.studies == len(studies)
    assert dict(simulation.totals.states) == _states(kept)
    assert {uid: (each.retain_until, each.state, each.rules, each.holds) for uid, each in told.items()} == {
        uid: (row.retain_until, row.state, row.rules, row.holds) for uid, row in after.items() if uid in told
    }
    assert {uid for uid, row in kept.told().items() if row != before[uid]} == {
        uid for uid, each in told.items() if each.differs
    }
    assert simulation.totals.earlier == sum(
        after[uid].retain_until < before[uid][0] for uid in studies if before[uid][0]
    )
    assert simulation.totals.later == 1  # the transfusion
    assert len(kept.shortened()) == simulation.totals.earlier


def test_studies_that_are_not_told_count_as_those_that_are(kept: Retaining, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.activate(verified())
    studies = _frozen_set(kept)
    other = read_profile(verified(version="2", **{"keep: {years: 30}": "keep: {years: 40}"}))

    some = kept.archive.retention.simulate(TODAY, other, processes=1)
    told = list(some)
    monkeypatch.setattr(retention_simulating, "_is_alike", lambda *_verdicts: False)
    every = kept.archive.retention.simulate(TODAY, other, processes=1)

    assert len(told) < len(list(every)) == len(studies)
    assert some.totals == every.totals


@pytest.mark.long
def test_a_simulation_apart_says_the_same(kept: Retaining) -> None:
    kept.activate(verified())
    _frozen_set(kept)

    here = kept.archive.retention.simulate(date(2040, 1, 1), read_profile(shipped_profiles()["plain"]), processes=1)
    apart = kept.archive.retention.simulate(date(2040, 1, 1), read_profile(shipped_profiles()["plain"]), processes=2)

    assert list(here) == list(apart)
    assert here.totals == apart.totals
    assert here.totals.past_end


def test_what_is_overdue_appears_in_the_next_run(kept: Retaining) -> None:
    """RET-10: with the rule, the age, and in the figures of the node."""
    kept.activate(verified())
    kept.study("P1", "20040315")
    kept.fact("P1", FactKind.VISIT, "2004-03-15")
    held = kept.study("P2", "20040315")
    kept.hold(held)
    kept.study("P3", "20061201")
    kept.follow()

    report = kept.archive.retention.report(TODAY)

    assert report.overdue == {"FR-BASE-20": {"30d": 0, "90d": 0, "365d": 0, "older": 1}}
    assert report.expiring == {30: 1, 90: 1, 365: 1}
    assert report.states == {"due": 1, "held": 1, "retained": 1}
    assert [each.retain_until for each in kept.archive.retention.overdue(TODAY)] == ["2024-03-15"]
    assert kept.archive.retention.figures() == {
        "day": "2026-11-22",
        "states": {"due": 1, "held": 1, "retained": 1},
        "overdue": {"FR-BASE-20": {"older": 1}},
        "expiring": {"30": 1, "90": 1, "365": 1},
    }


def test_recomputing_says_how_much_it_was(kept: Retaining) -> None:
    kept.activate(verified())
    studies = _frozen_set(kept)
    kept.follow()
    before = kept.told()

    assert kept.follow() == 0
    assert kept.archive.retention.recompute(Event()) == len(studies)
    assert kept.told() == before


def _frozen_set(kept: Retaining) -> list[StudyUID]:
    studies = [kept.study("P1", "20040315"), kept.study("P1", "20110110", modality="DX")]
    kept.fact("P1", FactKind.VISIT, "2011-01-10")
    studies.append(kept.study("P2", "20080601", born="20060210"))
    studies.append(kept.study("P3", "20060315"))
    kept.fact("P3", FactKind.VISIT, "2006-03-15")
    kept.fact("P3", FactKind.DEATH, "2009-05-20")
    studies.append(kept.study("P4", "20060315"))
    kept.fact("P4", FactKind.VISIT, "2006-03-15")
    kept.fact("P4", FactKind.TRANSFUSION, "2004-01-10")
    studies.append(kept.study("P5", "20060315"))
    kept.fact("P5", FactKind.CLAIM_OPENED, "2012-01-01", code="C1")
    studies.append(kept.study("P6", "20060315"))
    kept.fact("P6", FactKind.CLAIM_OPENED, "2012-01-01", code="C2")
    kept.fact("P6", FactKind.CLAIM_CLOSED, "2013-02-04", code="C2")
    studies.append(kept.study("P7", "20030101", born=BORN))
    kept.hold(studies[-1])
    studies.append(kept.study("P8", "20030101", born=""))
    return studies


def _states(kept: Retaining) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, state in kept.told().values():
        found[state] = found.get(state, 0) + 1
    return found
