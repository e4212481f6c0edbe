"""One digest, and everything that can happen to it at once: every interleaving of store, sweep and scrub is forced.

The store and the sweep are the real ones, stopped between their steps: a store asks what is there, asks where the
journal stands, puts its file in place, and comes to its transaction, again while it is told to; a sweep looks, marks,
deletes, ends. The scrub reads, marks what is bad, and heals it from another copy.

No clock helps: the grace time is nothing, so that every file is old enough at once.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path

import pytest

from arrivals import Sender
from data_sets import EXPLICIT_LE, data_set, encoded
from databases import index_url, postgresql_server
from interleaving import Actor, pause, pausing, play_all, waiting_clock
from storage_backends import Backend, BlobDamaged, BlobNotFound, BlobStore, Filesystem, Memory, MemoryContent
from vna.archive import Archive, Arrived, Room, Spool, Sweeper, receive, sweeping
from vna.events import BlobDamaged as Damaged
from vna.events import BlobEntry, BlobHealed, BlobsEntered, SweepBegan
from vna.index import BlobState, open_index
from vna.model import Source

__all__ = ["index_url", "postgresql_server"]

pytestmark = pytest.mark.timeout(600)

PIXELS_BYTES = 64
_NUMBERS = itertools.count(1)


class World:
    """An index and a store, and of both what one play is about: a digest of its own."""

    def __init__(self, url: str, backend: Backend, folder: Path) -> None:
        self.backend, self.index, self.blobs = backend, open_index(url), BlobStore(backend)
        self.archive = Archive(
            self.index, self.blobs, Spool(folder), Room(self.blobs, min_free_percent=0, min_free_bytes=0)
        )
        self.sender = Sender(self.index)
        self._sweeping = open_index(url)
        self._hook()

    def close(self) -> None:
        """Close everything."""
        self.archive.close()
        self._sweeping.close()

    def begin(self) -> None:
        """Take a new digest, of which nothing is known."""
        number = next(_NUMBERS)
        self.pixels = number.to_bytes(PIXELS_BYTES, "big")
        scratch = BlobStore(Memory())
        self.ref = scratch.put(MemoryContent(self.pixels))
        scratch.close()
        self.entry = BlobEntry(self.ref.digest, self.ref.codec.value, self.ref.plain_size, self.ref.stored_size)
        self.study, self.stored = f"1.2.3.{number}", 0
        self.problems: list[str] = []

    def put(self) -> None:
        """Have the file in place."""
        self.blobs.put(MemoryContent(self.pixels))

    def damage(self) -> None:
        """Have a file in place that is not what it should be."""
        staged = self.backend.stage()
        staged.write(b"\0" * self.ref.stored_size)
        staged.commit(self.ref.name)

    def store(self, instance: int = 1) -> None:
        """Store an instance that is made of this blob."""
        made = data_set(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
            SOPInstanceUID=f"{self.study}.1.{instance}",
            StudyInstanceUID=self.study,
            SeriesInstanceUID=f"{self.study}.1",
            PixelData=self.pixels,
        )
        arrived = Arrived(MemoryContent(encoded(made)), EXPLICIT_LE)
        self.archive.session(Source("MODALITY"), "test").store(arrived)
        self.stored += 1

    def sweep(self) -> None:
        """Sweep, of the store that part which the digest lies in."""
        sweeping.PREFIXES = (self.ref.digest[:2],)
        sweeper = Sweeper(self._sweeping, self.blobs, grace_s=0)
        sweeper.needless = pausing(sweeper.needless)
        sweeper.begin = pausing(sweeper.begin)
        sweeper.delete = pausing(sweeper.delete, unless=lambda: not self._sweeping.sweeping.deleting())
        sweeper.end = pausing(sweeper.end)
        sweeper.sweep(threading.Event())

    def scrub(self) -> None:
        """Read the blob again; mark it if it is bad, and heal it from another copy."""
        pause()
        if self.ref.digest not in self.index.reader.present_blobs([self.ref.digest]) or self.is_sound():
            return
        pause()
        self.sender.record(Damaged(self.entry.place, "seen by the scrub"))
        pause()
        self.put()
        self.sender.record(BlobHealed(self.entry.place, "copy"))

    def is_sound(self) -> bool:
        """Return whether the file is there and gives its digest."""
        try:
            self.blobs.verify(self.ref)
        except (BlobDamaged, BlobNotFound):
            return False
        return True

    def state(self) -> BlobState | None:
        """Return what the index says of it."""
        return self.index.sweeping.state(self.entry.place)

    def check(self, order: str) -> None:
        """See what is left: first what was acknowledged, then, after one more sweep and scrub, row and file."""
        assert self.state() is not BlobState.DELETING, order
        assert self.stored == 0 or self.is_sound(), f"acknowledged and lost: {order}"
        self.sweep()
        if self.state() is BlobState.BAD and self.is_sound():
            self.sender.record(BlobHealed(self.entry.place, "scrub"))
        left = (self.state(), self.blobs.exists(self.ref), self.is_sound())
        assert left == ((BlobState.PRESENT, True, True) if self.stored else (None, False, False)), order
        found = list(self.archive.verify(self.study))
        assert [finding.problem for finding in found] == [None] * self.stored, order

    def _hook(self) -> None:
        stage = self.backend.stage

        def staging() -> object:
            staged = stage()
            staged.commit = pausing(staged.commit)
            return staged

        self.backend.stage = staging
        reader, committer = self.index.reader, self.index.committer
        reader.present_blobs = pausing(reader.present_blobs)
        reader.position = pausing(reader.position)
        committer.submit = pausing(committer.submit)


def nothing(world: World) -> None:
    """Nobody knows it."""


def leftover(world: World) -> None:
    """A file of an arrival that was refused."""
    world.put()


def damaged_leftover(world: World) -> None:
    """A file of no use to anyone."""
    world.damage()


def unused(world: World) -> None:
    """A row that no version uses."""
    world.put()
    world.sender.record(BlobsEntered((world.entry,)))


def damaged(world: World) -> None:
    """A row that no version uses, of a file that is damaged, which nobody has noticed."""
    world.damage()
    world.sender.record(BlobsEntered((world.entry,)))


def bad(world: World) -> None:
    """The same, noticed."""
    damaged(world)
    world.sender.record(Damaged(world.entry.place, "seen before"))


def used(world: World) -> None:
    """Another instance is made of it."""
    world.store(instance=2)


def used_and_damaged(world: World) -> None:
    """Another instance is made of it, whose bytes were damaged since; nobody has noticed."""
    used(world)
    world.damage()


def sweep_died_before_the_file(world: World) -> None:
    """A sweep has died between marking it and deleting the file."""
    unused(world)
    world.sender.record(SweepBegan((world.entry,)))


def sweep_died_before_the_row(world: World) -> None:
    """A sweep has died between deleting the file and removing the row."""
    sweep_died_before_the_file(world)
    world.blobs.delete(world.ref)


Start = Callable[[World], None]
Make = Callable[[str, Backend], World]
DYING = [sweep_died_before_the_file, sweep_died_before_the_row]
DAMAGED = [damaged_leftover, damaged, bad, used_and_damaged]
NAME = attrgetter("__name__")


def longer(start: Start) -> object:
    """Return a start with which there are so many interleavings that they take long."""
    return pytest.param(start, marks=pytest.mark.long)


SOUND = [nothing, longer(leftover), unused, used]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make worlds, in which who waits for the sweep lets the others go on."""
    monkeypatch.setattr(receive, "time", waiting_clock())
    monkeypatch.setattr(receive, "_SWEEP_WAIT_S", 60)
    monkeypatch.setattr(sweeping, "PREFIXES", ())
    with ExitStack() as stack:

        def make(url: str, backend: Backend) -> World:
            world = World(url, backend, tmp_path / "spool")
            stack.callback(world.close)
            return world

        yield make


def play(world: World, start: Start, *names: str) -> int:
    """Play every interleaving of these actors, each from the same start; return how many there are."""

    def begin() -> Sequence[Actor]:
        world.begin()
        start(world)
        return [Actor(name, getattr(world, name)) for name in names]

    return play_all(begin, world.check)


@pytest.mark.parametrize("start", SOUND, ids=NAME)
def test_store_and_sweep(made: Make, index_url: str, start: Start) -> None:
    assert play(made(index_url, Memory()), start, "store", "sweep") > 1


@pytest.mark.long
@pytest.mark.parametrize("start", [leftover, unused], ids=NAME)
def test_store_and_sweep_with_files(made: Make, tmp_path: Path, start: Start) -> None:
    world = made(f"sqlite:///{tmp_path / 'index.sqlite'}", Filesystem(tmp_path / "blobs"))

    assert play(world, start, "store", "sweep") > 1


@pytest.mark.parametrize("start", [damaged_leftover, bad, *map(longer, (damaged, used_and_damaged))], ids=NAME)
def test_store_and_scrub(made: Make, index_url: str, start: Start) -> None:
    assert play(made(index_url, Memory()), start, "store", "scrub") > 1


@pytest.mark.parametrize("start", [unused, bad, longer(damaged)], ids=NAME)
def test_sweep_and_scrub(made: Make, index_url: str, start: Start) -> None:
    assert play(made(index_url, Memory()), start, "sweep", "scrub") > 1


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("start", DYING, ids=NAME)
def test_store_and_sweep_after_one_that_died(made: Make, index_url: str, start: Start) -> None:
    assert play(made(index_url, Memory()), start, "store", "sweep") > 1


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("start", [leftover, *DYING], ids=NAME)
def test_store_and_two_sweeps(made: Make, index_url: str, start: Start) -> None:
    assert play(made(index_url, Memory()), start, "store", "sweep", "sweep") > 1


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("start", [*SOUND, *DAMAGED], ids=NAME)
def test_store_sweep_and_scrub(made: Make, index_url: str, start: Start) -> None:
    assert play(made(index_url, Memory()), start, "store", "sweep", "scrub") > 1
