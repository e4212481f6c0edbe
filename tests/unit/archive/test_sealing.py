"""Sealing: what is committed goes into segments, once, whoever seals and however it is cut short."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from journals import SealedArchive
from storage_backends import FilesystemDocuments, MemoryDocuments, NoSpace
from vna.archive import Sealer, Spool, sealing
from vna.errors import OutOfResources
from vna.index import open_index
from vna.journal import SealedJournal, make_key, verify


class FailingDocuments(MemoryDocuments):
    """Documents in memory, of which only so many can be made."""

    room = 10**6

    def create_exclusively(self, name: str, data: bytes) -> bool:
        if not self.room:
            raise NoSpace("full")
        self.room -= 1
        return super().create_exclusively(name, data)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'index.sqlite'}"


@pytest.fixture
def documents() -> FailingDocuments:
    return FailingDocuments()


@pytest.fixture
def archive(url: str, documents: FailingDocuments, tmp_path: Path) -> Iterator[SealedArchive]:
    archive = SealedArchive(url, Spool(tmp_path / "spool"), documents)
    yield archive
    archive.close()


def test_nothing_is_sealed_twice(archive: SealedArchive, documents: FailingDocuments) -> None:
    archive.store(1, 2)
    first = archive.sealer.seal()
    names = documents.names()

    assert archive.sealer.seal() == first
    assert documents.names() == names
    assert first == archive.journal.mark() == archive.index.journal.mark()


def test_an_archive_in_which_nothing_happened_has_nothing_to_seal(
    archive: SealedArchive, documents: FailingDocuments
) -> None:
    assert archive.sealer.seal().position == 0
    assert documents.names() == []
    assert archive.sealer.signed_on() is None


def test_long_stretches_become_several_segments(
    archive: SealedArchive, documents: FailingDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "SEGMENT_BYTES", 800)
    archive.store(*range(1, 8))

    archive.sealer.seal()

    assert archive.journal.firsts() == [1, 3, 5, 7]
    assert verify(documents).problems == []


@pytest.mark.parametrize("room", range(4))
def test_a_seal_cut_short_at_any_step_is_made_good_by_the_next(
    archive: SealedArchive, documents: FailingDocuments, room: int
) -> None:
    archive.store(1, 2)
    archive.store(1, study=2)
    documents.room = room
    try:
        archive.sealer.seal()
    except OutOfResources:
        assert archive.journal.mark().position == 0
    documents.room = 10**6
    archive.store(3)

    archive.sealer.seal()
    archive.store(4)
    archive.sealer.seal()

    report = verify(documents)
    assert (report.mark.position, report.problems, report.leftovers) == (5, [], [])


def test_two_that_seal_at_once_make_one_journal(archive: SealedArchive, url: str, tmp_path: Path) -> None:
    documents = FilesystemDocuments(tmp_path / "store")
    sealers = [Sealer(open_index(url), SealedJournal(documents)) for _ in range(3)]
    for number in range(1, 6):
        archive.store(number)
        ready = threading.Barrier(len(sealers))

        def seal(sealer: Sealer, ready: threading.Barrier = ready) -> int:
            ready.wait(timeout=30)
            return sealer.seal().position

        with ThreadPoolExecutor(len(sealers)) as threads:
            assert list(threads.map(seal, sealers)) == [number] * len(sealers)

    for sealer in sealers:
        sealer.close()
    report = verify(documents)
    assert (report.mark.position, report.segments, report.problems, report.leftovers) == (5, 5, [], [])


def test_a_head_is_signed_once_for_a_position(
    archive: SealedArchive, documents: FailingDocuments, tmp_path: Path
) -> None:
    key, now = make_key(tmp_path / "key.pem"), datetime(2026, 1, 31, 12, tzinfo=UTC)
    archive.store(1)
    archive.sealer.seal()

    archive.sealer.sign(key, now)
    archive.sealer.sign(key, now + timedelta(days=1))

    assert archive.sealer.signed_on() == now.date()
    assert verify(documents, key.public).signed_heads == 1
    assert verify(documents, key.public).problems == []


def test_what_fills_a_segment_is_told_before_its_time(archive: SealedArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SEGMENT_BYTES", 800)
    archive.store(1)
    assert not archive.sealer.has_a_segment()
    archive.store(2)
    assert archive.sealer.has_a_segment()

    archive.sealer.seal()

    assert not archive.sealer.has_a_segment()
    archive.store(3)
    assert not archive.sealer.has_a_segment()


def test_several_threads_may_seal_with_one_sealer(archive: SealedArchive, documents: FailingDocuments) -> None:
    for number in range(1, 6):
        archive.store(number)
        with ThreadPoolExecutor(4) as threads:
            marks = list(threads.map(lambda _n: archive.sealer.seal(), range(4)))
        assert {mark.position for mark in marks} == {number}

    assert (verify(documents).problems, verify(documents).segments) == ([], 5)
