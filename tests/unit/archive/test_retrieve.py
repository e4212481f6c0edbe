"""Giving back: batches, conversions, and what happens when something in a batch is damaged."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from conformance import phantoms
from sending import Sending
from storage_backends import BlobRef, BlobStore, Codec
from vna.archive import Archive, DataSet, HeldInstance
from vna.archive.retrieve import Retriever
from vna.dicom.attributes import Level, Model
from vna.dicom.matching import SingleValue
from vna.dicom.query import Query
from vna.errors import CannotConvert, Damaged

EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"


@pytest.fixture
def sending(archive: Archive) -> Sending:
    return Sending(archive)


def as_stored(held: HeldInstance) -> str:
    return held.transfer_syntax


def study_of(archive: Archive, uid: str) -> list[HeldInstance]:
    return archive.instances(Query(Level.STUDY, Model.STUDY_ROOT, {"StudyInstanceUID": SingleValue(uid)}))


def test_a_series_of_several_batches_comes_back_in_order(sending: Sending, archive: Archive) -> None:
    series = [phantoms.ct_slice(number=number) for number in range(1, 21)]
    for ds in reversed(series):
        sending.store(ds)

    got = archive.retrieve(study_of(archive, series[0].StudyInstanceUID), as_stored)

    assert [b"".join(ds.chunks) for _, ds in got] == [phantoms.data_set_bytes(ds) for ds in series]


def test_every_kind_of_image_comes_back_byte_for_byte(sending: Sending) -> None:
    for ds in phantoms.every_image().values():
        stored = sending.store(ds)
        assert sending.bytes_of(stored.key) == phantoms.data_set_bytes(ds)


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_BE])
def test_a_conversion_says_its_size_and_converts_back(sending: Sending, archive: Archive, syntax: str) -> None:
    stored = sending.store(phantoms.ct_slice())
    (held,) = archive.versions(stored.key)

    converted = archive.open(held, transfer_syntax=syntax)
    data = b"".join(converted.chunks)

    assert (converted.transfer_syntax, converted.size) == (syntax, len(data))
    assert data == phantoms.data_set_bytes(phantoms.ct_slice(), syntax)


def test_a_syntax_the_peer_cannot_have_is_an_answer_not_an_error(sending: Sending, archive: Archive) -> None:
    ds = phantoms.ct_slice()
    sending.store(ds)

    ((_, answer),) = archive.retrieve(study_of(archive, ds.StudyInstanceUID), lambda held: None)

    assert isinstance(answer, CannotConvert)


def test_a_compressed_instance_is_decoded_on_request(sending: Sending, archive: Archive) -> None:
    stored = sending.store(phantoms.rle_multiframe())
    (held,) = archive.versions(stored.key)

    converted = archive.open(held, transfer_syntax=EXPLICIT_LE)
    data = b"".join(converted.chunks)

    assert (converted.transfer_syntax, converted.size) == (EXPLICIT_LE, len(data))
    assert data.endswith(phantoms.us_multiframe(frames=3).PixelData)


def test_what_cannot_be_decoded_fails_alone_among_others_of_its_batch(sending: Sending, archive: Archive) -> None:
    good, bad = phantoms.rle_multiframe(number=1), phantoms.rle_multiframe(number=2)
    bad.Rows = 121
    for ds in (good, bad):
        sending.store(ds)

    got = list(archive.retrieve(study_of(archive, good.StudyInstanceUID), lambda held: IMPLICIT_LE))

    assert [type(answer) for _, answer in got] == [DataSet, CannotConvert]


def test_one_damaged_blob_spoils_its_own_instance_only(sending: Sending, archive: Archive, blobs: BlobStore) -> None:
    sending.store(phantoms.ct_slice(number=1))
    ((digest, codec),) = blobs.names()
    sending.store(phantoms.ct_slice(number=2))
    blobs.delete(BlobRef(digest, Codec(codec), 0, 0))

    got = list(archive.retrieve(study_of(archive, phantoms.ct_slice().StudyInstanceUID), as_stored))

    assert [type(answer) for _, answer in got] == [Damaged, DataSet]


class StuckTranscoder:
    """Converts nothing before it is let go: what a large conversion is for whoever waits behind it."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Semaphore(0), threading.Event()

    def transcode(self, stored: object, target: str) -> Any:
        self.begun.release()
        self.let_go.wait(60)
        raise CannotConvert("was only to take long")

    def close(self) -> None:
        self.let_go.set()


def test_retrievals_that_convert_do_not_hold_up_others(sending: Sending, archive: Archive) -> None:
    plain, compressed = phantoms.ct_slice(), phantoms.rle_multiframe()
    sending.store(plain)
    sending.store(compressed)
    transcoder = StuckTranscoder()
    retriever = Retriever(archive._retriever._shelf, cast(Any, transcoder))
    converted = study_of(archive, compressed.StudyInstanceUID)
    with ThreadPoolExecutor(8) as threads:
        converting = [
            threads.submit(lambda: list(retriever.retrieve(converted, lambda held: EXPLICIT_LE))) for _ in range(8)
        ]
        for _ in range(4):
            assert transcoder.begun.acquire(timeout=30)

        ((_, got),) = retriever.retrieve(study_of(archive, plain.StudyInstanceUID), as_stored)

        assert isinstance(got, DataSet)
        assert b"".join(got.chunks) == phantoms.data_set_bytes(plain)
        transcoder.let_go.set()
        assert all(isinstance(each.result()[0][1], CannotConvert) for each in converting)
    retriever.close()
