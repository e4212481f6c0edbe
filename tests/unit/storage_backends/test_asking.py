"""Asking a store for many blobs: side by side where that pays off, each with its own answer."""

from contextlib import closing
from threading import Barrier, Event, Lock

import pytest

from storage_backends import BlobNotFound, Memory, StorageError, StoreUnavailable, answers

NAMES = [f"{number:064x}.zst" for number in range(8)]


class Distant(Memory):
    """A store that answers two who ask at the same time, and nobody alone."""

    at_once = 2

    def __init__(self) -> None:
        super().__init__()
        self._both = Barrier(2, timeout=10)

    def size(self, name: str) -> int:
        """Return the size, once another one asks too."""
        self._both.wait()
        return super().size(name)


def put(store: Memory, *names: str) -> None:
    """Store something under names."""
    for name in names:
        staged = store.stage()
        staged.write(b"12")
        staged.commit(name)


@pytest.mark.parametrize("store", [Memory(), Distant()], ids=["near", "distant"])
def test_each_name_is_answered_in_order_by_its_own_size_or_error(store: Memory) -> None:
    put(store, *NAMES[::2])

    told = list(answers(store, store.size, NAMES))

    assert [name for name, _ in told] == NAMES
    assert [answer for _, answer in told[::2]] == [2] * 4
    assert all(isinstance(answer, BlobNotFound) for _, answer in told[1::2])


def test_who_stops_early_leaves_nothing_on_its_way() -> None:
    store, guard, begun, going = Distant(), Lock(), Event(), set[str]()

    def ask(name: str) -> int:
        with guard:
            going.add(name)
        if name != NAMES[0]:
            begun.set()
            Event().wait(0.02)
        begun.wait(10)
        with guard:
            going.remove(name)
        raise StoreUnavailable("away")

    with closing(answers(store, ask, NAMES)) as answered:
        name, answer = next(answered)

    assert name == NAMES[0]
    assert isinstance(answer, StorageError)
    assert not going
