"""Where a data set lies while it arrives: in memory up to 8 MiB, beyond that in a spool file.

Memory in flight is bounded: when the budget of the process is used up, data sets go to a spool file
from their first byte. So is what lies in spool files: by what may be in flight, and by the disk they lie on.
Spool files have no name, so a crash leaves none behind.
"""

import os
import shutil
import tempfile
import threading
from pathlib import Path

from storage_backends import Content, FileContent, MemoryContent
from vna.archive.in_flight import InFlight
from vna.archive.room import Watermark
from vna.archive.translation import storage_errors

MEMORY_LIMIT_BYTES = 8 * 2**20
_BUFFER_BYTES = 2**20
_SPARE_BUFFERS = 16
_CLAIM_BYTES = 2**20
_NO_WATERMARK = Watermark()


class Spool:
    """The place for arriving data sets of one node.

    Buffers of up to 1 MiB are used again: fresh memory costs more, page by page, than the copy into it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        budget_bytes: int = 64 * 2**20,
        in_flight: InFlight | None = None,
        watermark: Watermark = _NO_WATERMARK,
    ) -> None:
        """Use a folder, made when missing; without `in_flight`, data sets may be as large and as many as they like."""
        self.folder, self._budget = folder, budget_bytes
        self._counted, self._watermark = in_flight, watermark
        self._lock = threading.Lock()
        self._in_flight = 0
        self._spare: list[bytearray] = []
        folder.mkdir(parents=True, exist_ok=True)

    def incoming(self, source: str | None = None) -> "Incoming":
        """Start to receive one data set; what comes from a `source` counts as in flight."""
        return Incoming(self, source)

    def claim(self, source: str | None, size: int, *, on_file: bool) -> None:
        """Let a data set have `size` bytes more.

        Raises:
            OutOfResources: too much is in flight, or the disk is nearly full.
        """
        if on_file:
            with storage_errors():
                disk = shutil.disk_usage(self.folder)
            self._watermark.check("spool", free=disk.free - size, total=disk.total)
        if self._counted is not None and source is not None:
            self._counted.take(source, size)

    def unclaim(self, source: str | None, size: int) -> None:
        """Take back what a data set had."""
        if self._counted is not None and source is not None:
            self._counted.give_back(source, size)

    def buffer(self, size: int) -> bytearray | None:
        """Return memory of at least `size` bytes out of the budget, or None when that is used up."""
        with self._lock:
            if size <= _BUFFER_BYTES and self._spare:
                return self._spare.pop()
            size = max(size, _BUFFER_BYTES)
            if self._in_flight + size > self._budget:
                return None
            self._in_flight += size
        return bytearray(size)

    def give_back(self, buffer: bytearray) -> None:
        """Take memory back, to be used again or forgotten."""
        with self._lock:
            if len(buffer) == _BUFFER_BYTES and len(self._spare) < _SPARE_BUFFERS:
                self._spare.append(buffer)
            else:
                self._in_flight -= len(buffer)

    def open_file(self) -> int:
        """Return the descriptor of a new nameless file."""
        with storage_errors():
            fd, name = tempfile.mkstemp(dir=self.folder)
            Path(name).unlink()
            return fd


class Incoming:
    """One data set on its way in; `write` as it comes, then `finish`, and `discard` in every case."""

    def __init__(self, spool: Spool, source: str | None = None) -> None:
        self._spool, self._source = spool, source
        self._claimed = 0
        self._memory: bytearray | None = None
        self._fd: int | None = None
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that have come so far."""
        return self._size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes; they are copied or on file when this returns.

        Raises:
            OutOfResources: the spool folder is nearly full, or too much is in flight.
        """
        end = self._size + len(data)
        if end > self._claimed:
            self._claim(end)
        memory = self._room_for(end) if self._fd is None else None
        if memory is not None:
            memory[self._size : end] = data
        else:
            with storage_errors():
                _write_all(self._to_file(), data)
        self._size = end

    def finish(self) -> Content:
        """Return what came; valid until `discard`."""
        if self._fd is not None:
            return FileContent(self._fd, self._size)
        return MemoryContent(memoryview(self._memory or b"")[: self._size])

    def discard(self) -> None:
        """Give memory and file back; may be called more than once."""
        self._drop_memory()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._spool.unclaim(self._source, self._claimed)
        self._claimed = 0

    def _claim(self, end: int) -> None:
        more = -(-(end - self._claimed) // _CLAIM_BYTES) * _CLAIM_BYTES
        self._spool.claim(self._source, more, on_file=self._fd is not None or end > MEMORY_LIMIT_BYTES)
        self._claimed += more

    def _room_for(self, size: int) -> bytearray | None:
        """Return memory that holds what came so far and has room up to `size`, None if it should be a file."""
        if self._memory is not None and size <= len(self._memory):
            return self._memory
        if size > MEMORY_LIMIT_BYTES:
            return None
        larger = self._spool.buffer(size if self._memory is None else max(size, 2 * len(self._memory)))
        if larger is not None and self._memory is not None:
            larger[: self._size] = memoryview(self._memory)[: self._size]
            self._drop_memory()
        self._memory = larger or self._memory
        return larger

    def _to_file(self) -> int:
        if self._fd is None:
            self._fd = self._spool.open_file()
            _write_all(self._fd, memoryview(self._memory or b"")[: self._size])
            self._drop_memory()
        return self._fd

    def _drop_memory(self) -> None:
        if self._memory is not None:
            self._spool.give_back(self._memory)
            self._memory = None


def _write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
