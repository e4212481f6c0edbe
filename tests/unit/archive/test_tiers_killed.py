"""Moves cut short at every step, and any order of moves, arrivals and damage: nothing is lost, or left with too few."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance import phantoms
from replicated import altered
from storage_backends import Memory, StorageError
from tiered import Counting, Tiered, slice_of
from vna.archive.kept import blob_ref
from vna.errors import TooFewVerified
from vna.index import BlobState
from vna.index.committer import Committer
from vna.model import InstanceKey

ME = "test"
SHARES = 4
STEPS: tuple[tuple[type, str], ...] = (
    (Committer, "submit"),
    (Counting, "stage"),
    (Counting, "commit_name"),
    (Memory, "delete"),
)


class Killed(BaseException):
    """The process is dead: it does nothing more."""


@contextmanager
def dying_at(step: int, patched: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Die at one of the calls that change something, before or after it; yields how many there were."""
    passed = [0]

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def perhaps(*given: Any, **named: Any) -> Any:
            for after in (False, True):
                passed[0] += 1
                if passed[0] >= step:
                    raise Killed
                if not after:
                    result = call(*given, **named)
            return result

        return perhaps

    with patched.context() as inner:
        for owner, name in STEPS:
            inner.setattr(owner, name, dying(getattr(owner, name)))
        with suppress(Killed):
            yield passed


def lost(tiered: Tiered, known: dict[InstanceKey, bytes]) -> list[InstanceKey]:
    """Return the instances that do not come back as they were sent."""
    return [key for key, data in known.items() if tiered.sending.bytes_of(key) != data]


def kept(tiered: Tiered, *numbers: int, study: int = 1) -> dict[InstanceKey, bytes]:
    """Store slices, and return their bytes."""
    data = {number: phantoms.data_set_bytes(slice_of(number, study)) for number in numbers}
    return {tiered.store(number, study=study)[0].key: data[number] for number in numbers}


@pytest.mark.long
@pytest.mark.parametrize("first", range(1, SHARES + 1))
def test_a_move_that_is_killed_at_any_step_loses_nothing_and_is_finished_by_the_next(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in count(first, SHARES):
        folder = tmp_path / str(step)
        folder.mkdir()
        tiered = Tiered(f"sqlite:///{folder / 'index.sqlite'}", folder)
        known = kept(tiered, 1, 2)
        study = next(iter(known)).study
        with dying_at(step, monkeypatch) as passed:
            tiered.archive.tiers.move(study, "hot", "cold", ME)
        assert lost(tiered, known) == []
        if step % 2:
            tiered.sweep()
            assert lost(tiered, known) == []

        tiered.archive.tiers.move(study, "hot", "cold", ME)
        tiered.sweep()

        assert lost(tiered, known) == []
        assert tiered.rows() == {("cold", "present"): 2}
        assert tiered.names() == []
        assert len(tiered.names("cold")) == 2
        tiered.close()
        if passed[0] < step:
            return


OPERATIONS = st.one_of(
    st.tuples(st.just("arrive"), st.integers(1, 3), st.integers(1, 2)),
    st.tuples(st.just("place"), st.sampled_from(["hot", "cold", "deep"]), st.integers(1, 2)),
    st.tuples(st.just("leave"), st.sampled_from(["hot", "cold", "deep"]), st.integers(1, 3), st.integers(1, 2)),
    st.tuples(st.just("damage"), st.sampled_from(["", "cold", "deep"])),
    st.tuples(st.just("sweep")),
)


def sound_copies(tiered: Tiered, study: str) -> int:
    """Return in how many stores a study is kept with sound bytes, of the blob that is in the fewest."""
    lying = tiered.index.placements.lying(study)
    stores = tiered.archive.tiers.stores.kept(lying.placings)
    return min(
        len({b.store for b, s in places if s is BlobState.PRESENT and b.store in stores and is_sound(tiered, b)})
        for places in lying.blobs.values()
    )


def is_sound(tiered: Tiered, blob: Any) -> bool:
    """Return whether the bytes of a blob are right where it lies."""
    try:
        tiered.blobs.at(blob.store).verify(blob_ref(blob))
    except StorageError:
        return False
    return True


class Play:
    """One sequence of operations on two studies that share their pixels."""

    def __init__(self, tiered: Tiered) -> None:
        self.tiered, self.known, self.studies = tiered, dict[InstanceKey, bytes](), dict[int, str]()

    def do(self, operation: tuple[Any, ...]) -> None:
        """Do one operation, if it can be done."""
        match operation:
            case ("arrive", number, study):
                self.known |= kept(self.tiered, number, study=study)
                self.studies[study] = next(reversed(self.known)).study
            case ("place", store, study) if study in self.studies:
                self.tiered.archive.tiers.place(self.studies[study], store, ME)
            case ("leave", store, copies, study) if study in self.studies:
                self._leave(self.studies[study], store, copies)
            case ("damage", store):
                self._damage(store)
            case ("sweep",):
                self.tiered.sweep()

    def _leave(self, study: str, store: str, copies: int) -> None:
        """Displace a study: where it lay there, as many copies are left then as had to be."""
        tiers, before = self.tiered.archive.tiers, self.tiered.rows()
        lay_there = tiers.stores.named(store) in tiers.stores.kept(self.tiered.index.placements.placings(study))
        try:
            tiers.displace(study, store, ME, copies=copies)
        except TooFewVerified:
            assert self.tiered.rows().keys() >= {key for key in before if key[1] == "present"}
            return
        assert not lay_there or sound_copies(self.tiered, study) >= copies

    def _damage(self, store: str) -> None:
        """Damage a file that lies elsewhere too."""
        for name in self.tiered.names(store):
            digest = name.partition(".")[0]
            others = [b for b, s in self.tiered.index.blobs.places(digest) if b.store != store]
            if any(is_sound(self.tiered, blob) for blob in others):
                altered(self.tiered.backend(store), name)
                return


@pytest.mark.long
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(operations=st.lists(OPERATIONS, min_size=4, max_size=12))
def test_whatever_happens_in_whatever_order_every_instance_is_there(operations: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as folder:
        tiered = Tiered(f"sqlite:///{folder}/index.sqlite", Path(folder))
        play = Play(tiered)
        for operation in [("arrive", 1, 1), *operations, ("sweep",)]:
            play.do(operation)
            assert all(sound_copies(tiered, study) >= 1 for study in play.studies.values())
        for study in play.studies.values():
            tiered.archive.tiers.place(study, "hot", ME)
        assert lost(tiered, play.known) == []
        tiered.close()
