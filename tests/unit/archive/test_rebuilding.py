"""An index made anew from the sealed journal has the same rows, on each database, also after being cut short."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from conformance import oddities
from conformance.phantoms import ct_slice, data_set_bytes
from databases import connected, index_url, postgresql_server
from journals import PACS, SealedArchive
from rebuilding import rows_of
from storage_backends import MemoryContent, MemoryDocuments
from vna.archive import Arrived, Rebuilder, Spool, catch_up, describing
from vna.archive.describing import Batch, Known, described_apart
from vna.errors import Damaged, StartRefused
from vna.index import Difference, FoldedTables, differences, open_index, open_replay, tables
from vna.journal import SealedJournal, Stretch
from vna.model import Peer
from vna.processes import run_apart

__all__ = ["index_url", "postgresql_server"]

JOURNAL = [table for table in tables.metadata.sorted_tables if table.info["part"] == tables.Part.JOURNAL]


@pytest.fixture
def archive(index_url: str, tmp_path: Path) -> Iterator[SealedArchive]:
    """An archive in which all kinds of events happened, all sealed."""
    archive = SealedArchive(index_url, Spool(tmp_path / "spool"), MemoryDocuments())
    archive.live()
    yield archive
    archive.close()


@pytest.fixture
def onto(tmp_path: Path) -> str:
    """The URL of a database that is empty."""
    return f"sqlite:///{tmp_path / 'new.sqlite'}"


def rebuild(archive: SealedArchive, onto: str, after: int = 0) -> int:
    replayer = open_replay(onto)
    try:
        return Rebuilder(replayer, archive.blobs).from_journal(archive.journal, after, lambda _position: None)
    finally:
        replayer.close()


class UpTo(SealedJournal):
    """A sealed journal that ends at a position."""

    def __init__(self, journal: SealedJournal, last: int) -> None:
        super().__init__(journal.documents)
        self._last = last

    def stretches(self, after: int = 0) -> Iterator[Stretch]:
        """Go through what lies before the end."""
        for stretch in super().stretches(after):
            yield replace(stretch, links=[link for link in stretch.links if link.event.position <= self._last])


def all_rows(url: str) -> dict[str, list]:
    with connected(url) as connection:
        own = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in JOURNAL
        }
    return rows_of(url) | own


def test_all_rows_are_the_same(archive: SealedArchive, index_url: str, onto: str) -> None:
    assert rebuild(archive, onto) == 11

    assert all_rows(onto) == all_rows(index_url)


def test_tables_are_compared_whichever_database_they_lie_in(archive: SealedArchive, index_url: str, onto: str) -> None:
    for name in (
        "ZWO",
        "a b",
        "\u00c4RZTE",
        "10",
        "9",
        "A-B",
        "AB",
        "\U0001f3e5",
    ):  # collations have them in other orders
        archive.archive.add_peer(Peer(name, "192.0.2.1", 104), actor="test")
    archive.sealer.seal()
    rebuild(archive, onto)

    def found() -> list[Difference]:
        with FoldedTables(index_url) as one, FoldedTables(onto) as other:
            return list(differences(one, other))

    assert found() == []
    with connected(index_url) as connection:
        connection.execute(update(tables.peer).where(tables.peer.c.ae_title == "A-B").values(port=105))
        connection.execute(update(tables.study).where(tables.study.c.id == 2).values(study_uid="1.2.3"))
        connection.execute(delete(tables.peer).where(tables.peer.c.ae_title == "AB"))
    assert found() == [
        Difference("peer", "...", ("port",)),
        Difference("peer", "...", is_missing=True),
        Difference("study", "2", ("study_uid",)),
    ]


def test_every_oddity_is_described_as_when_it_came(tmp_path: Path, onto: str) -> None:
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    archive = SealedArchive(url, Spool(tmp_path / "spool"), MemoryDocuments())
    session = archive.archive.session(PACS, "test")
    for odd in oddities.every_instance().values():
        session.store(Arrived(MemoryContent(odd.data), odd.transfer_syntax))
    archive.sealer.seal()

    rebuild(archive, onto)

    assert rows_of(onto) == rows_of(url)
    archive.close()


def pickled(function: Callable, tasks: Iterable, processes: int) -> Iterator[tuple]:
    """Do the work here, but send it and its results as to another process."""
    assert processes == 1
    for task, work in tasks:
        yield task, pickle.loads(pickle.dumps(function(pickle.loads(pickle.dumps(work)))))


@pytest.mark.parametrize("apart", [pickled, pytest.param(run_apart, marks=pytest.mark.long)])
def test_what_is_described_ahead_is_the_same(
    apart: Callable, tmp_path: Path, onto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "run_apart", apart)
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    archive = SealedArchive(url, Spool(tmp_path / "spool"), MemoryDocuments())
    archive.live()
    session = archive.archive.session(PACS, "test")
    for odd in oddities.every_instance().values():
        session.store(Arrived(MemoryContent(odd.data), odd.transfer_syntax))
    archive.sealer.seal()
    described: list[int] = []

    def ahead(batches: Iterable[Batch]) -> Iterator[tuple[Batch, Known]]:
        for batch, known in described_apart(1)(batches):
            described.extend(known)
            yield batch, known

    replayer = open_replay(onto)
    Rebuilder(replayer, archive.blobs, ahead).from_journal(archive.journal, 0, lambda _position: None)

    replayer.close()
    assert all_rows(onto) == all_rows(url)
    assert len(described) > 5
    archive.close()


def test_a_long_text_that_lies_in_a_blob_is_described_as_when_it_came(tmp_path: Path, onto: str) -> None:
    url, ds = f"sqlite:///{tmp_path / 'index.sqlite'}", ct_slice(size=16)
    ds.add_new("StudyDescription", "UT", "long " * 60_000)
    archive = SealedArchive(url, Spool(tmp_path / "spool"), MemoryDocuments())
    archive.archive.session(PACS, "test").store(
        Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID))
    )
    archive.sealer.seal()

    rebuild(archive, onto)

    assert rows_of(onto) == rows_of(url)
    assert "long" in str(rows_of(onto)["term"])
    archive.close()


@pytest.mark.parametrize("kept", [1, 4, 6, 10])
def test_an_index_that_is_behind_catches_up(archive: SealedArchive, index_url: str, onto: str, kept: int) -> None:
    replayer = open_replay(onto)
    rebuilder = Rebuilder(replayer, archive.blobs)
    rebuilder.from_journal(UpTo(archive.journal, kept), 0, lambda _position: None)
    behind = open_index(onto)

    entered = catch_up(
        behind, archive.journal, lambda after: rebuilder.from_journal(archive.journal, after, lambda _position: None)
    )

    behind.close()
    replayer.close()
    assert entered == 11 - kept
    assert all_rows(onto) == all_rows(index_url)


def test_the_tail_comes_from_the_old_index(archive: SealedArchive, index_url: str, onto: str) -> None:
    archive.store(7, 8, study=3)
    rebuild(archive, onto)
    replayer = open_replay(onto)

    reached = Rebuilder(replayer, archive.blobs).from_index(archive.index.journal, 11, lambda _position: None)

    replayer.close()
    assert reached == 13
    assert all_rows(onto) == all_rows(index_url)


def test_two_histories_are_refused(archive: SealedArchive, index_url: str) -> None:
    with connected(index_url) as connection:
        connection.execute(update(tables.event).where(tables.event.c.position == 11).values(hash=b"x" * 32))

    with pytest.raises(StartRefused, match="two histories"):
        catch_up(archive.index, archive.journal, lambda after: after)


def test_an_index_that_went_another_way_is_refused(archive: SealedArchive, onto: str, tmp_path: Path) -> None:
    other = SealedArchive(onto, Spool(tmp_path / "spool"), MemoryDocuments())
    other.store(5)
    with connected(onto) as connection:
        connection.execute(update(tables.archive).values(uid=archive.journal.archive()))

    with pytest.raises(StartRefused, match="two histories"):
        catch_up(other.index, archive.journal, lambda after: rebuild(archive, onto, after))
    other.close()


def test_another_archives_journal_is_refused(archive: SealedArchive, onto: str, tmp_path: Path) -> None:
    other = SealedArchive(onto, Spool(tmp_path / "spool"), MemoryDocuments())
    other.store(5)

    with pytest.raises(StartRefused, match="another archive"):
        catch_up(other.index, archive.journal, lambda after: after)
    other.close()


def test_a_payload_that_is_missing_is_named(archive: SealedArchive, onto: str) -> None:
    documents = archive.journal.documents
    for name in documents.names("payloads/000000000005-"):
        documents.delete(name)

    with pytest.raises(Damaged, match="event 5: its payload is missing"):
        rebuild(archive, onto)


def test_sealing_an_index_that_went_another_way_is_refused(archive: SealedArchive, index_url: str) -> None:
    with connected(index_url) as connection:
        connection.execute(delete(tables.payload).where(tables.payload.c.position == 11))
        connection.execute(update(tables.event).where(tables.event.c.position == 11).values(hash=b"x" * 32))
    archive.store(9)

    with pytest.raises(StartRefused, match="two histories"):
        archive.sealer.seal()
