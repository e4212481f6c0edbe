"""On every database: what was computed of each study follows whatever changes, once, and goes on where it broke off."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from sqlalchemy import delete, select, update

from conformance import phantoms
from conformance.notes import rejection_note
from databases import connected
from retaining import TODAY, Retaining, retaining, verified
from sending import Sending
from vna.archive import Retention, Statement, retention_following
from vna.events import FactKind
from vna.index import open_index, tables
from vna.index.retention_tables import retention, retention_progress
from vna.model import RejectedAgain, RejectionReason, Scope

FIRST, LAST = "2006-03-15", "2011-01-10"


class StoppedAfter(Event):
    """Says that it is time to stop when it was asked so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture
def anywhere(index_url: str, tmp_path: Path) -> Iterator[Retaining]:
    """On each kind of database: for what asks it most."""
    with retaining(tmp_path, index_url) as opened:
        opened.activate(verified())
        yield opened


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Retaining]:
    with retaining(tmp_path) as opened:
        opened.activate(verified())
        yield opened


def test_all_studies_of_a_patient_follow_a_later_one(anywhere: Retaining) -> None:
    """V14: an external X-ray is a visit, for all studies of the patient."""
    first = anywhere.study("P1", "20060315")
    anywhere.fact("P1", FactKind.VISIT, FIRST)
    anywhere.study("P2", "20060315")
    assert anywhere.follow() == 2
    assert anywhere.told()[first] == ("2026-03-15", "due")

    second = anywhere.study("P1", "20110110", modality="DX")

    assert anywhere.follow() == 2  # those of this patient
    assert anywhere.told()[first] == anywhere.told()[second] == ("2031-01-10", "retained")
    assert anywhere.shortened() == []
    assert anywhere.follow() == 0


def test_a_date_that_comes_earlier_is_an_event_with_its_cause(kept: Retaining) -> None:
    """V4: death shortens. To compute again says nothing more; a longer time is no event."""
    study = kept.study("P1", "20060315")
    kept.fact("P1", FactKind.VISIT, FIRST)
    kept.follow()

    death = kept.fact("P1", FactKind.DEATH, "2009-05-20")
    kept.follow()

    assert kept.told()[study] == ("2019-05-20", "due")
    (said,) = kept.shortened()
    assert (said["study"], said["before"], said["after"]) == (study, "2026-03-15", "2019-05-20")
    assert said["cause"] == f"patient-fact-recorded {death}"
    kept.archive.retention.recompute(Event())
    kept.archive.patients.withdraw(death, "bob", "a mistake")
    kept.follow()
    assert kept.told()[study] == ("2026-03-15", "due")
    assert len(kept.shortened()) == 1


def test_a_claim_that_closes_gives_an_end_which_is_an_event(kept: Retaining) -> None:
    """V9, V10."""
    study = kept.study("P1", "20060315")
    kept.fact("P1", FactKind.VISIT, FIRST)
    kept.fact("P1", FactKind.CLAIM_OPENED, "2012-01-01", code="C")
    kept.follow()
    assert kept.told()[study] == ("", "suspended")

    kept.fact("P1", FactKind.CLAIM_CLOSED, "2013-02-04", code="C")
    kept.follow()

    assert kept.told()[study] == ("2027-04-19", "retained")
    assert [(said["before"], said["after"]) for said in kept.shortened()] == [("", "2027-04-19")]


def test_holds_count_from_their_first_day_to_their_last(kept: Retaining) -> None:
    study = kept.study("P1", "20040315")
    kept.fact("P1", FactKind.VISIT, "2004-03-15")
    hold = kept.hold(study, begin=TODAY + timedelta(days=2), end=TODAY + timedelta(days=3))
    states = []

    for day in range(5):
        kept.follow(TODAY + timedelta(days=day))
        states.append(kept.told()[study][1])

    assert states == ["due", "due", "held", "held", "due"]
    assert kept.rows()[study].holds == ""
    assert hold


def test_a_hold_on_a_patient_is_followed_to_its_release(anywhere: Retaining) -> None:
    studies = [anywhere.study("P1", "20040315"), anywhere.study("P1", "20030315"), anywhere.study("P2", "20030315")]
    for patient in ("P1", "P2"):
        anywhere.fact(patient, FactKind.VISIT, "2004-03-15")
    anywhere.follow()

    hold = anywhere.hold(patient="P1", begin=TODAY)
    assert anywhere.follow() == 2
    assert [anywhere.told()[study][1] for study in studies] == ["held", "held", "due"]
    assert anywhere.rows()[studies[0]].holds == str(hold)

    anywhere.archive.holds.release(hold, "bob", "over")
    anywhere.follow()
    assert [anywhere.told()[study][1] for study in studies] == ["due"] * 3
    assert anywhere.shortened() == []


def test_what_ends_on_a_day_is_due_the_next_one(kept: Retaining) -> None:
    study = kept.study("P1", "20061122")
    kept.fact("P1", FactKind.VISIT, "2006-11-22")

    kept.follow(date(2026, 11, 22))
    assert kept.told()[study] == ("2026-11-22", "retained")
    kept.follow(date(2026, 11, 23))

    assert kept.told()[study] == ("2026-11-22", "due")
    assert kept.archive.retention.figures()["states"] == {"due": 1}


def test_a_clock_that_was_put_back_undoes_what_it_made_due(kept: Retaining) -> None:
    """RET-14: five years ahead, and back."""
    study = kept.study("P1", "20080315")
    kept.fact("P1", FactKind.VISIT, "2008-03-15")
    kept.follow(TODAY + timedelta(days=5 * 365))
    assert kept.told()[study][1] == "due"

    kept.follow(TODAY)

    assert kept.told()[study][1] == "retained"


def test_a_pass_that_was_broken_off_goes_on(kept: Retaining, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_following, "PATIENTS_AT_ONCE", 2)
    studies = [kept.study(f"P{number}", "20040315") for number in range(6)]
    found = []

    for _ in range(20):
        found.append(kept.archive.retention.follow(StoppedAfter(1), TODAY))
        if not found[-1]:
            break

    assert set(kept.told()) == set(studies)
    assert sum(found) == len(studies)  # none twice
    assert len(found) > 3


def test_what_comes_while_a_pass_is_broken_off_is_not_forgotten(
    kept: Retaining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_following, "PATIENTS_AT_ONCE", 1)
    studies = [kept.study(f"P{number}", "20040315") for number in range(3)]
    kept.archive.retention.follow(StoppedAfter(1), TODAY)
    assert len(kept.told()) == 1

    kept.fact("P0", FactKind.VISIT, "2004-03-15")  # it was computed already
    late = kept.study("P0", "20100101")
    kept.follow()

    assert kept.told()[studies[0]] == kept.told()[late] == ("2030-01-01", "retained")
    assert set(kept.told()) == {*studies, late}


def test_two_at_once_come_to_the_same_and_say_it_once(anywhere: Retaining, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_following, "PATIENTS_AT_ONCE", 2)
    for number in range(8):
        anywhere.study(f"P{number}", "20060315")
        anywhere.fact(f"P{number}", FactKind.VISIT, FIRST)
    anywhere.follow()
    for number in range(8):
        anywhere.fact(f"P{number}", FactKind.DEATH, "2009-05-20")
    indexes = [open_index(anywhere.url) for _ in range(2)]
    together = Barrier(2)

    def follow(retention_of_one: Retention) -> None:
        together.wait()
        retention_of_one.follow(Event(), TODAY)

    threads = [Thread(target=follow, args=(Retention(index),)) for index in indexes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in indexes:
        index.close()

    assert set(anywhere.told().values()) == {("2019-05-20", "due")}
    assert len(anywhere.shortened()) == 8
    assert anywhere.follow() == 0


def test_what_was_found_earlier_never_replaces_what_was_found_later(kept: Retaining) -> None:
    study = kept.study("P1", "20060315")
    kept.follow()
    (row,) = kept.rows().values()
    index = open_index(kept.url)

    late = [(row.computed_at + 5, "2030-01-01"), (row.computed_at + 2, "2020-01-01")]
    for position, end in late:
        values = {name: getattr(row, name) for name in row.__slots__} | {"computed_at": position, "retain_until": end}
        index.retained.put([type(row)(**values)])
    index.close()

    assert kept.rows()[study].retain_until == "2030-01-01"


def test_lost_results_are_computed_again(kept: Retaining) -> None:
    study = kept.study("P1", "20060315")
    kept.follow()
    with connected(kept.url) as connection:
        connection.execute(delete(retention))
        connection.execute(delete(retention_progress))

    assert kept.follow() == 1

    assert kept.told()[study] == ("2026-03-15", "blocked:basis")
    assert kept.shortened() == []


def test_a_study_that_went_leaves_no_result(kept: Retaining) -> None:
    study, other = kept.study("P1", "20060315"), kept.study("P2", "20060315")
    kept.follow()
    index = open_index(kept.url)
    with connected(kept.url) as connection:  # a row of a study that nobody knows, as an elimination leaves it
        number = connection.execute(select(tables.study.c.id).where(tables.study.c.study_uid == study)).scalar_one()
        connection.execute(update(retention).where(retention.c.study_id == number).values(study_id=10**9))

    assert index.retained.forget_gone() == 1
    assert index.retained.forget_gone() == 0
    (lacking,) = index.retained.not_computed()
    assert index.retention.patients_of([study]) == [lacking]
    index.close()
    assert set(kept.rows()) == {other}


def test_a_study_is_gathered_with_all_that_rules_may_ask(anywhere: Retaining) -> None:
    text = verified(version="2").replace(
        "rules:",
        "rules:\n  - {id: SITE, when: {institution: 'St*', source: MODALITY, sop_class: 1.2.840.10008.5.1.4.1.1.2, "
        "body_part: CHEST, study_description: 'CT OF*', series_description: 'SERIES*'}, start: study_date, "
        "keep: {years: 40}, cite: policy}",
        1,
    )
    anywhere.activate(text.replace("institution: 'St*', ", ""))
    study = anywhere.study("P1", "20060315")

    anywhere.follow()

    assert anywhere.rows()[study].rules.split()[0] == "SITE"
    assert anywhere.told()[study][0] == "2046-03-15"
    anywhere.activate(text.replace("version: 2", "version: 3"))
    anywhere.follow()
    assert anywhere.told()[study][0] == "2026-03-15"  # of no institution is anything known


def test_results_come_by_their_end_a_page_at_a_time(anywhere: Retaining) -> None:
    for number, day in enumerate(("20050101", "20040101", "20050101")):
        anywhere.study(f"P{number}", day)
    anywhere.follow()
    index = open_index(anywhere.url)

    page = index.retained.ended("2026-01-01", after=("", 0), newly=False)

    assert [each.first_end for each in page] == ["2024-01-01", "2025-01-01", "2025-01-01"]
    rest = index.retained.ended("2026-01-01", after=(page[1].first_end, page[1].study_id), newly=False)
    assert rest == page[2:]
    index.close()


def test_a_rejection_and_its_end_are_followed(kept: Retaining) -> None:
    study = kept.study("P1", "20060315")
    kept.follow()

    rejected = kept.archive.rejections.reject(Scope(study), RejectionReason.QUALITY, Statement("anne"))
    after_rejection = kept.follow()
    kept.archive.rejections.restore(rejected, Statement("anne"))

    assert (after_rejection, kept.follow(), kept.follow()) == (1, 1, 0)


def test_what_a_note_rejects_is_followed_though_the_note_lies_in_another_study(kept: Retaining) -> None:
    sending, rejected = Sending(kept.archive), phantoms.ct_slice(study=1, size=16)
    rejected.PatientID = "P1"
    note = rejection_note([rejected], RejectionReason.QUALITY)
    note.StudyInstanceUID, note.PatientID = "1.2.3.4", "P2"
    sending.store(rejected)
    kept.follow()

    sending.store(note)

    position = kept.archive.journal_mark().position
    assert kept.follow() == 2
    assert kept.rows()[rejected.StudyInstanceUID].computed_at == position


def test_what_is_sent_again_and_shown_for_that_is_followed(tmp_path: Path) -> None:
    with retaining(tmp_path, rejected_again=RejectedAgain.RESTORE) as kept:
        kept.activate(verified())
        study = kept.study("P1", "20060315")
        kept.archive.rejections.reject(Scope(study), RejectionReason.QUALITY, Statement("anne"))
        kept.follow()

        kept.study("P1", "20060315")

        assert (kept.follow(), kept.follow()) == (1, 0)
