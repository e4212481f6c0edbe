"""What came or was read last is there for every process of a node, is what was put there, and gives way to newer."""

import hashlib
import os
import signal
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from storage_backends import (
    BlobDamaged,
    BlobNotFound,
    BlobStore,
    Codec,
    Memory,
    MemoryContent,
    PixelShape,
    Recent,
    RegularFrames,
    Span,
)
from storage_backends.contract import put as replace
from storage_backends.recent import MOST_BYTES, Part
from tests import pixels
from tests.forking import in_child

ENTRY = 16 << 10
"""So much memory for each entry."""
SHAPE = PixelShape(200, 300, 1, 2)
FRAME = 120_000


@pytest.fixture
def recent() -> Iterator[Recent]:
    with closing(Recent(8 * ENTRY)) as made:
        yield made


def part(name: object, offset: int = 0, *, checked: bool = False) -> Part:
    return Part(hashlib.sha256(repr(name).encode()).hexdigest(), offset, checked)


def put(recent: Recent, names: Sequence[object], size: int = ENTRY) -> None:
    for name in names:
        recent.put(part(name), pattern(name, size))


def pattern(name: object, size: int = ENTRY) -> bytes:
    return (hashlib.sha256(repr(name).encode()).digest() * (size // 32 + 1))[:size]


def held(recent: Recent, names: Sequence[object], size: int = ENTRY) -> list[object]:
    """Return the names that are there; all of them are what was put."""
    found = [(name, plain) for name in names if (plain := recent.get(part(name), size)) is not None]
    assert all(plain == pattern(name, size) for name, plain in found)
    return [name for name, _ in found]


def test_what_was_put_is_had_by_part_and_size(recent: Recent) -> None:
    put(recent, ["a"])
    recent.put(part("a", 5), b"part")
    recent.put(part("b", checked=True), b"checked")

    assert held(recent, ["a"]) == ["a"]
    assert recent.get(part("a", 5), 4) == b"part"
    assert recent.get(part("b", checked=True), 7) == b"checked"
    assert recent.get(part("b"), 7) is None
    assert recent.get(part("a"), ENTRY - 1) is None


def test_the_oldest_gives_way(recent: Recent) -> None:
    put(recent, range(11))
    assert held(recent, range(11)) == list(range(3, 11))

    put(recent, ["fits"], size=5 * ENTRY)
    assert held(recent, range(11)) == [8, 9, 10]
    put(recent, ["a"], size=ENTRY)
    put(recent, ["begins anew"], size=8 * ENTRY)
    assert held(recent, ["begins anew"], size=8 * ENTRY) == ["begins anew"]
    assert held(recent, ["a", *range(11)]) == []


def test_of_small_ones_as_many_are_kept_as_there_are_entries(recent: Recent) -> None:
    put(recent, range(20), size=10)

    assert held(recent, range(20), size=10) == list(range(12, 20))


def test_what_is_there_is_not_put_again(recent: Recent) -> None:
    put(recent, [*range(8), *[0] * 8])

    assert held(recent, range(8)) == list(range(8))


def test_nothing_too_large_and_nothing_empty_is_kept(recent: Recent) -> None:
    with closing(Recent(2 * MOST_BYTES)) as large:
        large.put(part("large"), bytes(MOST_BYTES + 1))
        assert large.get(part("large"), MOST_BYTES + 1) is None
    put(recent, ["a"])
    recent.put(part("b"), bytes(8 * ENTRY + 1))
    recent.put(part("c"), b"")

    assert held(recent, ["a"]) == ["a"]
    assert recent.get(part("c"), 0) is None


def test_what_is_found_and_what_had_to_be_read_is_counted_for_all(recent: Recent) -> None:
    put(recent, range(3))
    in_child(lambda: held(recent, range(5)))

    assert held(recent, [0]) == [0]
    put(recent, ["one more"])
    assert recent.counts() == (4, 4)


def test_it_is_shared_with_forked_processes(recent: Recent) -> None:
    put(recent, [0])

    def child() -> None:
        assert held(recent, [0]) == [0]
        put(recent, range(1, 10))

    in_child(child)

    assert held(recent, range(10)) == list(range(2, 10))


def test_what_is_forgotten_is_overwritten_for_all(recent: Recent) -> None:
    put(recent, ["a", "b"])
    recent.put(part("a", 7), b"secret")
    recent.put(part("a", checked=True), b"secret")
    assert b"secret" in bytes(recent._memory)

    in_child(lambda: recent.forget(part("a").digest))

    assert held(recent, ["a", "b"]) == ["b"]
    assert recent.get(part("a", 7), 6) is None
    assert recent.get(part("a", checked=True), 6) is None
    assert b"secret" not in bytes(recent._memory)
    put(recent, ["a"])
    assert held(recent, ["a"]) == ["a"]


def test_while_others_write_nothing_is_handed_out_but_what_was_put() -> None:
    size, names = 1 << 20, range(12)
    got = 0
    with closing(Recent(4 * size)) as recent, _writing(recent, names, size), _writing(recent, names[::-1], size):
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            got += len(held(recent, names, size))

    assert got


@contextmanager
def _writing(recent: Recent, names: Sequence[object], size: int) -> Iterator[None]:
    """Have another process put all of these again and again."""
    values = [(part(name), pattern(name, size)) for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside the threads of the test runner
        pid = os.fork()
    while pid == 0:
        for each, plain in values:
            recent.put(each, plain)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_process_that_is_killed_with_the_lock_holds_nobody_up(recent: Recent) -> None:
    put(recent, ["a"])

    def killed() -> None:
        with recent._locked():
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(AssertionError):
        in_child(killed)

    assert held(recent, ["a"]) == ["a"]


class Reads(Memory):
    """A store in memory that counts what is read."""

    reads = 0

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self.reads += 1
        return super().read(name, offset, length)


@pytest.fixture
def backend() -> Reads:
    return Reads()


@pytest.fixture
def store(backend: Reads) -> Iterator[BlobStore]:
    with closing(Recent(64 * ENTRY)) as recent, closing(BlobStore(backend, codec=Codec.DENSE)) as made:
        made.remember_in(recent)
        yield made


def test_blobs_that_were_given_whole_are_not_read_again(store: BlobStore, backend: Reads) -> None:
    data = [pixels.image(SHAPE, frames=1), b"something else"]
    refs = [store.put(MemoryContent(data[0]), shape=SHAPE), store.put(MemoryContent(data[1]))]
    assert store.get_many(refs[:1]) == data[:1]
    backend.delete(refs[0].name)
    before = backend.reads

    assert store.get_many(refs) == data
    assert store.opened(refs[0]).range(Span(7, 100)) == data[0][7:107]
    assert backend.reads == before + 1


def test_chunks_that_were_given_are_not_read_again_unless_the_digest_has_to_be_compared(
    store: BlobStore, backend: Reads
) -> None:
    data = pixels.image(SHAPE, frames=3)
    ref = store.put(MemoryContent(data), shape=SHAPE, frames=RegularFrames(FRAME, 3))
    first = store.opened(ref).range(Span(0, FRAME))
    backend.delete(ref.name)

    again = store.opened(ref).range(Span(FRAME, FRAME))

    assert (first, again) == (data[:FRAME], data[FRAME : 2 * FRAME])
    with pytest.raises(BlobNotFound):
        store.get_many([ref])


def test_what_has_come_need_not_be_read(store: BlobStore, backend: Reads) -> None:
    data = pixels.image(SHAPE, frames=1)
    ref = store.put(MemoryContent(data), shape=SHAPE)
    store.remember(ref.digest, MemoryContent(data))

    assert store.get_many([ref]) == [data]
    assert store.opened(ref).range(Span(7, 100)) == data[7:107]
    assert backend.reads == 0


def test_what_comes_is_no_sign_that_more_memory_is_needed(recent: Recent) -> None:
    recent.put(part("came"), b"came", came=True)
    recent.put(part("read"), b"read")
    recent.get(part("came"), 4)

    assert recent.counts() == (1, 1)


def test_damage_is_not_remembered(store: BlobStore, backend: Reads) -> None:
    data = pixels.image(SHAPE, frames=1)
    ref = store.put(MemoryContent(data), shape=SHAPE)
    other = store.put(MemoryContent(pixels.image(SHAPE, frames=1, seed=2)), shape=SHAPE)
    sound, wrong = backend.read(ref.name), backend.read(other.name)
    replace(backend, ref.name, wrong)
    with pytest.raises(BlobDamaged):
        store.get_many([ref])
    replace(backend, ref.name, sound)

    assert store.get_many([ref]) == [data]


def test_what_is_deleted_is_forgotten(store: BlobStore, backend: Reads) -> None:
    ref = store.put(MemoryContent(bytes(1000)))
    store.get_many([ref])

    store.delete(ref)

    with pytest.raises(BlobNotFound):
        store.get_many([ref])
