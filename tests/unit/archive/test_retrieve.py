"""Giving back: batches, conversions, and what happens when something in a batch is damaged."""

import pytest

from conformance import phantoms
from sending import Sending
from storage_backends import BlobRef, BlobStore, Codec
from vna.archive import Archive, DataSet, HeldInstance
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


def test_one_damaged_blob_spoils_its_own_instance_only(sending: Sending, archive: Archive, blobs: BlobStore) -> None:
    sending.store(phantoms.ct_slice(number=1))
    ((digest, codec),) = blobs.names()
    sending.store(phantoms.ct_slice(number=2))
    blobs.delete(BlobRef(digest, Codec(codec), 0, 0))

    got = list(archive.retrieve(study_of(archive, phantoms.ct_slice().StudyInstanceUID), as_stored))

    assert [type(answer) for _, answer in got] == [Damaged, DataSet]
