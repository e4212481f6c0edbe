"""Several data sets stored with one commit: each has an outcome of its own."""

import gc
import weakref
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from conformance import phantoms
from sending import MODALITY
from storage_backends import MemoryContent
from vna.archive import Archive, Arrived, Stored, StoreSession, receive
from vna.dicom.describe import Description
from vna.dicom.scan import Scan
from vna.errors import CannotUnderstand
from vna.index import Index
from vna.metrics import Stage
from vna.model import Outcome


def _arrived(ds: Dataset, *, cut: int = 0) -> Arrived:
    data = phantoms.data_set_bytes(ds)
    return Arrived(MemoryContent(data[: len(data) - cut]), ds.file_meta.TransferSyntaxUID)


def _slice(number: int, comment: str = "") -> Dataset:
    ds = phantoms.ct_slice(number=number)
    ds.PatientComments = comment
    return ds


def _outcomes(session: StoreSession, slices: Sequence[Dataset]) -> list[Outcome]:
    outcomes = session.store_all([_arrived(ds) for ds in slices])
    return [each.outcome for each in outcomes if isinstance(each, Stored)]


@pytest.fixture
def session(archive: Archive) -> StoreSession:
    return archive.session(MODALITY, "test")


def test_all_are_recorded_by_one_transaction_in_the_order_they_came(
    session: StoreSession, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, statements = [], index.committer._statements
    transaction = statements.transaction
    monkeypatch.setattr(statements, "transaction", lambda: begun.append(1) or transaction())

    stored = session.store_all([_arrived(_slice(number)) for number in range(3)])

    assert [each.key.instance for each in stored if isinstance(each, Stored)] == [
        phantoms.ct_slice(number=number).SOPInstanceUID for number in range(3)
    ]
    assert len(begun) == 1
    assert index.reader.position() == 3


def test_one_that_is_no_data_set_fails_alone(session: StoreSession, archive: Archive) -> None:
    arrived = [_arrived(_slice(0)), _arrived(_slice(1), cut=9), _arrived(_slice(2))]

    first, second, third = session.store_all(arrived)

    assert isinstance(second, CannotUnderstand)
    for each in (first, third):
        assert isinstance(each, Stored)
        assert len(archive.versions(each.key)) == 1


def test_a_fault_in_one_is_told_of_that_one(session: StoreSession, monkeypatch: pytest.MonkeyPatch) -> None:
    describe = receive.describe

    def faulty(scanned: Scan) -> Description:
        description = describe(scanned)
        if description.instance["InstanceNumber"] == phantoms.ct_slice(number=1).InstanceNumber:
            raise ZeroDivisionError
        return description

    monkeypatch.setattr(receive, "describe", faulty)

    kinds = [type(each) for each in session.store_all([_arrived(_slice(number)) for number in range(3)])]

    assert kinds == [Stored, ZeroDivisionError, Stored]


@pytest.mark.parametrize("stage", ["scan", "_stored"])
def test_a_refused_data_set_is_let_go_at_once(
    session: StoreSession, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise CannotUnderstand("not this one")

    monkeypatch.setattr(receive, stage, refuse)
    data = np.frombuffer(phantoms.data_set_bytes(_slice(0)), np.uint8).copy()
    arrived, alive = Arrived(MemoryContent(memoryview(data)), ExplicitVRLittleEndian), weakref.ref(data)
    gc.collect()
    gc.disable()
    try:
        with suppress(CannotUnderstand):
            session.store(arrived)
        del arrived, data
        assert alive() is None
    finally:
        gc.enable()


def test_the_commit_is_a_stage_of_each_that_reaches_it(
    session: StoreSession, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = list[object]()
    monkeypatch.setattr(archive.metrics, "observe", lambda _family, _seconds, stage: observed.append(stage))

    session.store_all([_arrived(_slice(0)), _arrived(_slice(1), cut=9), _arrived(_slice(2))])
    session.store_all([_arrived(_slice(3), cut=9)])

    assert observed.count(Stage.COMMIT) == 2


def test_of_one_instance_the_last_one_counts(session: StoreSession, archive: Archive) -> None:
    outcomes = session.store_all([_arrived(_slice(0, comment)) for comment in ("first", "second", "second")])

    stored = [each for each in outcomes if isinstance(each, Stored)]
    assert [each.outcome for each in stored] == [Outcome.STORED, Outcome.NEW_VERSION, Outcome.ALREADY_STORED]
    assert [version.digest for version in archive.versions(stored[0].key)][-1] == stored[1].digest


def test_what_was_there_leaves_one_receipt_for_all(session: StoreSession, index: Index, archive: Archive) -> None:
    slices = [_slice(number) for number in range(3)]
    _outcomes(session, slices)
    before = index.reader.position()

    assert _outcomes(archive.session(MODALITY, "test"), slices) == [Outcome.ALREADY_STORED] * 3
    assert index.reader.position() == before + 1


def test_nothing_is_stored_of_nothing(session: StoreSession, index: Index) -> None:
    assert session.store_all([]) == []
    assert index.reader.position() == 0
