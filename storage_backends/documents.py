"""Small named documents beside the blobs: the sealed journal and what belongs to it.

A blob is named by its content; a document is named by what it is, so what counts is that it is **created exclusively**:
of two writers of one name exactly one succeeds, and what stands there is never changed. A name is one to three
components with slashes between, such as `journal/000000000001.cbor.zst`; a component has letters, digits, dots and
hyphens, and does not begin with a dot. `storage_backends.documents_contract` is the suite that every kind passes.

In a folder they lie beside the folders of the blobs:

    <root>/staging/<random>                     being written; cleared when the node starts
    <root>/journal/..., <root>/payloads/...     the documents

A document is written to `staging`, fsynced, linked to its name (link(2) fails where the name is taken), and the
folder is fsynced: a name that can be seen has all its bytes, and still has them after a power cut.
"""

import contextlib
import os
import re
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from storage_backends.errors import BlobNotFound
from storage_backends.posix import fsync_folder, make_folder, translated

_NAME = re.compile(r"[A-Za-z0-9-][A-Za-z0-9.-]{0,99}(?:/[A-Za-z0-9-][A-Za-z0-9.-]{0,99}){0,2}")
_RESERVED = re.compile(r"(?:staging|blobs|[0-9a-f]{3})(?:/.*)?")


class Documents(Protocol):
    """A place for documents; safe to use from several threads and processes."""

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Make a document durable and visible, whole, unless the name is taken; return whether it was made now.

        Raises:
            NoSpace, StoreUnavailable: nothing was made.
        """
        ...

    def read(self, name: str) -> bytes:
        """Return a document.

        Raises:
            BlobNotFound: there is none of this name.
        """
        ...

    def names(self, prefix: str = "", *, after: str = "") -> list[str]:
        """Return the names that begin with a prefix and stand behind `after`, in order of their characters."""
        ...

    def delete(self, name: str) -> None:
        """Remove a document; one that is not there is fine."""
        ...


def is_document_name(name: str) -> bool:
    """Tell whether a document may have this name."""
    return _NAME.fullmatch(name) is not None and _RESERVED.fullmatch(name) is None


def check_document_name(name: str) -> None:
    """Refuse what is not the name of a document, so that none leads out of the store or among the blobs.

    Raises:
        ValueError: it is not.
    """
    if not is_document_name(name):
        raise ValueError(f"not the name of a document: {name!r}")


class MemoryDocuments:
    """Documents in a dictionary; gone with the process."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Make a document unless the name is taken."""
        check_document_name(name)
        with self._lock:
            return self._documents.setdefault(name, data) is data

    def read(self, name: str) -> bytes:
        """Return a document."""
        check_document_name(name)
        try:
            return self._documents[name]
        except KeyError:
            raise BlobNotFound(f"no document {name} in memory") from None

    def names(self, prefix: str = "", *, after: str = "") -> list[str]:
        """Return the names that begin with a prefix and stand behind `after`, in order."""
        with self._lock:
            return sorted(name for name in self._documents if name.startswith(prefix) and name > after)

    def delete(self, name: str) -> None:
        """Remove a document if it is there."""
        check_document_name(name)
        with self._lock:
            self._documents.pop(name, None)


class FilesystemDocuments:
    """Documents as files below a folder; nothing is made before the first one is."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Write, fsync and link a file unless the name is taken, and fsync the folders that are new."""
        path = self._path(name)
        staged = self._root / "staging" / secrets.token_hex(16)
        with translated(f"create {name}"):
            make_folder(staged.parent)
            make_folder(path.parent)
            try:
                _write(staged, data)
                try:
                    os.link(staged, path)
                except FileExistsError:
                    return False
            finally:
                staged.unlink(missing_ok=True)
            fsync_folder(path.parent)
        return True

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with translated(f"read {name}", missing=BlobNotFound):
            return self._path(name).read_bytes()

    def names(self, prefix: str = "", *, after: str = "") -> list[str]:
        """Return the names that begin with a prefix, in order; only folders that can hold such are looked into."""
        folder = prefix.rpartition("/")[0]
        if folder:
            check_document_name(folder)
        with translated(f"list {prefix}"):
            return sorted(name for name in self._below(folder, prefix) if name.startswith(prefix) and name > after)

    def delete(self, name: str) -> None:
        """Remove a file if it is there, and its folder if that is empty then."""
        path = self._path(name)
        with translated(f"delete {name}"):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def _path(self, name: str) -> Path:
        check_document_name(name)
        return self._root / name

    def _below(self, folder: str, prefix: str) -> Iterator[str]:
        """Yield the names below a folder, leaving out folders in which none begins with the prefix."""
        try:
            entries = list(os.scandir(self._root / folder))
        except FileNotFoundError:
            return
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if not is_document_name(name) or not f"{name}/".startswith(prefix[: len(name) + 1]):
                continue
            if entry.is_dir():
                yield from self._below(name, prefix)
            else:
                yield name


def _write(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
