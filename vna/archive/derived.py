"""Derived documents: what was made out of instances once and is kept ready, in a folder of its own.

All of it may be lost at any time without harm: who asks for a document says how it is made. A name says all that the
document follows from, so an outdated one is never found again; it lies unused until its place is needed. The worker
processes of a node share the folder.

    <name>      SHA-256 of what follows, 32 bytes | the document

What was used last stays longest: the time of a file is that of its last use, to the hour.
"""

import hashlib
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

_DIGEST_BYTES: Final = 32
_FRESH_S: Final = 3600
_SHARE: Final = 8
"""No document may take up more than this part of the folder."""
_CLEARED_TO: Final = 0.9


def document_name(parts: Iterable[object]) -> str:
    """Return the name of the document that follows from these values: versions, and the form it is in."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


class Derived:
    """Keeps documents up to `max_bytes` in all. Safe to use from any number of threads and processes."""

    def __init__(self, folder: Path, max_bytes: int, *, has_room: Callable[[], bool] = lambda: True) -> None:
        """Use a folder, made when something is first kept; nothing is kept while there is no room, or for 0 bytes."""
        self._folder, self._max_bytes, self._has_room = folder, max_bytes, has_room
        self._lock = threading.Lock()
        self._unseen = max_bytes

    def document(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a document, which is made if it is not there."""
        found = self._read(name)
        if found is not None:
            return found
        folder = self._open_folder()
        try:
            made = make()
            if folder is not None:
                self._keep(folder, name, made)
        finally:
            if folder is not None:
                os.close(folder)
        return made

    def clear(self) -> tuple[int, int]:
        """Delete all documents; return how many there were, and their bytes.

        One that is being made meanwhile, of what was there before, is not kept: its place is the folder that goes.
        """
        if not self._max_bytes:
            return 0, 0
        gone = self._folder.with_name(f".{self._folder.name}-{secrets.token_hex(8)}")
        try:
            self._folder.rename(gone)
        except FileNotFoundError:
            return 0, 0
        sizes = [size for _, size, _ in _files(gone)]
        while gone.exists():  # somebody may just have put one more in
            shutil.rmtree(gone, ignore_errors=True)
        return len(sizes), sum(sizes)

    def _read(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            content = path.read_bytes()
            if path.stat().st_mtime < time.time() - _FRESH_S:
                os.utime(path)
        except OSError:
            return None
        data = content[_DIGEST_BYTES:]
        return data if hashlib.sha256(data).digest() == content[:_DIGEST_BYTES] else None

    def _open_folder(self) -> int | None:
        if not self._max_bytes:
            return None
        try:
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            return os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            log.warning("derived documents not kept reason=%s", exc.strerror)
            return None

    def _keep(self, folder: int, name: str, data: bytes) -> None:
        size = len(data) + _DIGEST_BYTES
        if size > self._max_bytes // _SHARE or not self._has_room():
            return
        try:
            self._clear_for(size)
            staged = f".{secrets.token_hex(8)}"
            fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
            with os.fdopen(fd, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as exc:
            log.warning("derived document not kept reason=%s", exc.strerror)

    def _clear_for(self, size: int) -> None:
        """Make room where the folder may be full: other processes write to it too, so it is looked at now and then."""
        with self._lock:
            self._unseen += size
            if self._unseen <= self._max_bytes // _SHARE:
                return
            self._unseen = size
            _clear(self._folder, self._max_bytes - size)


def _clear(folder: Path, limit: int) -> None:
    """Delete what was not used longest until the folder is well below the limit, if it is above."""
    files = sorted(_files(folder))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return
    for _, size, path in files:
        if total <= limit * _CLEARED_TO:
            return
        path.unlink(missing_ok=True)
        total -= size


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield time of last use, size and path of each file; other processes delete some meanwhile."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            stat = path.stat()
            yield stat.st_mtime, stat.st_size, path
