"""Holds on both databases: what each level stands over, and what a query holds."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from conformance import phantoms
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, HoldTarget, HoldTerms, Room, Spool, Statement
from vna.archive.recording import record_if_due
from vna.errors import NotPlausible
from vna.events import HoldKind, HoldReleased
from vna.index import open_index
from vna.model import RejectionReason, Scope, SeriesUID, StudyUID

TODAY = date(2026, 3, 1)
CT, MR = phantoms.ct_slice(number=1, size=16), phantoms.mr_slice()
CT_STUDY, CT_SERIES = StudyUID(CT.StudyInstanceUID), SeriesUID(CT.SeriesInstanceUID)
OTHER_SERIES = phantoms.ct_slice(number=2, size=16)
OTHER_SERIES.SeriesInstanceUID, OTHER_SERIES.SOPInstanceUID, OTHER_SERIES.Modality = "1.2.3.4", "1.2.3.5", "SR"
MR.PatientID, MR.StudyInstanceUID = "OTHER", "1.2.3.6"
TERMS = HoldTerms(HoldKind.INQUIRY, "prosecutor", from_date=date(2026, 1, 1))
STUDY, SERIES = Scope(CT_STUDY), Scope(CT_STUDY, CT_SERIES)
SECOND = Scope(CT_STUDY, SeriesUID("1.2.3.4"))
ELSEWHERE = Scope(StudyUID("1.2.3.6"))


@pytest.fixture
def archive(index_url: str, tmp_path: Path) -> Iterator[Archive]:
    """An archive with a study of two series and a study of another patient."""
    blobs = BlobStore(Memory())
    opened = Archive(
        open_index(index_url), blobs, Spool(tmp_path / "spool"), Room(blobs, min_free_percent=0, min_free_bytes=0)
    )
    sending = Sending(opened)
    for ds in (CT, OTHER_SERIES, MR):
        sending.store(ds)
    yield opened
    opened.close()


def over(archive: Archive, on: date = TODAY) -> list[bool]:
    """Return whether the study, its first series, its second series and the other study are held."""
    return [bool(archive.holds.over(scope, on)) for scope in (STUDY, SERIES, SECOND, ELSEWHERE)]


def by_query(**keys: str) -> HoldTarget:
    return HoldTarget(query=tuple(keys.items()))


TARGETS = {
    "patient": (HoldTarget(issuer="MODALITY", patient_id=CT.PatientID), [True, True, True, False]),
    "another issuer's patient": (HoldTarget(issuer="ELSEWHERE", patient_id=CT.PatientID), [False] * 4),
    "study": (HoldTarget(study=CT_STUDY), [True, True, True, False]),
    "series": (HoldTarget(study=CT_STUDY, series=CT_SERIES), [True, True, False, False]),
    "patient's keys": (by_query(PatientID=CT.PatientID), [True, True, True, False]),
    "study's keys": (by_query(StudyDate=f"{CT.StudyDate}-", PatientID="O*"), [False, False, False, True]),
    "name, by any case": (by_query(PatientName=str(MR.PatientName).lower()), [False, False, False, True]),
    "series' keys": (by_query(Modality="SR"), [True, False, True, False]),
    "modalities": (by_query(ModalitiesInStudy="SR"), [True, True, True, False]),
    "none": (by_query(ModalitiesInStudy="US"), [False] * 4),
}


def test_a_hold_stands_over_what_it_names(archive: Archive) -> None:
    for name, (target, expected) in TARGETS.items():
        hold = archive.holds.place(target, TERMS, "anne")

        assert over(archive) == expected, name
        covered = archive.holds.covered(hold)
        named = [
            bool(covered & {(each.study, None), (each.study, each.series)}) for each in (SERIES, SECOND, ELSEWHERE)
        ]
        assert named == expected[1:], name
        archive.holds.release(hold.number, "bruno", "closed")
        assert over(archive) == [False] * 4


def test_a_hold_stands_from_its_first_day_to_its_last(archive: Archive) -> None:
    terms = HoldTerms(HoldKind.RESEARCH, "study 12", from_date=date(2030, 1, 2), until_date=date(2030, 1, 4))
    archive.holds.place(HoldTarget(study=CT_STUDY), terms, "anne")

    days = [date(2030, 1, day) for day in range(1, 6)]
    assert [over(archive, day)[0] for day in days] == [False, True, True, True, False]
    assert [len(archive.holds.standing(day)) for day in days] == [0, 1, 1, 1, 0]


def test_what_comes_later_is_held(archive: Archive) -> None:
    archive.holds.place(by_query(PatientID="LATE*"), TERMS, "anne")
    archive.holds.place(HoldTarget(issuer="MODALITY", patient_id="LATER"), TERMS, "anne")
    late = phantoms.ct_slice(number=9, size=16)
    late.PatientID, late.StudyInstanceUID, late.SeriesInstanceUID, late.SOPInstanceUID = (
        "LATER",
        "1.9",
        "1.9.1",
        "1.9.2",
    )

    Sending(archive).store(late)

    assert len(archive.holds.over(Scope(StudyUID("1.9")), TODAY)) == 2


def test_what_is_hidden_is_held_by_query(archive: Archive) -> None:
    archive.holds.place(by_query(Modality="CT"), TERMS, "anne")

    archive.rejections.reject(STUDY, RejectionReason.QUALITY, Statement("anne"))

    assert over(archive) == [True, True, False, False]
    assert archive.holds.covered(archive.holds.all()[0]) == {(CT_STUDY, CT_SERIES)}


WRONG = {
    "unknown": {"Nonsense": "1"},
    "of-an-instance": {"SOPInstanceUID": "1.2"},
    "counted": {"NumberOfStudyRelatedInstances": "3"},
    "everything": {"PatientID": "*"},
    "no-date": {"StudyDate": "yesterday"},
}


@pytest.mark.parametrize("keys", WRONG.values(), ids=WRONG)
def test_a_query_that_cannot_be_held_by_is_refused(keys: dict[str, str]) -> None:
    with pytest.raises(NotPlausible, match=next(iter(keys))):
        by_query(**keys)


def test_a_release_is_decided_on_in_its_transaction(archive: Archive, index_url: str) -> None:
    number = archive.holds.place(HoldTarget(study=CT_STUDY), TERMS, "anne").number
    index = open_index(index_url)

    by_whom = ("ANNE ", "bruno", "carl")
    positions = [record_if_due(index, HoldReleased(number), person) for person in by_whom]

    assert [position is not None for position in positions] == [False, True, False]
    assert archive.holds.get(number).released_by == "bruno"
    assert record_if_due(index, HoldReleased(99), "bruno") is None
    index.close()
