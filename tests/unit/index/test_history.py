"""A database that was swapped or put back under a running node takes nothing in."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update

from conformance.phantoms import ct_slice, data_set_bytes
from databases import connected
from storage_backends import BlobStore, Memory, MemoryContent, MemoryDocuments
from vna.archive import Archive, Arrived, Room, Sealer, Spool
from vna.errors import OutOfResources
from vna.index import open_index, tables
from vna.journal import SealedJournal
from vna.model import Source
from vna.node.readiness import readiness_checks


class Swapped:
    """An archive whose index can be swapped below it."""

    def __init__(self, folder: Path) -> None:
        self.file, self._folder = folder / "index.sqlite", folder
        self.url = f"sqlite:///{self.file}"
        self.index = open_index(self.url)
        self.journal = SealedJournal(MemoryDocuments())
        self.archive = self._opened(self.index)

    def _opened(self, index) -> Archive:
        blobs = BlobStore(Memory())
        room = Room(blobs, min_free_percent=0, min_free_bytes=0)
        return Archive(index, blobs, Spool(self._folder / "spool"), room)

    def store(self, *numbers: int) -> None:
        for number in numbers:
            self._store(self.archive, number)

    def store_elsewhere(self, *numbers: int) -> None:
        """Store as another process does."""
        with closing(self._opened(open_index(self.url))) as archive:
            for number in numbers:
                self._store(archive, number)

    def seal(self) -> None:
        with closing(Sealer(open_index(self.url), self.journal)) as sealer:
            sealer.seal()

    def save(self) -> None:
        """Make a backup."""
        self.disconnect()
        for file in self._folder.glob("index.sqlite*"):
            shutil.copy(file, self._folder / f"backup-{file.name}")

    def put_back(self) -> None:
        """Put the backup in the place of the database."""
        self.disconnect()
        for file in self._folder.glob("index.sqlite*"):
            file.unlink()
        for file in self._folder.glob("backup-*"):
            shutil.copy(file, self._folder / file.name.removeprefix("backup-"))

    def disconnect(self) -> None:
        """End all connections, as a database does that is started anew."""
        self.index.committer.close()
        self.index._writing.dispose()
        self.index._reading.dispose()
        self.index.reader.close()

    def not_ready(self) -> str | None:
        return readiness_checks(self.archive, BlobStore(Memory()))["index"]()

    @staticmethod
    def _store(archive: Archive, number: int) -> None:
        ds = ct_slice(number=number, size=16)
        archive.session(Source("PACS"), "test").store(
            Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID))
        )


@pytest.fixture
def swapped(tmp_path: Path) -> Iterator[Swapped]:
    swapped = Swapped(tmp_path)
    swapped.store(1, 2)
    yield swapped
    swapped.archive.close()


def test_a_database_that_was_away_and_is_the_same_is_gone_on_with(swapped: Swapped) -> None:
    swapped.store_elsewhere(3)
    swapped.seal()
    swapped.archive.compare_with(swapped.journal)
    swapped.disconnect()

    swapped.store(4)

    assert (swapped.archive.journal_mark().position, swapped.not_ready()) == (4, None)


def test_one_that_was_put_back_from_before_takes_nothing_until_the_right_one_is_back(swapped: Swapped) -> None:
    swapped.save()
    swapped.store(3)
    right = swapped.file.parent / "right"
    swapped.disconnect()
    shutil.copy(swapped.file, right)
    swapped.put_back()

    for _ in range(2):
        with pytest.raises(OutOfResources, match="put back from before: it ends at position 2, and the journal at 3"):
            swapped.store(4)
    assert "put back from before" in str(swapped.not_ready())
    swapped.disconnect()
    for file in swapped.file.parent.glob("index.sqlite*"):
        file.unlink()
    shutil.copy(right, swapped.file)

    swapped.store(4)
    assert swapped.not_ready() is None


def test_one_that_went_another_way_is_refused(swapped: Swapped) -> None:
    swapped.save()
    swapped.store(3)
    swapped.put_back()
    swapped.store_elsewhere(5, 6)

    for _ in range(2):
        with pytest.raises(OutOfResources, match="two histories: the index has another event at position 3"):
            swapped.store(4)
    assert "two histories" in str(swapped.not_ready())
    assert swapped.archive.journal_mark().position == 4


def test_a_head_that_is_not_that_of_the_last_event_is_not_ready_from_the_start(swapped: Swapped) -> None:
    with connected(swapped.url) as connection:
        connection.execute(update(tables.archive).values(head=b"x" * 32))

    with closing(open_index(swapped.url)) as index:
        assert "two histories: the index says that its journal ends at position 2" in str(index.history_problem())


def test_the_same_position_with_another_hash_is_refused_without_a_new_connection(swapped: Swapped) -> None:
    with connected(swapped.url) as connection:
        connection.execute(update(tables.archive).values(head=b"x" * 32))

    with pytest.raises(OutOfResources, match="two histories"):
        swapped.store(3)


def test_what_another_process_stored_and_is_sealed_is_missed(swapped: Swapped) -> None:
    swapped.save()
    swapped.store_elsewhere(3)
    swapped.seal()
    swapped.archive.compare_with(swapped.journal)
    swapped.put_back()

    with pytest.raises(OutOfResources, match="it ends at position 2, and the journal at 3"):
        swapped.store(4)


def test_readiness_finds_it_out_by_itself(swapped: Swapped) -> None:
    swapped.save()
    swapped.store_elsewhere(3)
    assert swapped.not_ready() is None
    swapped.put_back()

    assert "put back from before" in str(swapped.not_ready())
