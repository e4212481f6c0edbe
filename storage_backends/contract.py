"""The suite every backend must pass.

A backend's test subclasses `BackendContract` and makes one:

class TestMemory(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return Memory()
"""
# ruff: noqa: S101  (these are tests)

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage_backends.backend import PREFIXES, Backend
from storage_backends.content import Buffer
from storage_backends.errors import BlobNotFound

NAME = "0a" * 32 + ".raw"
OTHER = "ff" * 32 + ".dns"
_SHARED = tuple(f"{number:064x}.raw" for number in range(4))
NAMES = (NAME, OTHER, *_SHARED)
"""All the names the suite stores under, for backends that are emptied between tests instead of made anew."""


def put(backend: Backend, name: str, *parts: Buffer) -> None:
    """Store bytes under a name."""
    staged = backend.stage()
    for part in parts:
        staged.write(part)
    staged.commit(name)


class BackendContract:
    """What is true of every backend."""

    @pytest.fixture
    def backend(self) -> Backend:
        """Return an empty store; each backend's test says which."""
        raise NotImplementedError

    def test_what_was_written_is_read(self, backend: Backend) -> None:
        """Parts are joined; any kind of buffer is taken."""
        put(backend, NAME, b"one ", bytearray(b"two "), memoryview(b"three"))

        assert backend.read(NAME) == b"one two three"
        assert backend.size(NAME) == 13

    def test_an_empty_blob_is_a_blob(self, backend: Backend) -> None:
        """Nothing written is zero bytes, not nothing."""
        put(backend, NAME)

        assert backend.read(NAME) == b""
        assert backend.size(NAME) == 0

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [(0, 3, b"012"), (4, 2, b"45"), (4, None, b"456789"), (8, 5, b"89"), (10, 1, b""), (99, 1, b""), (2, 0, b"")],
    )
    def test_a_range_is_the_slice(self, backend: Backend, offset: int, length: int | None, expected: bytes) -> None:
        """Ranges behave as slices do, also past the end."""
        put(backend, NAME, b"0123456789")

        assert backend.read(NAME, offset, length) == expected

    def test_nothing_is_seen_before_commit(self, backend: Backend) -> None:
        """Staged bytes have no name."""
        staged = backend.stage()
        staged.write(b"half")
        staged.flush()

        assert list(backend.names()) == []
        staged.discard()

    def test_bytes_may_be_written_after_a_flush(self, backend: Backend) -> None:
        """A flush only does early what the commit would do."""
        staged = backend.stage()
        staged.write(b"one ")
        staged.flush()
        staged.write(b"two")
        staged.commit(NAME)

        assert backend.read(NAME) == b"one two"

    def test_discarded_bytes_leave_no_trace(self, backend: Backend) -> None:
        """Discarding twice is fine."""
        staged = backend.stage()
        staged.write(b"half")

        staged.discard()
        staged.discard()

        assert list(backend.names()) == []

    def test_discard_after_commit_does_nothing(self, backend: Backend) -> None:
        """So a caller can clean up without remembering how far it came."""
        staged = backend.stage()
        staged.write(b"whole")
        staged.commit(NAME)

        staged.discard()

        assert backend.read(NAME) == b"whole"

    def test_the_later_commit_replaces_the_earlier(self, backend: Backend) -> None:
        """A name that is there already is success."""
        put(backend, NAME, b"a longer one")
        put(backend, NAME, b"short")

        assert backend.read(NAME) == b"short"
        assert list(backend.names()) == [NAME]

    def test_names_lists_what_is_there(self, backend: Backend) -> None:
        """Each name once."""
        put(backend, NAME, b"x")
        put(backend, OTHER, b"y")

        assert sorted(backend.names()) == [NAME, OTHER]

    def test_a_listing_tells_name_size_and_time_of_one_part(self, backend: Backend) -> None:
        """The time is that of the writing, give or take what a service rounds off and its clock is out by."""
        before = time.time()
        put(backend, NAME, b"one")
        put(backend, OTHER, b"three")

        listed = list(backend.listing(NAME[:2]))

        assert [(each.name, each.size) for each in listed] == [(NAME, 3)]
        assert before - 5 < listed[0].modified < time.time() + 5
        assert [each.name for each in backend.listing(OTHER[:2])] == [OTHER]
        assert {NAME[:2], OTHER[:2]} < set(PREFIXES)

    def test_what_is_written_again_counts_as_new(self, backend: Backend) -> None:
        """An old blob that is replaced is not old any more."""
        put(backend, NAME, b"one")
        (first,) = backend.listing(NAME[:2])
        put(backend, NAME, b"two")

        (second,) = backend.listing(NAME[:2])

        assert second.modified >= first.modified

    def test_a_deleted_blob_is_gone_and_deleting_it_again_is_fine(self, backend: Backend) -> None:
        """Every step can be run twice."""
        put(backend, NAME, b"x")

        backend.delete(NAME)
        backend.delete(NAME)

        assert list(backend.names()) == []
        with pytest.raises(BlobNotFound, match="0a0a"):
            backend.read(NAME)

    def test_what_is_missing_is_not_found(self, backend: Backend) -> None:
        """Reading and measuring say so."""
        with pytest.raises(BlobNotFound):
            backend.read(NAME, 0, 1)
        with pytest.raises(BlobNotFound):
            backend.size(NAME)

    @pytest.mark.parametrize(
        "name", ["", "x", "../" + NAME, NAME.upper(), NAME[1:], NAME + "/..", NAME + "\n", "a.raw"]
    )
    def test_what_is_not_a_name_is_refused(self, backend: Backend, name: str) -> None:
        """No name leads out of the store."""
        staged = backend.stage()
        with pytest.raises(ValueError, match="not the name of a blob"):
            staged.commit(name)
        staged.discard()
        for ask in (backend.read, backend.size, backend.delete):
            with pytest.raises(ValueError, match="not the name of a blob"):
                ask(name)

    def test_threads_do_not_disturb_each_other(self, backend: Backend) -> None:
        """Eight writers at once, two to a name."""
        names = _SHARED * 2
        ready = threading.Barrier(len(names))

        def write(name: str) -> None:
            ready.wait(timeout=30)
            put(backend, name, name.encode() * 1000)

        with ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(write, names))

        assert sorted(backend.names()) == sorted(_SHARED)
        assert all(backend.read(name) == name.encode() * 1000 for name in names)

    def test_it_says_where_it_is_and_how_full(self, backend: Backend) -> None:
        """Free space is known together with the total, or not at all."""
        free, total = backend.free_bytes(), backend.total_bytes()

        assert backend.location
        assert (free is None) == (total is None)
        assert free is None or total is None or 0 <= free <= total
