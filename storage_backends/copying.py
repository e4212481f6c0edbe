"""A blob on its way between stores: its file as it is, to be checked before it is used, or its plain bytes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage_backends.backend import Backend
from storage_backends.content import Content, FileContent, MemoryContent, Plain
from storage_backends.posix import translated

IN_MEMORY_BYTES = 16 << 20
"""Longer files go through a temporary file."""

_STEP = 1 << 20


class TakenFile:
    """The bytes of one stored file, held apart from the store they come from; for one thread."""

    def __init__(self, held: "tempfile.SpooledTemporaryFile[bytes]", size: int) -> None:
        self._held, self._size = held, size

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`; there is one file, whatever its name."""
        with translated(f"read the copy of {name}"):
            self._held.seek(offset)
            return self._held.read(-1 if length is None else length)

    def size(self, name: str) -> int:
        """Return its size in bytes."""
        del name
        return self._size

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes in order."""
        for offset in range(0, self._size, _STEP):
            yield self.read("all", offset, _STEP)


@contextmanager
def taken(source: Backend, name: str, spool: Path | None) -> Iterator[TakenFile]:
    """Take the file of this name out of a store, for as long as the block lasts.

    Args:
        spool: folder of temporary files, the system's for None.

    Raises:
        BlobNotFound: the store does not have it.
        StoreUnavailable, NoSpace: the store cannot be read, or the spool not written.
    """
    size = source.size(name)
    folder = None if spool is None else str(spool)
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, dir=folder) as held:
        for offset in range(0, size, _STEP):
            piece = source.read(name, offset, _STEP)
            with translated(f"spool a copy of {name}"):
                held.write(piece)
        yield TakenFile(held, held.tell())


@contextmanager
def unpacked(pieces: Iterator[Plain], size: int, spool: Path | None) -> Iterator[Content]:
    """Hold the plain bytes of a blob, for as long as the block lasts.

    Args:
        pieces: all of them, `size` bytes, from a reader that checks them.
        spool: folder of temporary files, the system's for None.

    Raises:
        NoSpace, StoreUnavailable: the spool cannot be written; and what reading the pieces raises.
    """
    if size <= IN_MEMORY_BYTES:
        yield MemoryContent(b"".join(pieces))
        return
    folder = None if spool is None else str(spool)
    with tempfile.TemporaryFile(dir=folder) as held:
        for piece in pieces:
            with translated("spool a blob"):
                held.write(piece)
        with translated("spool a blob"):
            held.flush()
        yield FileContent(held.fileno(), size)
