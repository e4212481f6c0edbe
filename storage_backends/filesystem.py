"""A store in a folder of a local file system.

    <root>/staging/<random>-<count>             being written; cleared when the node starts
    <root>/<first 3 hex digits>/<name>          4,096 folders, made when the store is opened

A blob is written to `staging`, fsynced, renamed into its folder, and the folder is fsynced: a name
that can be seen has all its bytes, and still has them after a power cut. No file is ever changed.

Paths are plain text here: five operations of pathlib cost 0.05 ms for every blob.
"""

import contextlib
import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from storage_backends.backend import Listed, check_name, is_name
from storage_backends.content import Buffer
from storage_backends.errors import BlobNotFound, NoSpace, StoreUnavailable
from storage_backends.posix import fsync_folder, make_folder, translated

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Filesystem:
    """Blobs as files below a folder, which is made if it is missing."""

    at_once = 1

    def __init__(self, root: Path) -> None:
        """Open the store, making its folders the first time.

        Raises:
            StoreUnavailable: the folder cannot be made or written.
        """
        self._root, self._staging = root, root / "staging"
        self._prefix, self._count = f"{self._staging}/{secrets.token_hex(16)}", itertools.count()
        with translated(f"open the store {root}"):
            _make_folders(root, self._staging)

    @property
    def location(self) -> str:
        """The folder."""
        return str(self._root)

    def stage(self) -> "StagedFile":
        """Begin to write a file in the staging folder."""
        path = f"{self._prefix}-{next(self._count)}"
        with translated("begin to write"):
            return StagedFile(path, os.open(path, _NEW_FILE, 0o640), self._path)

    def clear_staging(self) -> int:
        """Remove what a dead process left half written and return how many files that were.

        Only to be called while nobody writes to the store.
        """
        with translated("clear the staging folder"):
            leftovers = list(self._staging.iterdir())
            for leftover in leftovers:
                leftover.unlink()
        return len(leftovers)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`."""
        with translated(f"read {name}", missing=BlobNotFound):
            fd = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
            try:
                rest = max(0, os.fstat(fd).st_size - offset)
                return _pread(fd, offset, rest if length is None else min(length, rest))
            finally:
                os.close(fd)

    def size(self, name: str) -> int:
        """Return the stored size in bytes."""
        with translated(f"look up {name}", missing=BlobNotFound):
            return os.stat(self._path(name)).st_size

    def names(self) -> Iterator[str]:
        """Yield the name of every blob, folder by folder."""
        for prefix in _prefixes():
            with translated(f"list {prefix}"), os.scandir(f"{self._root}/{prefix}") as entries:
                names = [entry.name for entry in entries]
            yield from filter(is_name, names)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every blob of 16 folders."""
        for digit in "0123456789abcdef":
            folder = f"{prefix}{digit}"
            with translated(f"list {folder}"), os.scandir(f"{self._root}/{folder}") as entries:
                found = [listed for entry in entries if is_name(entry.name) and (listed := _listed(entry))]
            yield from found

    def delete(self, name: str) -> None:
        """Remove a blob if it is there; the removal is durable with the next commit or removal in its folder."""
        with translated(f"delete {name}"), contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def free_bytes(self) -> int | None:
        """Return what an unprivileged process may still write."""
        with translated("ask for free space"):
            return shutil.disk_usage(self._root).free

    def total_bytes(self) -> int | None:
        """Return the size of the file system."""
        with translated("ask for the size"):
            return shutil.disk_usage(self._root).total

    def _path(self, name: str) -> str:
        check_name(name)
        return f"{self._root}/{name[:3]}/{name}"


class StagedFile:
    """A file of the staging folder on its way to its name."""

    def __init__(self, path: str, fd: int, path_of: Callable[[str], str]) -> None:
        self._path, self._fd, self._path_of = path, fd, path_of
        self._flushed = False

    def write(self, data: Buffer) -> None:
        """Append bytes; when the disk is full the file is removed at once, to leave room."""
        view = memoryview(data).cast("B")
        self._flushed = False
        try:
            with translated("write"):
                while view:
                    view = view[os.write(self._fd, view) :]
        except (NoSpace, StoreUnavailable):
            self.discard()
            raise

    def flush(self) -> None:
        """Fsync the file, if something was written since the last time."""
        if self._flushed:
            return
        try:
            with translated("flush"):
                os.fsync(self._fd)
        except (NoSpace, StoreUnavailable):
            self.discard()
            raise
        self._flushed = True

    def commit(self, name: str) -> None:
        """Fsync the file if that is still due, rename it to its name, fsync the folder."""
        path = self._path_of(name)
        self.flush()
        try:
            with translated(f"store {name}"):
                os.rename(self._path, path)
                self._close()
                fsync_folder(os.path.dirname(path))
        except (NoSpace, StoreUnavailable):
            self.discard()
            raise

    def discard(self) -> None:
        """Close and remove the file."""
        if self._fd >= 0:
            self._close()
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        os.close(fd)


def _listed(entry: "os.DirEntry[str]") -> Listed | None:
    try:
        status = entry.stat()
    except FileNotFoundError:  # deleted meanwhile
        return None
    return Listed(entry.name, status.st_size, status.st_mtime)


def _prefixes() -> Iterator[str]:
    return (f"{number:03x}" for number in range(4096))


def _make_folders(root: Path, staging: Path) -> None:
    make_folder(staging)
    held = set(os.listdir(root))
    for prefix in _prefixes():
        if prefix not in held:
            with contextlib.suppress(FileExistsError):  # another process was first
                os.mkdir(f"{root}/{prefix}", 0o750)
    fsync_folder(root)


def _pread(fd: int, offset: int, length: int) -> bytes:
    """Read a range; Linux hands out at most 2 GiB - 4 KiB at a time."""
    parts = []
    while length > 0:
        part = os.pread(fd, length, offset)
        if not part:
            break
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
