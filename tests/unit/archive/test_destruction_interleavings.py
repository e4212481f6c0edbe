"""A study that is being destroyed, and what else can happen to it at once: every order of the steps is played."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from conformance.phantoms import ct_slice
from destroying import DestroyingArchive, study_of
from interleaving import Actor, pausing, play_all, waiting_clock
from storage_backends import Memory
from vna.archive import receive
from vna.archive.recording import record
from vna.errors import EliminatedBefore
from vna.events import HoldDetail, HoldKind, HoldLevel, HoldPlaced, SweepEnded
from vna.index import EliminateEntry, EventEntry, Recorded, Spared, StoreEntry, SweepEntry
from vna.index.entries import Entry
from vna.model import EliminatedAgain

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

_NUMBERS = itertools.count(1)


class World:
    """An archive in which each play is about a study of its own."""

    def __init__(self, archive: DestroyingArchive) -> None:
        self.archive, self.destruction = archive, archive.archive.destruction
        committer, reader = archive.index.committer, archive.index.reader
        plain = committer.submit
        paused = pausing(plain)
        decides = (StoreEntry, EliminateEntry, SweepEntry)
        committer.submit = lambda entry: paused(entry) if _decides(entry, decides) else plain(entry)
        reader.present_blobs = pausing(reader.present_blobs)
        archive.blobs.backend.delete = pausing(archive.blobs.backend.delete)

    def begin(self) -> None:
        """Store a study, and have everybody agree that it may go."""
        number = next(_NUMBERS)
        self.slices = [ct_slice(study=number, number=each, size=16) for each in (1, 2)]
        for ds in self.slices:
            ds.PixelData = f"{number:>8}{ds.InstanceNumber:>8}".encode() * 32
        self.archive.store(self.slices[0])
        self.number, (self.item,) = self.archive.agreed(study_of(self.slices[0]))
        self.evaluated_at = self.archive.index.reader.position()
        self.went: Recorded | Spared | None = None
        self.held = 0

    def destroy(self) -> None:
        """Eliminate it, and destroy it."""
        asked = {"evaluated_at": self.evaluated_at, "actor": "runner"}
        self.went = self.destruction.eliminate(self.number, self.item, **asked)
        if isinstance(self.went, Recorded):
            self.destruction.finish(self.number)

    def hold(self) -> None:
        """Place a hold over it."""
        study = self.slices[0].StudyInstanceUID
        placed = HoldPlaced(f"hold-{self.number}", HoldKind.INQUIRY, HoldLevel.STUDY, study, "", "2020-01-01", "")
        self.held = record(self.archive.index, placed, "lawyer", detail=HoldDetail("claim").detail())

    def store(self) -> None:
        """Have the same slice arrive again."""
        with suppress(EliminatedBefore):
            self.archive.store(self.slices[0])

    def check(self, order: str) -> None:
        """See that what stays is whole, and that of what went nothing is left."""
        study = str(self.slices[0].StudyInstanceUID)
        found = list(self.archive.archive.verify(study))
        assert [each.problem for each in found] == [None] * len(found), order
        if isinstance(self.went, Recorded):
            assert self.went.position is not None
            assert not self.held or self.held > self.went.position, order
            assert all(each.held.version_id > self.went.position for each in found), order
            remaining = self.destruction.finish(self.number)
            assert remaining.is_done, (order, remaining)
            went = self.destruction.went(self.number)
            listed = {blob["sha256"] for each in went for one in each.objects for blob in one["blobs"]}
            names = {name.partition(".")[0] for name in self.archive.blobs.backend.names()}
            assert listed & names == self.archive.index.tombstones.used(sorted(listed)), order
        else:
            assert found, order


@pytest.fixture(params=list(EliminatedAgain), ids=str)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(receive, "time", waiting_clock())
    monkeypatch.setattr(receive, "_SWEEP_WAIT_S", 60)
    with DestroyingArchive(tmp_path / "data", stores={"": Memory()}, again=request.param) as archive:
        yield World(archive)


def _decides(entry: Entry, kinds: tuple[type, ...]) -> bool:
    return isinstance(entry, kinds) or (
        isinstance(entry, EventEntry) and isinstance(entry.event, HoldPlaced | SweepEnded)
    )


def play(world: World, *names: str) -> int:
    def begin() -> Sequence[Actor]:
        world.begin()
        return [Actor(name, getattr(world, name)) for name in names]

    return play_all(begin, world.check)


def test_a_hold_comes_before_it_or_finds_nothing(world: World) -> None:
    assert play(world, "destroy", "hold") > 1


def test_what_arrives_meanwhile_stays_whole_or_is_refused(world: World) -> None:
    assert play(world, "destroy", "store") > 10
