"""Rejection notes that arrive: what they hide, for whom, and what comes back (IHE RAD TF-3 4.66)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from conformance import phantoms
from conformance.notes import rejection_note
from sending import OTHER_PACS, Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool, Statement, notes
from vna.dicom.attributes import Level, Model
from vna.dicom.matching import Matcher, SingleValue, Universal
from vna.dicom.query import Query
from vna.errors import CannotUnderstand, RejectedBefore
from vna.index import open_index
from vna.model import Outcome, RejectedAgain, RejectionReason, View
from vna.retention import NotePolicy

SLICES = [phantoms.ct_slice(number=number, size=16) for number in (1, 2, 3)]
ELSEWHERE = [phantoms.ct_slice(study=2, number=number, size=16) for number in (1, 2)]


@contextmanager
def opened(folder: Path, again: RejectedAgain = RejectedAgain.REFUSE) -> Iterator[Sending]:
    """An empty archive with this setting."""
    blobs = BlobStore(Memory())
    index = open_index(f"sqlite:///{folder / 'index.sqlite'}", rejected_again=again)
    archive = Archive(index, blobs, Spool(folder / "spool"), Room(blobs, min_free_percent=0, min_free_bytes=0))
    yield Sending(archive)
    archive.close()


@pytest.fixture
def sending(tmp_path: Path) -> Iterator[Sending]:
    with opened(tmp_path) as sending:
        yield sending


def store_all(sending: Sending, data_sets: Sequence[Dataset]) -> None:
    for ds in data_sets:
        sending.store(ds)


def uids(data_sets: Sequence[Dataset]) -> set[str]:
    return {str(ds.SOPInstanceUID) for ds in data_sets}


def seen(archive: Archive, view: View = View.ORDINARY) -> set[str]:
    """Return the SOP Instance UIDs that are found, which are those that can be retrieved."""
    query = Query(Level.IMAGE, Model.STUDY_ROOT, {"SOPInstanceUID": Universal()}, relational=True, view=view)
    found = {str(each["SOPInstanceUID"]) for each in archive.find(query)}
    assert {held.key.instance for held in archive.instances(query)} == found
    return found


@pytest.mark.parametrize("reason", RejectionReason)
@pytest.mark.parametrize("note_first", [False, True], ids=["images-first", "note-first"])
@pytest.mark.parametrize("rejected", [1, 3], ids=["partly", "wholly"])
def test_a_note_hides_what_it_names_and_itself_whenever_it_comes(
    sending: Sending, reason: RejectionReason, note_first: bool, rejected: int
) -> None:
    note = rejection_note(SLICES[:rejected], reason)

    stored = [sending.store(ds) for ds in ([note, *SLICES] if note_first else [*SLICES, note])]

    assert {each.outcome for each in stored} == {Outcome.STORED}
    assert seen(sending.archive) == uids(SLICES[rejected:])
    assert seen(sending.archive, View.QUALITY) == uids([*SLICES, note])
    (standing,) = sending.archive.rejections.standing()
    assert (standing.reason, standing.names, standing.instances) == (reason, rejected, rejected + 1)
    assert standing.scope.instance == note.SOPInstanceUID


def test_a_note_rejects_in_other_studies_too(sending: Sending) -> None:
    note = rejection_note([SLICES[0], ELSEWHERE[1]])
    store_all(sending, [*SLICES, *ELSEWHERE, note])

    assert seen(sending.archive) == uids([*SLICES[1:], ELSEWHERE[0]])
    assert seen(sending.archive, View.QUALITY) == uids([*SLICES, *ELSEWHERE, note])


def test_the_copy_of_a_note_in_another_study_is_hidden_and_adds_nothing(sending: Sending) -> None:
    named = [SLICES[0], ELSEWHERE[1]]
    store_all(sending, [*SLICES, *ELSEWHERE, rejection_note(named)])

    sending.store(rejection_note(named, study=2, number=2))

    assert seen(sending.archive) == uids([*SLICES[1:], ELSEWHERE[0]])
    assert [each.names for each in sending.archive.rejections.standing()] == [2, 0]


def test_what_evidence_or_content_alone_names_is_not_rejected(sending: Sending) -> None:
    note = rejection_note(SLICES[:2])
    note.ContentSequence = note.ContentSequence[:1]
    other = rejection_note([SLICES[2]], number=2)
    other.CurrentRequestedProcedureEvidenceSequence = note.CurrentRequestedProcedureEvidenceSequence

    store_all(sending, [*SLICES, note, other])

    assert seen(sending.archive) == uids(SLICES[1:])


def test_a_key_object_document_of_another_title_rejects_nothing(sending: Sending) -> None:
    kin = rejection_note(SLICES[:1])
    kin.ConceptNameCodeSequence[0].CodeValue = "113000"  # Of Interest

    store_all(sending, [*SLICES, kin])

    assert seen(sending.archive) == uids([*SLICES, kin])


def test_a_title_of_another_coding_scheme_rejects_nothing(sending: Sending) -> None:
    other = rejection_note(SLICES[:1])
    other.ConceptNameCodeSequence[0].CodingSchemeDesignator = "99LOCAL"

    store_all(sending, [*SLICES, other])

    assert seen(sending.archive) == uids([*SLICES, other])


def test_a_deflated_note_rejects(sending: Sending) -> None:
    note = rejection_note(SLICES[:1])
    note.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    store_all(sending, [*SLICES, note])

    assert seen(sending.archive) == uids(SLICES[1:])


def test_a_broken_note_is_refused_and_not_half_applied(sending: Sending) -> None:
    data = phantoms.data_set_bytes(rejection_note(SLICES[:1]))
    at = data.index(b"\x08\x00\x99\x11")
    store_all(sending, SLICES)

    with pytest.raises(CannotUnderstand):
        sending.store_bytes(
            data[:at] + b"\x08\x00\x99\x11SQ\0\0\xff\xff\xff\x0f" + data[at + 12 :], "1.2.840.10008.1.2.1"
        )

    assert seen(sending.archive) == uids(SLICES)


def test_a_note_that_is_too_long_is_refused(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "LONGEST_NOTE", 100)
    store_all(sending, SLICES)

    with pytest.raises(CannotUnderstand, match="more than 100 bytes"):
        sending.store(rejection_note(SLICES))

    assert seen(sending.archive, View.QUALITY) == uids(SLICES)


def test_another_note_under_the_same_uid_that_is_kept_aside_rejects_nothing(sending: Sending) -> None:
    store_all(sending, [*SLICES, rejection_note(SLICES[:1])])

    stored = sending.store(rejection_note(SLICES), source=OTHER_PACS)

    assert stored.outcome is Outcome.ASIDE
    assert seen(sending.archive) == uids(SLICES[1:])


def test_what_a_profile_ignores_is_kept_and_hides_nothing(sending: Sending) -> None:
    policies = {reason.code: NotePolicy.IGNORE for reason in RejectionReason}
    sending.archive.note_policies(lambda: policies)
    note = rejection_note(SLICES[:1])

    store_all(sending, [*SLICES, note])

    assert seen(sending.archive) == uids([*SLICES, note])


def test_a_note_that_is_sent_again_is_no_news(sending: Sending) -> None:
    note = rejection_note(SLICES[:1])
    store_all(sending, [*SLICES, note])

    again = sending.store(note)

    assert (again.outcome, again.hidden_by) == (Outcome.ALREADY_STORED, ())
    assert len(sending.archive.rejections.standing()) == 1


def test_what_somebody_restored_stays_so_when_the_note_is_sent_again(sending: Sending) -> None:
    note = rejection_note(SLICES[:1])
    store_all(sending, [*SLICES, note])
    (standing,) = sending.archive.rejections.standing()

    sending.archive.rejections.restore(standing.number, Statement("dupont"))
    sending.store(note)

    assert seen(sending.archive) == uids([*SLICES, note])


def test_another_reason_stands_beside_the_first(sending: Sending) -> None:
    store_all(sending, [*SLICES, rejection_note(SLICES[:1])])
    sending.store(rejection_note(SLICES[:1], RejectionReason.SAFETY, number=2))

    quality, _safety = sending.archive.rejections.standing()
    sending.archive.rejections.restore(quality.number, Statement("dupont"))

    assert str(SLICES[0].SOPInstanceUID) not in seen(sending.archive)


def corrected(ds: Dataset) -> Dataset:
    """Return other content under the same UIDs."""
    right = deepcopy(ds)
    right.PatientName = "Right^One"
    return right


def test_a_corrected_instance_replaces_what_a_wrong_worklist_entry_led_to(sending: Sending) -> None:
    store_all(sending, [*SLICES, rejection_note(SLICES, RejectionReason.WORKLIST)])

    stored = sending.store(corrected(SLICES[0]))

    assert (stored.outcome, stored.version, stored.hidden_by) == (Outcome.NEW_VERSION, 2, ())
    assert seen(sending.archive) == uids(SLICES[:1])
    assert sending.bytes_of(stored.key) == phantoms.data_set_bytes(corrected(SLICES[0]))


@pytest.mark.parametrize(
    ("reason", "source", "change"),
    [
        (RejectionReason.QUALITY, None, True),
        (RejectionReason.WORKLIST, OTHER_PACS, True),
        (RejectionReason.WORKLIST, None, False),
    ],
    ids=["another-reason", "another-source", "nothing-corrected"],
)
def test_what_else_is_sent_again_follows_the_setting(
    sending: Sending, reason: RejectionReason, source: object, change: bool
) -> None:
    store_all(sending, [*SLICES, rejection_note(SLICES, reason)])
    again = corrected(SLICES[0]) if change else SLICES[0]

    with pytest.raises(RejectedBefore):
        sending.store(again, **({"source": source} if source else {}))

    assert seen(sending.archive) == set()


def test_a_corrected_instance_stays_hidden_under_a_rejection_that_does_not_let_it_replace(sending: Sending) -> None:
    store_all(sending, [*SLICES, rejection_note(SLICES, RejectionReason.WORKLIST)])
    sending.store(rejection_note(SLICES, RejectionReason.SAFETY, number=2))

    with pytest.raises(RejectedBefore):
        sending.store(corrected(SLICES[0]))


def test_an_identical_instance_comes_back_where_the_setting_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, RejectedAgain.RESTORE) as sending:
        store_all(sending, [*SLICES, rejection_note(SLICES)])

        stored = sending.store(SLICES[0])

        assert stored.outcome is Outcome.RESTORED
        assert seen(sending.archive) == uids(SLICES[:1])


def test_the_quality_view_shows_the_study_that_is_wholly_rejected(sending: Sending) -> None:
    note = rejection_note(SLICES)
    store_all(sending, [*SLICES, note])
    keys = {
        "StudyInstanceUID": SingleValue(SLICES[0].StudyInstanceUID),
        "PatientID": Universal(),
        "ModalitiesInStudy": Universal(),
        "NumberOfStudyRelatedInstances": Universal(),
        "NumberOfStudyRelatedSeries": Universal(),
    }

    ordinary = list(sending.archive.find(Query(Level.STUDY, Model.STUDY_ROOT, keys)))
    (found,) = sending.archive.find(Query(Level.STUDY, Model.STUDY_ROOT, keys, view=View.QUALITY))

    assert ordinary == []
    assert found["ModalitiesInStudy"] == "CT\\KO"
    assert (found["NumberOfStudyRelatedInstances"], found["NumberOfStudyRelatedSeries"]) == ("4", "2")
    assert found["PatientID"] == SLICES[0].PatientID


@pytest.mark.parametrize(("view", "found"), [(View.ORDINARY, ["CT"]), (View.QUALITY, ["CT", "KO"])])
def test_modalities_are_matched_by_what_the_view_shows(sending: Sending, view: View, found: list[str]) -> None:
    store_all(sending, [*SLICES, rejection_note(SLICES[:1])])

    def matches(modality: str, **keys: Matcher) -> bool:
        asked = {"StudyInstanceUID": Universal(), "ModalitiesInStudy": SingleValue(modality), **keys}
        return any(sending.archive.find(Query(Level.STUDY, Model.STUDY_ROOT, asked, view=view)))

    patient = {"PatientID": SingleValue(SLICES[0].PatientID)}
    assert [each for each in ("CT", "KO") if matches(each)] == found
    assert [each for each in ("CT", "KO") if matches(each, **patient)] == found
