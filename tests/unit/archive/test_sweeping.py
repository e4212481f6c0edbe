"""The sweep: what it takes and what it leaves, step by step, and what becomes of one that is cut short."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arrivals import Sender, arrival, description, digest_of, key
from databases import index_url, postgresql_server
from rebuilding import rebuild, rows_of
from storage_backends import BlobStore, Filesystem, Memory, StoreUnavailable
from vna.archive import Sweeper, Swept, sweeping
from vna.events import BlobEntry, BlobsEntered, SweepEnded
from vna.index import BlobState, Index, NeedsBlobs, Recorded, open_index

__all__ = ["index_url", "postgresql_server"]

GRACE_S = 3600.0
HOUR_S = 3600.0
NOW = threading.Event()


@pytest.fixture(autouse=True)
def _few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the parts of the stores in which something lies: all of them take a second on PostgreSQL."""
    prefixes = {
        digest_of(text)[:2] for text in ("pixels", "unused", "leftover", "other", "marked", "old", "new", "future")
    }
    monkeypatch.setattr(sweeping, "PREFIXES", sorted(prefixes))


@pytest.fixture
def index(index_url: str) -> Iterator[Index]:
    opened = open_index(index_url)
    yield opened
    opened.close()


@pytest.fixture
def sender(index: Index) -> Sender:
    return Sender(index)


@pytest.fixture
def store() -> Iterator[BlobStore]:
    opened = BlobStore(Memory(), replicas={"r1": BlobStore(Memory())})
    yield opened
    opened.close()


@pytest.fixture
def sweeper(index: Index, store: BlobStore) -> Sweeper:
    return Sweeper(index, store, grace_s=-1)


def blob(text: str, store: str = "") -> BlobEntry:
    """Return the entry of a blob that `arrival` names by this text."""
    return BlobEntry(digest_of(text), "dns", 100, 10, store)


def put(store: BlobStore, *entries: BlobEntry) -> None:
    """Have files in place."""
    for entry in entries:
        staged = store.at(entry.store).backend.stage()
        staged.write(b"0123456789")
        staged.commit(f"{entry.digest}.dns")


def files(store: BlobStore) -> list[str]:
    """Return what lies in the store and its replica."""
    return sorted([*store.backend.names(), *(f"r1/{name}" for name in store.at("r1").backend.names())])


def test_what_nothing_needs_goes_and_what_an_instance_is_made_of_stays(
    sender: Sender, store: BlobStore, sweeper: Sweeper, index: Index
) -> None:
    put(store, blob("pixels"), blob("unused"), blob("unused", "r1"), blob("leftover"), blob("leftover", "r1"))
    sender.send(arrival("a"))
    sender.record(BlobsEntered((blob("unused"), blob("unused", "r1"))))

    swept = sweeper.sweep(NOW)

    assert swept == Swept(4, 40)
    assert files(store) == [f"{digest_of('pixels')}.dns"]
    assert index.sweeping.state(blob("pixels").place) is BlobState.PRESENT
    assert index.sweeping.state(blob("unused", "r1").place) is None
    assert index.sweeping.deleting() == {}
    assert sweeper.sweep(NOW) == Swept()


@pytest.mark.parametrize(("grace_s", "left"), [(1.5 * HOUR_S, ["old", "new"]), (0.5 * HOUR_S, ["new"])])
def test_files_stay_for_the_grace_time(tmp_path: Path, grace_s: float, left: list[str]) -> None:
    index, store = open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), BlobStore(Filesystem(tmp_path / "blobs"))
    put(store, blob("old"), blob("new"))
    name = f"{digest_of('old')}.dns"
    os.utime(tmp_path / "blobs" / name[:3] / name, (0, time.time() - HOUR_S))

    sweeper = Sweeper(index, store, grace_s)
    sweeper.sweep(NOW)

    assert sorted(store.backend.names()) == sorted(f"{digest_of(each)}.dns" for each in left)
    sweeper.close()


def test_files_of_another_release_are_left_alone(store: BlobStore, sweeper: Sweeper) -> None:
    staged = store.backend.stage()
    staged.commit(f"{digest_of('future')}.new")

    assert sweeper.sweep(NOW) == Swept()
    assert files(store) == [f"{digest_of('future')}.new"]


def test_what_comes_into_use_before_it_is_marked_stays(
    sender: Sender, store: BlobStore, sweeper: Sweeper, index: Index
) -> None:
    put(store, blob("pixels"), blob("leftover"))
    found = [each for text in ("pixels", "leftover") for each in sweeper.needless(digest_of(text)[:2], time.time())]

    sender.send(arrival("a"))
    sweeper.begin(found)
    sweeper.end(list(sweeper.delete()))

    assert {each.digest for each in found} == {digest_of("pixels"), digest_of("leftover")}
    assert files(store) == [f"{digest_of('pixels')}.dns"]
    assert index.sweeping.state(blob("pixels").place) is BlobState.PRESENT


def test_an_arrival_waits_and_is_not_believed_what_it_wrote_before(
    sender: Sender, store: BlobStore, sweeper: Sweeper
) -> None:
    put(store, blob("pixels"))
    sweeper.begin([blob("pixels")])
    assert sender.send(arrival("a")) == NeedsBlobs((digest_of("pixels"),), wait=True)

    sweeper.end(list(sweeper.delete()))

    assert sender.send(arrival("a")) == NeedsBlobs((digest_of("pixels"),))


def test_what_was_written_behind_the_sweep_counts(sender: Sender, sweeper: Sweeper, index: Index) -> None:
    sweeper.begin([blob("pixels")])
    sweeper.end(list(sweeper.delete()))

    result = index.committer.submit(replace(sender.entry(arrival("a")), began=index.reader.position()))

    assert isinstance(result, Recorded)


@pytest.mark.parametrize("steps", [("begin",), ("begin", "delete")], ids="-".join)
def test_a_sweep_that_died_is_taken_up(
    store: BlobStore, sweeper: Sweeper, index: Index, index_url: str, steps: tuple[str, ...]
) -> None:
    put(store, blob("leftover"), blob("leftover", "r1"))
    sweeper.begin([blob("leftover"), blob("leftover", "r1")])
    if "delete" in steps:
        sweeper.delete()

    other = Sweeper(open_index(index_url), store, grace_s=GRACE_S)

    assert other.take_up() == Swept(2, 20)
    assert (files(store), index.sweeping.deleting()) == ([], {})
    assert other.take_up() == Swept()
    other._index.close()


def test_a_second_sweep_does_not_begin(sweeper: Sweeper, store: BlobStore, index: Index, index_url: str) -> None:
    put(store, blob("leftover"))
    sweeper.begin([blob("leftover")])
    elsewhere = open_index(index_url)

    with elsewhere.sweeping.alone() as check_alone:
        assert check_alone is not None
        check_alone()
        assert sweeper.sweep(NOW) is None
        assert sweeper.take_up() is None

    assert files(store) != []
    assert sweeper.sweep(NOW) == Swept(1, 10)
    elsewhere.close()


def test_a_store_that_is_away_is_left_out(
    sweeper: Sweeper, store: BlobStore, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, blob("leftover"), blob("other", "r1"))
    sweeper.begin([blob("other", "r1")])

    def away(_name: str) -> None:
        raise StoreUnavailable("the cable is out")

    with monkeypatch.context() as patch:
        patch.setattr(store.at("r1").backend, "delete", away)
        assert sweeper.sweep(NOW) == Swept(1, 10)
        assert set(index.sweeping.deleting()) == {blob("other", "r1").place}

    assert sweeper.sweep(NOW) == Swept(1, 10)


def test_it_stops_between_two_batches(sweeper: Sweeper, store: BlobStore) -> None:
    put(store, blob("leftover"))
    stopping = threading.Event()
    stopping.set()

    assert sweeper.sweep(stopping) == Swept()
    assert files(store) != []


def test_the_end_of_a_sweep_takes_no_row_but_those_that_were_marked(sender: Sender, index: Index) -> None:
    sender.send(arrival("a"))

    sender.record(SweepEnded((blob("pixels").place,)))

    assert index.sweeping.state(blob("pixels").place) is BlobState.PRESENT


def test_a_rebuild_gives_the_same_rows(
    sender: Sender, sweeper: Sweeper, store: BlobStore, index_url: str, tmp_path: Path
) -> None:
    put(store, blob("pixels"), blob("leftover"), blob("marked"))
    stored = sender.send(arrival("a", key()))
    sweeper.sweep(NOW)
    sweeper.begin([blob("marked")])
    assert isinstance(stored, Recorded)
    assert stored.position is not None

    rebuild(index_url, f"sqlite:///{tmp_path / 'rebuilt.sqlite'}", {stored.position: description()})

    assert rows_of(f"sqlite:///{tmp_path / 'rebuilt.sqlite'}") == rows_of(index_url)
