"""Copies in replicas: with the receive or behind it, and never claimed where they are not."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from databases import index_url, postgresql_server
from replicated import Away, Replicated, altered, missing
from storage_backends import Buffer, Memory, Staged, StoreUnavailable
from storage_backends.contract import put
from vna.archive import Replicator
from vna.errors import Damaged, OutOfResources
from vna.events import BlobDamaged, BlobHealed, BlobsEntered, InstanceStored
from vna.model import Outcome

__all__ = ["index_url", "postgresql_server"]


@pytest.fixture
def second() -> Away:
    return Away()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'index.sqlite'}"


@pytest.fixture
def together(tmp_path: Path, url: str, second: Away) -> Iterator[Replicated]:
    """Written with the receive."""
    opened = Replicated(url, tmp_path, Memory(), {"second": second})
    yield opened
    opened.close()


@pytest.fixture
def behind(tmp_path: Path, url: str, second: Away) -> Iterator[Replicated]:
    opened = Replicated(url, tmp_path, Memory(), {"second": second}, mirrored=False)
    yield opened
    opened.close()


@pytest.fixture
def behind_on_every_database(tmp_path: Path, index_url: str, second: Away) -> Iterator[Replicated]:
    opened = Replicated(index_url, tmp_path, Memory(), {"second": second}, mirrored=False)
    yield opened
    opened.close()


def test_a_receive_is_durable_in_every_store_and_its_event_says_so(together: Replicated) -> None:
    together.store(1)

    (stored,) = together.events(InstanceStored)
    assert [blob.store for blob in stored.blobs] == ["", "second"]
    assert together.names() == together.names("second")
    assert together.rows() == {("", "present"): 1, ("second", "present"): 1}
    (blob,) = stored.blobs[:1]
    assert together.archive.overview(_noon()).holds.stored_bytes == blob.stored_size


def test_while_a_replica_is_away_a_receive_with_it_is_refused(together: Replicated, second: Away) -> None:
    second.is_away = True

    with pytest.raises(OutOfResources, match="replica second: it is away"):
        together.store(1)

    assert together.events(InstanceStored) == []
    assert together.rows() == {}
    second.is_away = False
    assert together.store(1)[0].outcome is Outcome.STORED


def test_a_replica_that_fails_at_the_last_step_makes_the_receive_fail(together: Replicated, second: Away) -> None:
    stage = second.stage
    second.stage = lambda: Breaks(stage())  # type: ignore[method-assign]

    with pytest.raises(OutOfResources, match="replica second"):
        together.store(1)

    assert together.rows() == {}
    assert together.names() == []


def test_what_the_store_holds_and_a_replica_lacks_is_written_there_with_the_next_receive(
    tmp_path: Path, index_url: str
) -> None:
    main, second = Memory(), Memory()
    alone = Replicated(index_url, tmp_path, main, {})
    alone.store(1)
    alone.close()
    together = Replicated(index_url, tmp_path, main, {"second": second})

    again = together.store(1)[0]

    assert again.outcome is Outcome.ALREADY_STORED
    assert together.rows() == {("", "present"): 1, ("second", "present"): 1}
    assert together.names() == together.names("second")
    together.close()


def test_behind_a_receive_the_copies_are_made_and_recorded_in_one_event(behind_on_every_database: Replicated) -> None:
    behind = behind_on_every_database
    behind.store(1, 2, 3)
    assert behind.rows() == {("", "present"): 3}

    behind.replicate()

    (entered,) = behind.events(BlobsEntered)
    assert {blob.store for blob in entered.blobs} == {"second"}
    assert behind.rows() == {("", "present"): 3, ("second", "present"): 3}
    assert [behind.backend("second").read(name) for name in behind.names()] == [
        behind.backend("").read(name) for name in behind.names()
    ]


def test_what_is_copied_is_not_copied_again(behind: Replicated, second: Away) -> None:
    replicator = Replicator(behind.archive.healer, "second")
    behind.store(1, 2)
    replicator.run(threading.Event())
    second.is_away = True

    replicator.run(threading.Event())
    behind.replicate()

    assert len(behind.events(BlobsEntered)) == 1


def test_behind_a_replica_that_is_away_nobody_waits_and_it_catches_up(behind: Replicated, second: Away) -> None:
    replicator = Replicator(behind.archive.healer, "second")
    second.is_away = True
    behind.store(1, 2)

    with pytest.raises(OutOfResources, match="away"):
        replicator.run(threading.Event())

    assert behind.rows() == {("", "present"): 2}
    second.is_away = False
    replicator.run(threading.Event())
    assert behind.rows() == {("", "present"): 2, ("second", "present"): 2}


def test_what_could_be_copied_is_recorded_though_the_rest_could_not(behind: Replicated, second: Away) -> None:
    behind.store(1, 2, 3)
    stage, refused = second.stage, behind.names()[0]
    second.stage = lambda: RefusesOne(stage(), refused)  # type: ignore[method-assign]

    with pytest.raises(OutOfResources, match="refused"):
        behind.replicate()

    assert behind.rows() == {("", "present"): 3, ("second", "present"): 2}


@pytest.mark.parametrize("damage", [altered, missing])
def test_a_damaged_blob_is_not_copied_and_its_damage_recorded(behind: Replicated, damage) -> None:
    behind.store(1, 2, 3)
    name = behind.names()[1]
    damage(behind.backend(""), name)

    behind.replicate()

    assert name not in behind.names("second")
    assert behind.rows() == {("", "present"): 2, ("", "bad"): 1, ("second", "present"): 2}
    assert [event.place.digest for event in behind.events(BlobDamaged)] == [name[:64]]


def test_a_sound_copy_that_is_not_recorded_is_not_overwritten_with_a_damaged_one(behind: Replicated) -> None:
    behind.store(1, 2, 3)
    name = behind.names()[1]
    right = behind.backend("").read(name)
    put(behind.backend("second"), name, right)
    altered(behind.backend(""), name)

    behind.replicate()

    assert behind.backend("second").read(name) == right


def test_a_copy_that_does_not_arrive_is_not_claimed(behind: Replicated, second: Away) -> None:
    behind.store(1)
    stage = second.stage
    second.stage = lambda: Garbles(stage())  # type: ignore[method-assign]

    with pytest.raises(Damaged):
        behind.replicate()

    assert behind.rows() == {("", "present"): 1}
    assert behind.events(BlobsEntered, BlobDamaged, BlobHealed) == []


def test_a_replica_that_should_hold_something_and_is_empty_gets_nothing(behind: Replicated) -> None:
    behind.store(1)
    behind.replicate()
    missing(behind.backend("second"), behind.names()[0])
    behind.store(2)

    with pytest.raises(OutOfResources, match="is it mounted"):
        behind.replicate()

    assert behind.names("second") == []


def test_it_stops_between_two_batches(behind: Replicated) -> None:
    behind.store(1)
    stopping = threading.Event()
    stopping.set()

    Replicator(behind.archive.healer, "second").run(stopping)

    assert behind.rows() == {("", "present"): 1, ("second", "present"): 1}


class Through:
    """Bytes on their way into a store."""

    def __init__(self, staged: Staged) -> None:
        self._staged = staged

    def write(self, data: Buffer) -> None:
        self._staged.write(data)

    def flush(self) -> None:
        self._staged.flush()

    def commit(self, name: str) -> None:
        self._staged.commit(name)

    def discard(self) -> None:
        self._staged.discard()


class Breaks(Through):
    """Bytes that cannot be committed."""

    def commit(self, name: str) -> None:
        raise StoreUnavailable(f"cannot store {name}")


class Garbles(Through):
    """Bytes that do not arrive as they were sent."""

    def write(self, data: Buffer) -> None:
        super().write(bytes(data)[:-1] + b"x")


class RefusesOne(Through):
    """Bytes that cannot be committed under one name."""

    def __init__(self, staged: Staged, refused: str) -> None:
        super().__init__(staged)
        self._refused = refused

    def commit(self, name: str) -> None:
        if name == self._refused:
            raise StoreUnavailable("refused")
        super().commit(name)


def _noon() -> datetime:
    return datetime(2026, 1, 31, 12, tzinfo=UTC)
