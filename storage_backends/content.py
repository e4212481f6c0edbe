"""Bytes to be stored: something of known size that can be read at any place, more than once.

A received data set is either wholly in memory or in a spool file; both look the same to the codec
and to the hash. Reading never copies what is in memory.
"""

import mmap
import os
from typing import Protocol, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Bytes that can be written or hashed without copying them."""

Plain: TypeAlias = bytes | memoryview
"""Bytes handed out for good: nobody writes to them any more."""


class Content(Protocol):
    """A readable range of bytes; safe to read from several threads at once."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read(self, offset: int, length: int) -> memoryview:
        """Return exactly `length` bytes from `offset`; the range must lie inside the content."""
        ...

    def part(self, offset: int, length: int) -> "Content":
        """Return a window onto `length` bytes from `offset`, without reading them."""
        ...

    def buffer(self) -> memoryview:
        """Return the whole as one buffer; of a file, a mapping that is read where it is touched."""
        ...


class MemoryContent:
    """Content that lies in memory; `read` returns views of it."""

    def __init__(self, data: Buffer) -> None:
        self._view = memoryview(data).cast("B").toreadonly()

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._view.nbytes

    def read(self, offset: int, length: int) -> memoryview:
        """Return a view of `length` bytes from `offset`."""
        _check_range(offset, length, self.size)
        return self._view[offset : offset + length]

    def part(self, offset: int, length: int) -> "MemoryContent":
        """Return a window onto a range."""
        return MemoryContent(self.read(offset, length))

    def buffer(self) -> memoryview:
        """Return the view itself."""
        return self._view


class FileContent:
    """Content that lies in an open file, which the caller keeps open; read with `pread`."""

    def __init__(self, fd: int, size: int, start: int = 0) -> None:
        self._fd, self._size, self._start = fd, size, start

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read(self, offset: int, length: int) -> memoryview:
        """Return `length` bytes from `offset`, read from the file.

        Raises:
            EOFError: the file is shorter than promised.
        """
        _check_range(offset, length, self._size)
        data = os.pread(self._fd, length, self._start + offset)
        if len(data) != length:
            data = _read_on(self._fd, data, length, self._start + offset)
        return memoryview(data)

    def part(self, offset: int, length: int) -> "FileContent":
        """Return a window onto a range."""
        _check_range(offset, length, self._size)
        return FileContent(self._fd, length, self._start + offset)

    def buffer(self) -> memoryview:
        """Return a mapping of the file, unmapped when the last view of it is gone."""
        if self._size == 0:
            return memoryview(b"")
        mapped = mmap.mmap(self._fd, self._start + self._size, access=mmap.ACCESS_READ)
        return memoryview(mapped)[self._start :]


def _check_range(offset: int, length: int, size: int) -> None:
    if offset < 0 or length < 0 or offset + length > size:
        raise ValueError(f"range {offset}+{length} lies outside content of {size} bytes")


def _read_on(fd: int, head: bytes, length: int, offset: int) -> bytes:
    """Finish a short `pread`: Linux returns at most 2 GiB - 4 KiB at a time."""
    parts = [head]
    got = len(head)
    while got < length:
        data = os.pread(fd, length - got, offset + got)
        if not data:
            raise EOFError(f"file ends {length - got} bytes early")
        parts.append(data)
        got += len(data)
    return b"".join(parts)
