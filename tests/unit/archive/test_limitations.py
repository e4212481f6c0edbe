"""Limiting through the door: what is hidden, what is kept, what is said of it (GDPR Article 18)."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from conformance import phantoms
from conformance.notes import rejection_note
from sending import Sending, by_study
from vna.archive import Archive, CommitmentRequested, Statement
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import Value
from vna.dicom.matching import SingleValue, Universal
from vna.dicom.query import Query
from vna.errors import LimitedBefore, NotFound, NotPlausible
from vna.model import Outcome, RejectionReason, Scope, View

BY_ANNE = Statement("anne", "at the request of MARTIN^JEAN")
SLICES = [phantoms.ct_slice(number=number, size=16) for number in (1, 2, 3)]
STUDY, SERIES = SLICES[0].StudyInstanceUID, SLICES[0].SeriesInstanceUID
FIRST = Scope(STUDY, SERIES, SLICES[0].SOPInstanceUID)


@pytest.fixture
def sending(archive: Archive) -> Sending:
    sending = Sending(archive)
    for ds in SLICES:
        sending.store(ds)
    return sending


def instances(archive: Archive, view: View = View.ORDINARY) -> int:
    """Return how many instances are given, which must be those that are found."""
    query = Query(Level.IMAGE, Model.STUDY_ROOT, {"SOPInstanceUID": Universal()}, relational=True, view=view)
    given = archive.instances(query)
    assert len(given) == len(list(archive.find(query)))
    return len(given)


def counted(archive: Archive, view: View = View.ORDINARY) -> Mapping[str, Value]:
    keys = ("NumberOfPatientRelatedStudies", "NumberOfPatientRelatedInstances")
    query = Query(
        Level.PATIENT,
        Model.PATIENT_ROOT,
        {"PatientID": SingleValue(SLICES[0].PatientID), **dict.fromkeys(keys, Universal())},
        view=view,
    )
    return next(archive.find(query), {})


@pytest.mark.parametrize(
    ("scope", "left"), [(Scope(STUDY), 0), (Scope(STUDY, SERIES), 0), (FIRST, 2)], ids=["study", "series", "instance"]
)
@pytest.mark.parametrize("view", View)
def test_what_is_limited_is_hidden_in_every_view_until_lifted(
    sending: Sending, scope: Scope, left: int, view: View
) -> None:
    archive = sending.archive
    number = archive.limitations.place(scope, BY_ANNE)

    hidden, patient = instances(archive, view), counted(archive, view)
    archive.limitations.lift(number, BY_ANNE)

    assert hidden == left
    assert patient.get("NumberOfPatientRelatedInstances", "0") == str(left)
    assert instances(archive, view) == 3


def test_it_is_kept_verified_and_counted_as_limited(sending: Sending) -> None:
    sending.archive.limitations.place(Scope(STUDY), BY_ANNE)

    counts = sending.archive.counts()

    assert [finding.problem for finding in sending.archive.verify(STUDY)] == [None] * 3
    assert (counts.studies, counts.instances, counts.rejected, counts.limited) == (0, 0, 0, 3)


def test_what_arrives_in_it_is_taken_and_hidden(sending: Sending) -> None:
    number = sending.archive.limitations.place(Scope(STUDY), BY_ANNE)
    corrected = phantoms.ct_slice(number=1, size=16)
    corrected.PatientName = "Right^One"

    stored = [sending.store(ds) for ds in (phantoms.ct_slice(number=4, size=16), SLICES[1], corrected)]

    assert [each.outcome for each in stored] == [Outcome.STORED, Outcome.ALREADY_STORED, Outcome.NEW_VERSION]
    assert [each.hidden_by for each in stored] == [()] * 3
    assert instances(sending.archive) == 0
    sending.archive.limitations.lift(number, BY_ANNE)
    assert instances(sending.archive) == 4
    assert sending.bytes_of(stored[2].key) == phantoms.data_set_bytes(corrected)


def test_a_rejection_note_that_arrives_in_it_is_applied(sending: Sending) -> None:
    number = sending.archive.limitations.place(Scope(STUDY), BY_ANNE)

    sending.store(rejection_note(SLICES[:1]))

    assert instances(sending.archive, View.QUALITY) == 0
    sending.archive.limitations.lift(number, BY_ANNE)
    assert (instances(sending.archive), instances(sending.archive, View.QUALITY)) == (2, 4)


def test_what_is_rejected_and_limited_comes_back_when_neither_stands(sending: Sending) -> None:
    archive = sending.archive
    rejection = archive.rejections.reject(FIRST, RejectionReason.QUALITY, BY_ANNE)
    limitation = archive.limitations.place(Scope(STUDY), BY_ANNE)

    archive.limitations.lift(limitation, BY_ANNE)
    only_rejected = instances(archive), instances(archive, View.QUALITY)
    archive.limitations.place(Scope(STUDY), BY_ANNE)
    archive.rejections.restore(rejection, BY_ANNE)
    only_limited = instances(archive), instances(archive, View.QUALITY)

    assert (only_rejected, only_limited) == ((2, 3), (0, 0))


@pytest.mark.parametrize("scope", [Scope(STUDY), Scope(STUDY, SERIES), FIRST], ids=["study", "series", "instance"])
def test_storage_commitment_says_that_it_is_kept(sending: Sending, scope: Scope) -> None:
    sending.archive.limitations.place(scope, BY_ANNE)
    asked = tuple((str(ds.SOPClassUID), ds.SOPInstanceUID) for ds in SLICES)

    number = sending.archive.commitments.ask(CommitmentRequested("1.2.3", "MODALITY", "MODALITY", "VNA", asked), "test")
    turn = sending.archive.commitments.take(number)
    assert turn is not None
    report = sending.archive.commitments.answer(turn, patience_s=0, go_on=lambda: True)

    assert report is not None
    assert (report.kept, report.failed) == (asked, ())


def test_the_reason_is_nowhere_but_in_its_payload(sending: Sending, tmp_path: Path) -> None:
    number = sending.archive.limitations.place(Scope(STUDY), BY_ANNE)

    (link,) = sending.archive._index.journal.links(after=number - 1, upto=number)

    assert b"MARTIN" not in link.event.body
    assert sending.archive.limitations.reason(number) == BY_ANNE.comment


def test_broken_glass_gives_what_is_limited_alone(sending: Sending) -> None:
    archive = sending.archive
    archive.limitations.place(FIRST, BY_ANNE)

    opened = archive.limitations.open(Scope(STUDY), Statement("house", "emergency"))

    assert [held.key.instance for held in opened.instances] == [FIRST.instance]
    assert b"".join(archive.open(opened.instances[0]).chunks) == phantoms.data_set_bytes(SLICES[0])
    assert archive.limitations.reason(opened.number) == "emergency"
    assert instances(archive) == 2


def test_what_nothing_limits_is_not_opened_and_no_event_says_so(sending: Sending) -> None:
    position = sending.archive.journal_mark().position

    with pytest.raises(NotFound, match="no limitation hides"):
        sending.archive.limitations.open(Scope(STUDY), BY_ANNE)

    assert sending.archive.journal_mark().position == position


def test_the_same_twice_and_without_a_reason_is_refused(sending: Sending) -> None:
    number = sending.archive.limitations.place(FIRST, BY_ANNE)

    with pytest.raises(LimitedBefore, match=f"limitation {number} stands"):
        sending.archive.limitations.place(FIRST, BY_ANNE)
    with pytest.raises(ValueError, match="say why"):
        sending.archive.limitations.place(Scope(STUDY), Statement("anne"))
    with pytest.raises(NotFound, match="no limitation 999 stands"):
        sending.archive.limitations.lift(999, BY_ANNE)
    sending.archive.limitations.place(Scope(STUDY), BY_ANNE)  # another scope is another limitation


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        (Statement(" ", "emergency"), NotPlausible, "who"),
        (Statement("house"), ValueError, "say why"),
        (Statement("house", " "), ValueError, "say why"),
    ],
    ids=["nobody", "no-reason", "blank-reason"],
)
def test_the_glass_is_not_broken_by_nobody_nor_for_nothing(
    sending: Sending, statement: Statement, error: type[Exception], words: str
) -> None:
    sending.archive.limitations.place(FIRST, BY_ANNE)
    position = sending.archive.journal_mark().position

    with pytest.raises(error, match=words):
        sending.archive.limitations.open(FIRST, statement)

    assert sending.archive.journal_mark().position == position


def test_a_study_shows_nothing_of_a_limited_instance(sending: Sending) -> None:
    other = phantoms.ct_slice(number=9, size=16)
    other.PatientID, other.StudyDescription = "SECRET", "SECRET"
    sending.store(other)
    sending.archive.limitations.place(Scope(STUDY, SERIES, other.SOPInstanceUID), BY_ANNE)
    keys = {"StudyInstanceUID": Universal(), "PatientID": SingleValue("SECRET")}

    for view in View:
        assert list(sending.archive.find(Query(Level.STUDY, Model.STUDY_ROOT, keys, view=view))) == []
    (study,) = by_study(sending.archive, STUDY, "StudyDescription", "NumberOfStudyRelatedInstances")
    assert (study["StudyDescription"], study["NumberOfStudyRelatedInstances"]) == ("CT OF A PHANTOM", "3")
