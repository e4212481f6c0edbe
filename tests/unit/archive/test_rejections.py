"""Rejecting and restoring through the door: what is hidden, what is kept, what is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from conformance import phantoms
from databases import connected
from sending import Sending, by_study
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool, Statement
from vna.errors import Ambiguous, NotFound, RejectedBefore
from vna.index import open_index, tables
from vna.model import Outcome, RejectedAgain, RejectionReason, Scope

BY_DUPONT = Statement("dupont", "sent under MARTIN^JEAN")
SLICES = [phantoms.ct_slice(number=number, size=16) for number in (1, 2, 3)]
STUDY, SERIES = SLICES[0].StudyInstanceUID, SLICES[0].SeriesInstanceUID
FIRST = Scope(STUDY, SERIES, SLICES[0].SOPInstanceUID)


@contextmanager
def opened(folder: Path, again: RejectedAgain) -> Iterator[Sending]:
    """An archive with this setting that holds a series of three slices."""
    blobs = BlobStore(Memory())
    index = open_index(f"sqlite:///{folder / 'index.sqlite'}", rejected_again=again)
    archive = Archive(index, blobs, Spool(folder / "spool"), Room(blobs, min_free_percent=0, min_free_bytes=0))
    sending = Sending(archive)
    for ds in SLICES:
        sending.store(ds)
    yield sending
    archive.close()


@pytest.fixture
def sending(tmp_path: Path) -> Iterator[Sending]:
    with opened(tmp_path, RejectedAgain.REFUSE) as sending:
        yield sending


@pytest.fixture
def filled(sending: Sending) -> Archive:
    return sending.archive


def reject(archive: Archive, scope: Scope = FIRST) -> int:
    return archive.rejections.reject(scope, RejectionReason.SAFETY, BY_DUPONT)


def shown(archive: Archive) -> str:
    """Return how many instances of the study are found."""
    found = by_study(archive, STUDY, "NumberOfStudyRelatedInstances")
    return str(found[0]["NumberOfStudyRelatedInstances"]) if found else "0"


def test_what_is_rejected_is_hidden_and_still_verified(filled: Archive) -> None:
    number = reject(filled, Scope(STUDY))

    assert shown(filled) == "0"
    assert filled.counts().rejected == 3
    assert [finding.problem for finding in filled.verify(STUDY)] == [None] * 3
    filled.rejections.restore(number, BY_DUPONT)
    assert shown(filled) == "3"


def test_what_comes_back_is_byte_for_byte_what_came(sending: Sending) -> None:
    key = sending.store(SLICES[0]).key

    sending.archive.rejections.restore(reject(sending.archive), BY_DUPONT)

    assert sending.bytes_of(key) == phantoms.data_set_bytes(SLICES[0])


def test_a_rejection_says_who_when_what_and_why(filled: Archive) -> None:
    number = reject(filled)

    (standing,) = filled.rejections.standing()

    assert (standing.number, standing.actor, standing.scope, standing.instances) == (number, "dupont", FIRST, 1)
    assert standing.reason is RejectionReason.SAFETY
    assert standing.time.endswith("+00:00")
    assert filled.rejections.comment(number) == "sent under MARTIN^JEAN"


def test_the_comment_is_nowhere_but_in_its_payload(filled: Archive, tmp_path: Path) -> None:
    number = reject(filled)

    with connected(f"sqlite:///{tmp_path / 'index.sqlite'}") as connection:
        event = connection.execute(select(tables.event).where(tables.event.c.position == number)).one()
        bases = connection.execute(select(tables.header_base.c.data)).scalars().all()
        connection.execute(delete(tables.payload).where(tables.payload.c.position == number))

    assert b"MARTIN" not in event.body
    assert event.payload_digest is not None
    assert not any(b"sent under" in base for base in bases)
    assert filled.rejections.comment(number) == ""
    assert len(filled.rejections.standing()) == 1


def test_two_comments_are_told_apart(filled: Archive) -> None:
    first = reject(filled)
    second = filled.rejections.reject(Scope(STUDY), RejectionReason.QUALITY, replace(BY_DUPONT, comment="bewegt, 山"))

    assert filled.rejections.comment(first) == "sent under MARTIN^JEAN"
    assert filled.rejections.comment(second) == "bewegt, 山"


def test_rejecting_the_same_twice_is_refused(filled: Archive) -> None:
    number = reject(filled)

    with pytest.raises(RejectedBefore, match=f"rejection {number} stands"):
        reject(filled)

    reject(filled, Scope(STUDY))  # another scope is another rejection


def test_what_does_not_stand_cannot_be_restored(filled: Archive) -> None:
    number = reject(filled)
    filled.rejections.restore(number, BY_DUPONT)

    for each in (number, 12345):
        with pytest.raises(NotFound, match=f"no rejection {each} stands"):
            filled.rejections.restore(each, BY_DUPONT)


def test_a_uid_in_two_studies_must_be_told_apart(sending: Sending) -> None:
    elsewhere = phantoms.ct_slice(number=1, size=16)
    elsewhere.StudyInstanceUID = "1.2.3"
    sending.store(elsewhere)
    named = sending.archive.rejections.named

    with pytest.raises(Ambiguous, match=r"held 2 times, say which: study 1\.2\.3"):
        named(instance=SLICES[0].SOPInstanceUID)

    assert named(study=STUDY, instance=SLICES[0].SOPInstanceUID) == FIRST
    assert named(instance=SLICES[1].SOPInstanceUID) == replace(FIRST, instance=SLICES[1].SOPInstanceUID)


def test_a_uid_that_is_not_held_is_not_found(filled: Archive) -> None:
    with pytest.raises(NotFound, match=r"nothing is held of study 1\.2\.3"):
        filled.rejections.named(study="1.2.3")


def test_sent_again_is_refused_with_its_reason(sending: Sending) -> None:
    number = reject(sending.archive, Scope(STUDY))
    new = phantoms.ct_slice(number=4, size=16)

    for ds in (SLICES[0], new):
        with pytest.raises(RejectedBefore, match=f"rejection {number} stands") as refused:
            sending.store(ds)
        assert refused.value.status == 0xC071
        assert len(str(refused.value)) <= 64  # what an Error Comment holds, PS3.7 C

    assert shown(sending.archive) == "0"


def test_sent_again_is_restored_where_the_setting_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, RejectedAgain.RESTORE) as sending:
        reject(sending.archive, Scope(STUDY))

        stored = sending.store(SLICES[0])

        assert (stored.outcome, stored.hidden_by) == (Outcome.RESTORED, ())
        assert shown(sending.archive) == "1"
        with pytest.raises(RejectedBefore):
            sending.store(phantoms.ct_slice(number=4, size=16))


def test_sent_again_is_kept_hidden_where_the_setting_says_so(tmp_path: Path) -> None:
    corrected = phantoms.ct_slice(number=1, size=16)
    corrected.PatientName = "Right^One"
    with opened(tmp_path, RejectedAgain.KEEP_HIDDEN) as sending:
        number = reject(sending.archive, Scope(STUDY))

        answers = [sending.store(ds) for ds in (SLICES[1], corrected, phantoms.ct_slice(number=4, size=16))]

        assert [each.outcome for each in answers] == [Outcome.ALREADY_STORED, Outcome.NEW_VERSION, Outcome.STORED]
        assert [each.hidden_by for each in answers] == [(number,)] * 3
        assert shown(sending.archive) == "0"
        sending.archive.rejections.restore(number, BY_DUPONT)
        assert shown(sending.archive) == "4"
        assert sending.bytes_of(answers[1].key) == phantoms.data_set_bytes(corrected)
