"""What locks hang on, on both databases: who needs which blob where, and what is known of its lock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from eliminating import store_study
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.archive.recording import record
from vna.events import BlobEntry, SweepEnded
from vna.index import Index, KnownLock, SweepEntry, open_index
from vna.index.entries import StoreNames

SHARED_WITH = 2


@pytest.fixture
def index(index_url: str, tmp_path: Path) -> Iterator[Index]:
    tier = BlobStore(Memory())
    blobs = BlobStore(Memory(), tiers={"vault": tier})
    index = open_index(index_url)
    rooms = {"vault": Room(tier, min_free_percent=0, min_free_bytes=0)}
    room = Room(blobs, min_free_percent=0, min_free_bytes=0, tiers=rooms)
    archive = Archive(index, blobs, Spool(tmp_path / "spool"), room)
    for number in (1, SHARED_WITH):
        archive.tiers.place(store_study(archive, number), "vault", "tester")
    yield index
    archive.close()


def vault(index: Index) -> list[BlobEntry]:
    return index.locks.ending("vault", 0, None)


def test_what_lies_there_ends_until_its_lock_is_known_to_end_later(index: Index) -> None:
    first, second = vault(index)
    index.locks.note([KnownLock(first, 1000, False), KnownLock(second, 2000, True)])

    assert vault(index) == []
    assert index.locks.ending("vault", 1500, None) == [first]
    assert index.locks.ending("vault", 2500, None) == [first, second]
    assert index.locks.ending("vault", 2500, first) == [second]
    assert (
        index.locks.ending("", 2500, first) == [each for each in index.locks.ending("", 0, None) if each != first][-1:]
    )
    assert index.locks.held("vault") == [second]
    assert index.locks.known(second) == KnownLock(second, 2000, True)


def test_what_is_noted_again_takes_the_place_of_what_was(index: Index) -> None:
    first, _ = vault(index)
    index.locks.note([KnownLock(first, 1000, True)])
    index.locks.note([KnownLock(first, 3000, False)])
    index.locks.note([])

    assert index.locks.known(first) == KnownLock(first, 3000, False)


def test_a_blob_is_used_by_every_instance_that_is_made_of_it(index: Index) -> None:
    first, _ = vault(index)

    users = index.locks.users(first)

    assert len({use.study for use in users}) == SHARED_WITH
    for use in users:
        assert first in index.locks.of_study("vault", use.study, None)
        assert first in index.locks.of_study("vault", use.study, use.series)
        assert index.locks.of_study("vault", use.study, "1.2.3") == []


def test_what_waits_for_its_lock_is_counted_and_what_has_gone_forgotten(index: Index) -> None:
    orphan = BlobEntry("ab" * 32, "zst", 5, 5, "vault")
    names, number = StoreNames(("",), ("vault",)), index.committer.next_sequence()
    index.committer.submit(SweepEntry(number, "2026-01-01T00:00:00Z", "sweep", (orphan,), names))
    index.locks.note([KnownLock(orphan, 5000, False)])

    (locked,) = index.locks.deleting()
    index.locks.forget_gone()
    assert (locked.store, locked.blobs, locked.until_s) == ("vault", 1, 5000)
    index.locks.note([KnownLock(orphan, 0, True)])
    assert index.locks.deleting()[0].until_s is None
    record(index, SweepEnded((orphan.place,)), "sweep")
    index.locks.forget_gone()
    assert index.locks.known(orphan) is None
