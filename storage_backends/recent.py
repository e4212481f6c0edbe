"""Plain bytes of blobs that came or were read a moment ago, in memory that all processes of a node share.

What has just come is often sent on at once, or looked at; whoever reads one frame often reads the next one, or it
again, and a study that one asked for is often asked for by another: what is here need not be read, decoded and hashed
again. The memory is anonymous, made before the workers are forked, and claimed at once: of 512 kB written where nothing
was before, 0.3 ms go into new pages, and 0.03 ms into the copy.

    words 0 to 3  bytes reserved, entries published, parts found, and parts kept that had come, since the start
    entries       SHA-256 of the blob | which part | where its bytes begin, counted since the start | how many
    ring          the bytes; what is written last takes the place of what is oldest

Invariants: bytes and entries are written by one process at a time, under a lock that the kernel takes back from one
that is killed; an entry is published after its bytes. A reader copies without the lock, and looks afterwards, under
it, whether the entry still stood: else the copy is thrown away.
"""

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from storage_backends.content import Plain

MOST_BYTES: Final = 8 << 20
"""Anything larger is not kept."""

_WHOLE: Final = 2**64 - 1
_BYTES_AN_ENTRY: Final = 16 << 10
"""So many entries are there that the ring is full before they are, unless values are smaller on average."""

_words: Final = struct.Struct("<QQQQ")
_entry: Final = struct.Struct("<40sQQ")
_NOTHING: Final = bytes(_entry.size)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a blob: those from an offset on, or, if `checked`, all of them, found to have its digest."""

    digest: str
    offset: int = 0
    checked: bool = False

    @property
    def key(self) -> bytes:
        """The name of it in the memory."""
        return bytes.fromhex(self.digest) + (_WHOLE if self.checked else self.offset).to_bytes(8, "little")


class _Entry(NamedTuple):
    key: bytes
    position: int
    size: int


class _Words(NamedTuple):
    reserved: int
    published: int
    found: int
    came: int


class Counts(NamedTuple):
    """How often parts were found since the start, and how often one was kept because it had to be read."""

    found: int
    kept: int


class Recent:
    """Up to so many bytes; none if that is 0. For any number of threads, and of processes forked after it was made."""

    def __init__(self, most_bytes: int) -> None:
        self._capacity = most_bytes
        self._slots = max(1, most_bytes // _BYTES_AN_ENTRY)
        self._ring_at = _words.size + self._slots * _entry.size
        claimed = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        self._mapping = mmap.mmap(-1, self._ring_at + most_bytes, flags=claimed)
        self._memory = memoryview(self._mapping)
        self._octets = np.frombuffer(self._memory, np.uint8)
        self._lock_fd = os.memfd_create("recent")
        self._lock = threading.Lock()
        self._seen = 0
        self._known: dict[bytes, int] = {}
        """The number of the entry of each key, counted since the start."""

    def close(self) -> None:
        """Give the memory back, as far as this process holds it; nothing may use it any more."""
        del self._octets
        self._memory.release()
        self._mapping.close()
        os.close(self._lock_fd)

    def get(self, part: Part, size: int) -> bytes | None:
        """Return the bytes of a part if so many of them are here."""
        key = part.key
        with self._locked():
            found = self._find(key)
        if found is None or found.size != size:
            return None
        at = self._place(found)
        plain = bytes(self._memory[at : at + size])
        with self._locked():
            if self._find(key) != found:
                return None
            words = self._words()
            self._note(words._replace(found=words.found + 1))
        return plain

    def put(self, part: Part, plain: Plain, *, came: bool = False) -> None:
        """Keep the bytes of a part that was read, or that `came`, in the place of those that are here for longest."""
        key, size = part.key, len(plain)
        if not 0 < size <= min(MOST_BYTES, self._capacity):
            return
        with self._locked():
            if self._find(key) is not None:
                return
            words = self._words()
            room = self._capacity - words.reserved % self._capacity
            entry = _Entry(key, words.reserved if size <= room else words.reserved + room, size)
            words = words._replace(reserved=entry.position + size)
            self._note(words)
            at = self._place(entry)
            np.copyto(self._octets[at : at + size], np.frombuffer(plain, np.uint8))  # lets other threads run
            _entry.pack_into(self._memory, self._slot(words.published), *entry)
            self._note(words._replace(published=words.published + 1, came=words.came + came))

    def counts(self) -> Counts:
        """Return what all processes have found and kept."""
        with self._locked():
            words = self._words()
        return Counts(words.found, words.published - words.came)

    def forget(self, digest: str) -> None:
        """Overwrite whatever is here of a blob, for all processes."""
        wanted = bytes.fromhex(digest)
        with self._locked():
            self._catch_up()
            for key in [key for key in self._known if key.startswith(wanted)]:
                entry = self._find(key)
                if entry is not None:
                    at, slot = self._place(entry), self._slot(self._known.pop(key))
                    self._memory[at : at + entry.size] = bytes(entry.size)
                    self._memory[slot : slot + _entry.size] = _NOTHING

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._lock_fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._lock_fd, fcntl.LOCK_UN)

    def _find(self, key: bytes) -> _Entry | None:
        """Return the entry of a key if its bytes are still there."""
        self._catch_up()
        number = self._known.get(key)
        if number is None:
            return None
        entry = _Entry(*_entry.unpack_from(self._memory, self._slot(number)))
        if entry.key == key and entry.position + self._capacity >= self._words().reserved:
            return entry
        del self._known[key]
        return None

    def _catch_up(self) -> None:
        """Learn what was published since the last time."""
        published = self._words().published
        for number in range(max(self._seen, published - self._slots), published):
            entry = _Entry(*_entry.unpack_from(self._memory, self._slot(number)))
            self._known[entry.key] = number
        self._seen = published
        if len(self._known) > 2 * self._slots:
            self._known = {key: number for key, number in self._known.items() if number >= published - self._slots}

    def _words(self) -> _Words:
        return _Words(*_words.unpack_from(self._memory))

    def _note(self, words: _Words) -> None:
        _words.pack_into(self._memory, 0, *words)

    def _slot(self, number: int) -> int:
        return _words.size + number % self._slots * _entry.size

    def _place(self, entry: _Entry) -> int:
        return self._ring_at + entry.position % self._capacity
