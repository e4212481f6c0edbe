"""Failures of a file system, and that nothing half written is left behind."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage_backends import BlobNotFound, BlobStore, Filesystem, MemoryContent, NoSpace, StoreUnavailable
from storage_backends.contract import NAME, put
from storage_backends.filesystem import StagedFile


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one place for all tests, because making 4,096 folders takes longer than each of them."""
    return tmp_path_factory.mktemp("blobs")


@pytest.fixture
def store(root: Path) -> Iterator[Filesystem]:
    store = Filesystem(root)
    yield store
    store.delete(NAME)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_blob_lies_where_the_drawing_says(store: Filesystem, root: Path) -> None:
    put(store, NAME, b"x")

    assert (root / NAME[:3] / NAME).read_bytes() == b"x"
    assert sum(1 for _ in root.iterdir()) == 4096 + 1


def test_opening_a_store_again_finds_its_blobs(store: Filesystem, root: Path) -> None:
    put(store, NAME, b"x")

    assert list(Filesystem(root).names()) == [NAME]


def test_what_a_dead_process_left_is_cleared_and_blobs_are_not(store: Filesystem, root: Path) -> None:
    put(store, NAME, b"x")
    left = store.stage()
    left.write(b"half")

    assert store.clear_staging() == 1
    assert list((root / "staging").iterdir()) == []
    assert store.read(NAME) == b"x"
    left.discard()


def test_a_full_disk_is_no_space_and_leaves_nothing(store: Filesystem, root: Path) -> None:
    staged_path = root / "staging" / "half"
    staged_path.touch()
    staged = StagedFile(staged_path, os.open("/dev/full", os.O_WRONLY), root.joinpath)

    with pytest.raises(NoSpace, match="No space left"):
        staged.write(b"more than there is room for")

    assert not staged_path.exists()


def test_a_blob_that_outgrows_the_disk_leaves_nothing(store: Filesystem, root: Path) -> None:
    blobs = BlobStore(store)

    with files_no_larger_than(100_000), pytest.raises(NoSpace):
        blobs.put(MemoryContent(os.urandom(3_000_000)))

    assert list((root / "staging").iterdir()) == []
    assert list(store.names()) == []
    blobs.close()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EIO, StoreUnavailable), (errno.EROFS, StoreUnavailable)],
)
def test_a_failing_fsync_is_told_apart_and_leaves_nothing(
    store: Filesystem, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    def fail(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    staged = store.stage()
    staged.write(b"x")
    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(expected):
        staged.commit(NAME)

    monkeypatch.undo()
    assert list((root / "staging").iterdir()) == []
    assert list(store.names()) == []


def test_file_and_folder_are_synced_before_and_after_the_rename(
    store: Filesystem, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watch(fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        seen.append((path.parent.name, (root / NAME[:3] / NAME).exists()))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", watch)
    put(store, NAME, b"x")

    assert seen == [("staging", False), (root.name, True)]


def test_a_folder_that_went_away_is_unavailable(store: Filesystem, root: Path) -> None:
    staged = store.stage()
    staged.write(b"x")
    folder = root / NAME[:3]
    folder.rename(root / "elsewhere")

    with pytest.raises(StoreUnavailable):
        staged.commit(NAME)
    with pytest.raises(BlobNotFound):
        store.read(NAME)
    (root / "elsewhere").rename(folder)


def test_a_file_in_the_place_of_the_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "blobs").touch()

    with pytest.raises(StoreUnavailable, match="open the store"):
        Filesystem(tmp_path / "blobs")


def test_files_that_are_not_blobs_are_not_listed(store: Filesystem, root: Path) -> None:
    stranger = root / NAME[:3] / "README"
    stranger.touch()

    assert list(store.names()) == []
    stranger.unlink()
