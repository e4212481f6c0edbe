"""Sealing: what is committed goes into segments, once, whoever seals and however it is cut short."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update

from databases import connected
from journals import SealedArchive
from storage_backends import FilesystemDocuments, MemoryDocuments, NoSpace
from vna.archive import Sealer, Spool, sealing
from vna.errors import Damaged, OutOfResources, VnaError
from vna.index import open_index, tables
from vna.journal import SealedJournal, make_key, verify
from vna.metrics.families import NOT_SEALED
from vna.node.readiness import journal_problem
from vna.node.sealing import sealing as sealing_duty
from vna.node.watch import NODE, Watch


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


def alter(column: str, value: object) -> Callable[[Connection], object]:
    """Return what puts another value into the second event, or into its payload."""
    table = tables.event if column in tables.event.c else tables.payload
    return lambda connection: connection.execute(update(table).where(table.c.position == 2).values({column: value}))


ALTERATIONS = {
    "actor": (alter("actor", "EVIL"), "event 2 was altered in the index"),
    "body": (alter("body", b"\xa0"), "event 2 was altered in the index"),
    "hash": (alter("hash", b"x" * 32), "event 2 was altered in the index"),
    "event": (
        lambda connection: connection.execute(delete(tables.event).where(tables.event.c.position == 2)),
        "event 2 is missing in the index",
    ),
    "end": (
        lambda connection: connection.execute(delete(tables.event).where(tables.event.c.position > 1)),
        "event 2 and all behind it are missing in the index, up to 3",
    ),
    "payload": (alter("data", b"\x00" * 40), "the payload of event 2 was altered in the index"),
    "salt": (alter("salt", b"x" * 16), "the payload of event 2 was altered in the index"),
    "lost payload": (
        lambda connection: connection.execute(delete(tables.payload).where(tables.payload.c.position == 2)),
        "the payload of event 2 is missing in the index, and no event erased it",
    ),
    "base": (
        lambda connection: connection.execute(update(tables.header_base).values(data=b"")),
        "the payload of event 1 was altered in the index",
    ),
}


@pytest.mark.parametrize("done", ALTERATIONS)
def test_what_is_not_what_was_committed_is_not_sealed(archive: SealedArchive, url: str, done: str) -> None:
    archive.store(1, 2, 3)
    write, told = ALTERATIONS[done]
    with connected(url) as connection:
        write(connection)

    for _ in range(2):
        with pytest.raises(Damaged, match=f"^{told}.*nothing is sealed from there on"):
            archive.sealer.seal()

    assert archive.journal.mark().position == (1 if done == "end" else 0)


def test_a_node_is_not_ready_while_the_journal_is_not_what_was_committed(
    archive: SealedArchive, url: str, tmp_path: Path
) -> None:
    watch = Watch(1)
    duty = sealing_duty(archive.sealer, make_key(tmp_path / "key.pem"), 0, watch.take(NODE))
    archive.store(1, 2)

    def not_ready() -> bool:
        with suppress(VnaError):
            duty.run(threading.Event())
        return journal_problem(watch.total(NOT_SEALED)) is not None

    told = [not_ready()]
    archive.store(3, 4)
    for actor in ("EVIL", "test"):
        with connected(url) as connection:
            connection.execute(update(tables.event).where(tables.event.c.position == 3).values(actor=actor))
        told += [not_ready(), not_ready()]
    watch.leave()

    assert told == [False, True, True, False, False]


def test_several_threads_may_seal_with_one_sealer(archive: SealedArchive, documents: FailingDocuments) -> None:
    for number in range(1, 6):
        archive.store(number)
        with ThreadPoolExecutor(4) as threads:
            marks = list(threads.map(lambda _n: archive.sealer.seal(), range(4)))
        assert {mark.position for mark in marks} == {number}

    assert (verify(documents).problems, verify(documents).segments) == ([], 5)
