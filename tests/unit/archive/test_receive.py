"""Storing through the door: what happens on first and on later arrival (DESIGN section 2)."""

import hashlib
import threading
from pathlib import Path

import pytest
from sqlalchemy import update

from arrivals import Sender
from conformance import phantoms
from databases import connected
from sending import OTHER_PACS, Sending, by_study
from storage_backends import BlobRef, BlobStore, Codec, Memory, MemoryContent
from vna.archive import Archive, Arrived, Expected, Room, Spool, Stored
from vna.errors import CannotUnderstand, DataSetMismatch, OutOfResources
from vna.events import BlobPlace, SweepEnded
from vna.index import BlobState, Index, tables
from vna.model import Outcome, Source


@pytest.fixture
def sending(archive: Archive) -> Sending:
    return Sending(archive)


def test_a_source_that_mixes_up_implicit_and_explicit_vr_is_told_of_once_and_kept_as_it_came(
    sending: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    session = sending.archive.session(Source("PACS"), "test")
    for number in (1, 2):
        ds = phantoms.ct_slice(number=number, size=16)
        mislabelled = phantoms.data_set_bytes(ds, "1.2.840.10008.1.2")
        session.store(Arrived(MemoryContent(mislabelled), "1.2.840.10008.1.2.1"))

    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "in implicit VR, which its transfer syntax is not source=" in told[0]
    assert "PHANTOM" not in told[0]


def test_a_data_set_comes_back_byte_for_byte(sending: Sending) -> None:
    sent = phantoms.data_set_bytes(phantoms.ct_slice())

    stored = sending.store(phantoms.ct_slice())

    assert stored.outcome is Outcome.STORED
    assert sending.bytes_of(stored.key) == sent


def test_the_instance_digest_is_what_anyone_can_compute(sending: Sending) -> None:
    ds = phantoms.ct_slice()

    stored = sending.store(ds)

    syntax = ds.file_meta.TransferSyntaxUID.encode()
    assert stored.digest == hashlib.sha256(syntax + b"\0" + phantoms.data_set_bytes(ds)).hexdigest()


def test_the_same_bytes_twice_keep_one_version_and_one_blob(sending: Sending, blobs: BlobStore) -> None:
    sending.store(phantoms.ct_slice())

    again = sending.store(phantoms.ct_slice())

    assert again.outcome is Outcome.ALREADY_STORED
    assert len(list(blobs.names())) == 1
    assert len(sending.archive.versions(again.key)) == 1


def test_a_resend_of_a_study_leaves_one_receipt_per_association(sending: Sending) -> None:
    for number in range(3):
        sending.store(phantoms.ct_slice(number=number))
    before = sending.archive.counts().position

    for number in range(3):
        sending.store(phantoms.ct_slice(number=number))

    assert sending.archive.counts().position == before + 1


def test_another_transfer_syntax_is_kept_aside_as_a_rendition(sending: Sending) -> None:
    ds = phantoms.ct_slice()
    sending.store(ds)
    implicit = phantoms.data_set_bytes(ds, "1.2.840.10008.1.2")

    stored = sending.store_bytes(implicit, "1.2.840.10008.1.2", source=OTHER_PACS)

    assert stored.outcome is Outcome.RENDITION
    assert sending.bytes_of(stored.key) == phantoms.data_set_bytes(ds)
    assert len(sending.archive.versions(stored.key)) == 2


def test_a_corrected_resend_from_the_same_source_is_served(sending: Sending) -> None:
    ds = phantoms.ct_slice()
    sending.store(ds)
    ds.PatientName = "CORRECTED^NAME"

    stored = sending.store(ds)

    assert (stored.outcome, stored.version) == (Outcome.NEW_VERSION, 2)
    assert sending.bytes_of(stored.key) == phantoms.data_set_bytes(ds)
    (found,) = by_study(sending.archive, ds.StudyInstanceUID, "PatientName")
    assert found["PatientName"] == "CORRECTED^NAME"


def test_other_content_from_another_source_is_kept_aside(sending: Sending) -> None:
    ds = phantoms.ct_slice()
    sending.store(ds)
    original = phantoms.data_set_bytes(ds)
    ds.PatientName = "OTHER^NAME"

    stored = sending.store(ds, source=OTHER_PACS)

    assert stored.outcome is Outcome.ASIDE
    assert sending.bytes_of(stored.key) == original
    assert sending.archive.counts().flags > 0


def test_going_back_to_a_superseded_version_is_a_version_again(sending: Sending) -> None:
    ds = phantoms.ct_slice()
    sending.store(ds)
    original = phantoms.data_set_bytes(ds)
    ds.PatientName = "CORRECTED^NAME"
    sending.store(ds)

    stored = sending.store(phantoms.ct_slice())

    assert (stored.outcome, stored.version) == (Outcome.NEW_VERSION, 3)
    assert sending.bytes_of(stored.key) == original


def test_a_lost_blob_is_written_again_by_the_next_identical_receive(sending: Sending, blobs: BlobStore) -> None:
    sending.store(phantoms.ct_slice())
    ((digest, codec),) = blobs.names()
    blobs.delete(BlobRef(digest, Codec(codec), 0, 0))
    assert [f.problem is None for f in sending.archive.verify()] == [False]

    again = sending.store(phantoms.ct_slice())

    assert again.outcome is Outcome.ALREADY_STORED
    assert [f.problem for f in sending.archive.verify()] == [None]


def test_a_blob_that_the_sweep_is_deleting_is_written_again_when_it_is_gone(
    sending: Sending, blobs: BlobStore, index: Index, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    sending.store(phantoms.ct_slice())
    with connected(url) as connection:
        connection.execute(update(tables.blob).values(state=BlobState.DELETING.value))
    ((digest, codec),) = blobs.names()
    stored: list[Stored] = []
    receiving = threading.Thread(target=lambda: stored.append(sending.store(phantoms.ct_slice())))

    receiving.start()
    receiving.join(0.3)
    assert receiving.is_alive()
    blobs.delete(BlobRef(digest, Codec(codec), 0, 0))
    Sender(index).record(SweepEnded((BlobPlace(digest, codec.value),)))
    receiving.join()

    assert stored[0].outcome is Outcome.ALREADY_STORED
    assert list(blobs.names()) == [(digest, codec)]
    assert index.reader.present_blobs([digest])


def test_a_blob_that_stays_on_its_way_out_is_answered_out_of_resources(
    sending: Sending, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vna.archive.receive._SWEEP_WAIT_S", 0.2)
    sending.store(phantoms.ct_slice())
    with connected(f"sqlite:///{tmp_path / 'index.sqlite'}") as connection:
        connection.execute(update(tables.blob).values(state=BlobState.DELETING.value))

    with pytest.raises(OutOfResources, match="send it again"):
        sending.store(phantoms.ct_slice())


def test_a_command_that_names_another_instance_is_refused(sending: Sending) -> None:
    with pytest.raises(DataSetMismatch, match="SOP Instance UID"):
        sending.store(phantoms.ct_slice(), expected=Expected(sop_instance_uid="1.2.3"))

    assert sending.archive.counts().instances == 0


@pytest.mark.parametrize("keep", [0, 1, 7, 200, 2000])
def test_a_truncated_data_set_is_refused_and_leaves_nothing(sending: Sending, index: Index, keep: int) -> None:
    data = phantoms.data_set_bytes(phantoms.ct_slice())[:keep]

    with pytest.raises(CannotUnderstand):
        sending.store_bytes(data, "1.2.840.10008.1.2.1")

    assert index.reader.counts().position == 0


def test_the_head_of_a_file_in_front_of_a_data_set_is_refused(sending: Sending, index: Index) -> None:
    data = b"\x02\x00\x10\x00UI\x02\x001\0" + phantoms.data_set_bytes(phantoms.ct_slice(size=16))

    with pytest.raises(CannotUnderstand, match=r"\(0002,0010\) is File Meta Information"):
        sending.store_bytes(data, "1.2.840.10008.1.2.1")

    assert index.reader.counts().position == 0


def test_nothing_is_taken_in_below_the_watermark(index: Index, blobs: BlobStore, tmp_path: Path) -> None:
    blobs.backend = Nearly()
    room = Room(blobs, min_free_percent=2, min_free_bytes=2**31)
    archive = Archive(index, blobs, Spool(tmp_path / "spool"), room)

    with pytest.raises(OutOfResources, match="watermark"):
        archive.incoming()
    archive.close()


class Nearly(Memory):
    """A store that is nearly full."""

    def free_bytes(self) -> int:
        return 10 * 2**20

    def total_bytes(self) -> int:
        return 100 * 2**30


def test_a_file_head_is_kept_beside_the_header(sending: Sending) -> None:
    whole = phantoms.part10(phantoms.ct_slice())
    data = phantoms.data_set_bytes(phantoms.ct_slice())
    head = whole[: len(whole) - len(data)]

    stored = sending.store(phantoms.ct_slice(), part10_head=head)

    (held,) = sending.archive.versions(stored.key)
    assert sending.archive.part10_head(held) == head


def test_a_large_header_is_a_blob_of_its_own(sending: Sending, blobs: BlobStore) -> None:
    ds = phantoms.ct_slice()
    block = ds.private_block(0x0029, "PHANTOM", create=True)
    for number in range(3):
        block.add_new(number, "OB", bytes([number]) * 200_000)

    stored = sending.store(ds)

    assert len(list(blobs.names())) == 2
    assert sending.bytes_of(stored.key) == phantoms.data_set_bytes(ds)
