"""Deciding on a commitment through the door: each failure reason, and what makes it one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from pydicom.dataset import Dataset

from conformance import phantoms
from sending import MODALITY, OTHER_PACS, Sending
from storage_backends import BlobRef, BlobStore, Codec, Memory, MemoryDocuments
from vna.archive import Archive, CommitmentReport, CommitmentRequested, FailureReason, Room, Sealer, Spool, Statement
from vna.events import BlobsEntered
from vna.index import EventEntry, Index, open_index
from vna.journal import SealedJournal
from vna.model import InstanceUID, RejectionReason, Scope, Source, StudyUID

MR = "1.2.840.10008.5.1.4.1.1.4"
SLICES = [phantoms.ct_slice(number=number, size=16) for number in (1, 2)]
FIRST = SLICES[0]
NOWHERE = phantoms.ct_slice(number=99, size=16)


def reference(ds: Dataset) -> tuple[str, InstanceUID]:
    return str(ds.SOPClassUID), InstanceUID(ds.SOPInstanceUID)


@dataclass
class Committing:
    """An archive, and whoever asks it for commitments."""

    archive: Archive
    index: Index
    sender: Sending
    backend: Memory
    replica: BlobStore

    def ask(self, *instances: tuple[str, InstanceUID], source: Source = MODALITY, transaction: str = "2.25.1") -> int:
        """Ask for a commitment and return its number."""
        request = CommitmentRequested(transaction, source.name, source.name, "VNA", instances)
        return self.archive.commitments.ask(request, "test")

    def answer(self, number: int, *, patience_s: float = 0.0) -> CommitmentReport | None:
        """Answer a commitment, and leave it to the next one."""
        turn = self.archive.commitments.take(number)
        assert turn is not None
        report = self.archive.commitments.answer(turn, patience_s=patience_s, go_on=lambda: True)
        self.archive.commitments.pass_on(turn, 0)
        return report

    def reasons(self, *instances: tuple[str, InstanceUID], source: Source = MODALITY) -> list[int]:
        """Return the failure reasons of a commitment."""
        report = self.answer(self.ask(*instances, source=source))
        assert report is not None
        assert {*report.kept, *((sop_class, uid) for sop_class, uid, _ in report.failed)} == set(instances)
        return [reason for _class, _uid, reason in report.failed]

    def damage(self, backend: Memory) -> None:
        """Flip a bit in every blob of a store."""
        for name in list(backend.names()):
            data = bytearray(backend.read(name, 0, backend.size(name)))
            data[-1] ^= 1
            backend.delete(name)
            staged = backend.stage()
            staged.write(bytes(data))
            staged.commit(name)


@pytest.fixture
def committing(tmp_path: Path) -> Iterator[Committing]:
    """An archive that holds two slices of MODALITY, and seals."""
    yield from _opened(tmp_path, with_replica=False)


@pytest.fixture
def copying(tmp_path: Path) -> Iterator[Committing]:
    """The same, whose policy asks for a copy in a replica, written behind."""
    yield from _opened(tmp_path, with_replica=True)


def _opened(folder: Path, *, with_replica: bool) -> Iterator[Committing]:
    backend, replica = Memory(), BlobStore(Memory())
    blobs = BlobStore(backend, codec=Codec.RAW, replicas={"second": replica} if with_replica else {})
    url = f"sqlite:///{folder / 'index.sqlite'}"
    index = open_index(url)
    archive = Archive(index, blobs, Spool(folder / "spool"), Room(blobs, min_free_percent=0, min_free_bytes=0))
    archive.commitments.seal_with(Sealer(open_index(url), SealedJournal(MemoryDocuments())))
    sender = Sending(archive)
    for ds in SLICES:
        sender.store(ds)
    yield Committing(archive, index, sender, backend, replica)
    archive.close()


def test_what_was_sent_is_committed_to_and_what_it_rests_on_is_sealed(committing: Committing) -> None:
    number = committing.ask(*map(reference, SLICES))

    report = committing.answer(number)

    assert report == CommitmentReport("2.25.1", tuple(map(reference, SLICES)), ())
    (row,) = _rows(committing.index)
    assert row.sealed >= number


def test_what_was_never_sent_is_no_such_instance(committing: Committing) -> None:
    assert committing.reasons(*map(reference, (*SLICES, NOWHERE))) == [FailureReason.NO_SUCH_INSTANCE]


def test_what_another_source_sent_is_no_such_instance(committing: Committing) -> None:
    assert committing.reasons(reference(FIRST), source=OTHER_PACS) == [FailureReason.NO_SUCH_INSTANCE]


def test_what_another_source_sent_again_is_committed_to(committing: Committing) -> None:
    committing.sender.store(FIRST, source=OTHER_PACS)

    assert committing.reasons(reference(FIRST), source=OTHER_PACS) == []


def test_what_is_rejected_is_no_such_instance(committing: Committing) -> None:
    scope = Scope(StudyUID(FIRST.StudyInstanceUID))
    number = committing.archive.rejections.reject(scope, RejectionReason.QUALITY, Statement("somebody"))

    assert committing.reasons(reference(FIRST)) == [FailureReason.NO_SUCH_INSTANCE]
    committing.archive.rejections.restore(number, Statement("somebody"))
    assert committing.reasons(reference(FIRST)) == []


def test_another_sop_class_is_a_conflict(committing: Committing) -> None:
    assert committing.reasons((MR, reference(FIRST)[1])) == [FailureReason.CLASS_INSTANCE_CONFLICT]


def test_no_storage_sop_class_is_not_supported(committing: Committing) -> None:
    assert committing.reasons(("1.2.3.4", InstanceUID("1.2.3"))) == [FailureReason.CLASS_NOT_SUPPORTED]


def test_a_transaction_uid_that_is_in_use_for_something_else_is_a_duplicate(committing: Committing) -> None:
    committing.ask(reference(SLICES[1]))
    again = committing.ask(reference(FIRST))

    report = committing.answer(again)

    assert report is not None
    assert [reason for _, _, reason in report.failed] == [FailureReason.DUPLICATE_TRANSACTION]


def test_damaged_bytes_fail_and_the_next_identical_send_heals_them(committing: Committing) -> None:
    committing.damage(committing.backend)

    assert committing.reasons(reference(FIRST)) == [FailureReason.PROCESSING_FAILURE]
    committing.sender.store(FIRST)
    assert committing.reasons(reference(FIRST)) == []


def test_lost_bytes_fail(committing: Committing) -> None:
    for name in list(committing.backend.names()):
        committing.backend.delete(name)

    assert committing.reasons(reference(FIRST)) == [FailureReason.PROCESSING_FAILURE]


def test_a_copy_that_is_to_come_is_waited_for(copying: Committing) -> None:
    number = copying.ask(reference(FIRST))

    assert copying.answer(number, patience_s=60) is None
    _copy(copying)

    report = copying.answer(number, patience_s=60)
    assert report is not None
    assert report.failed == ()


def test_a_copy_that_does_not_come_fails_in_the_end(copying: Committing) -> None:
    assert copying.reasons(reference(FIRST)) == [FailureReason.RESOURCE_LIMITATION]


def test_a_damaged_copy_fails_though_the_store_is_sound(copying: Committing) -> None:
    _copy(copying)
    copying.damage(cast(Memory, copying.replica.backend))

    assert copying.reasons(reference(FIRST)) == [FailureReason.RESOURCE_LIMITATION]


def test_nothing_is_decided_when_it_is_cut_short(committing: Committing) -> None:
    turn = committing.archive.commitments.take(committing.ask(reference(FIRST)))
    assert turn is not None

    assert committing.archive.commitments.answer(turn, patience_s=0, go_on=lambda: False) is None
    assert _rows(committing.index)[0].failed is None


def test_an_answer_stays_what_it_was(committing: Committing) -> None:
    number = committing.ask(reference(FIRST))
    first = committing.answer(number)
    committing.damage(committing.backend)

    assert committing.answer(number) == first


def _rows(index: Index):
    with index.commitments._reading.connect() as connection:
        return connection.exec_driver_sql("SELECT sealed, failed FROM commitment").all()


def _copy(copying: Committing) -> None:
    """Bring every blob to the replica, as who writes behind does."""
    blobs = copying.archive.commitments._stores[""]
    (held,) = copying.archive.versions(copying.sender.store(FIRST).key)
    entries = [copy.blob for copy in copying.index.commitments.copies(held.version_id)]
    for entry in entries:
        copying.replica.copy_from(blobs, BlobRef(entry.digest, Codec(entry.codec), entry.plain_size, entry.stored_size))
    copied = BlobsEntered(tuple(type(e)(e.digest, e.codec, e.plain_size, e.stored_size, "second") for e in entries))
    committer = copying.index.committer
    committer.submit(EventEntry(committer.next_sequence(), "2026-01-01T00:00:00.000000+00:00", "test", copied))
