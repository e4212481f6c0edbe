"""Where a data set lies while it arrives: in memory up to 8 MiB, beyond that in a spool file.

Memory in flight is bounded for the whole node: when the budget is used up, data sets go to a spool
file from their first byte. Spool files have no name, so a crash leaves none behind.
"""

import os
import tempfile
import threading
from pathlib import Path

from storage_backends import Content, FileContent, MemoryContent
from vna.archive.translation import storage_errors

MEMORY_LIMIT_BYTES = 8 * 2**20
_FLIGHT_LIMIT_BYTES = 192 * 2**20


class Spool:
    """The place for arriving data sets of one node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._in_flight = 0
        folder.mkdir(parents=True, exist_ok=True)

    def incoming(self) -> "Incoming":
        """Start to receive one data set."""
        return Incoming(self)

    def reserve(self, size: int) -> bool:
        """Take `size` bytes of the memory budget, if they are there."""
        with self._lock:
            if self._in_flight + size > _FLIGHT_LIMIT_BYTES:
                return False
            self._in_flight += size
            return True

    def release(self, size: int) -> None:
        """Give bytes back to the memory budget."""
        with self._lock:
            self._in_flight -= size

    def open_file(self) -> int:
        """Return the descriptor of a new nameless file."""
        with storage_errors():
            fd, name = tempfile.mkstemp(dir=self._folder)
            Path(name).unlink()
            return fd


class Incoming:
    """One data set on its way in; `write` as it comes, then `finish`, and `discard` in every case."""

    _STEP = 2**20

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._memory = bytearray()
        self._reserved = 0
        self._fd: int | None = None
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return self._size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes; they are copied or on file when this returns.

        Raises:
            OutOfResources: the spool folder is full.
        """
        self._size += len(data)
        if self._fd is None and self._fits():
            self._memory += data
            return
        with storage_errors():
            _write_all(self._to_file(), data)

    def finish(self) -> Content:
        """Return what came; valid until `discard`."""
        if self._fd is None:
            return MemoryContent(self._memory)
        return FileContent(self._fd, self._size)

    def discard(self) -> None:
        """Give memory and file back; may be called more than once."""
        self._memory = bytearray()
        self._spool.release(self._reserved)
        self._reserved = 0
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _fits(self) -> bool:
        if self._size <= self._reserved:
            return True
        if self._size > MEMORY_LIMIT_BYTES:
            return False
        step = max(self._STEP, self._size - self._reserved)
        if not self._spool.reserve(step):
            return False
        self._reserved += step
        return True

    def _to_file(self) -> int:
        if self._fd is None:
            self._fd = self._spool.open_file()
            _write_all(self._fd, self._memory)
            self._memory = bytearray()
            self._spool.release(self._reserved)
            self._reserved = 0
        return self._fd


def _write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
