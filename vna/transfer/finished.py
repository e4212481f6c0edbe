"""What earlier imports are done with, so that the next one passes over it.

A file of blocks, each appended by one write when its units are durably stored:

    | "VNAF" | count 4 | journal position 8 | chain hash there 32 | count x fingerprint 16 |   little endian

Position and hash say which history of the archive the block belongs to. When the archive does not know them
(its index was put back from a backup, or is another one), the block and all behind it are cut off: what was
stored then may be gone. The file only saves time. It may be deleted, also while nothing runs.

Fingerprints (`units.fingerprint`) are held sorted, 16 bytes each: ten million take 160 MB.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vna.archive import JournalMark

_HEAD: Final = Struct("<4sIQ32s")
_MAGIC: Final = b"VNAF"
_FINGERPRINT: Final = np.dtype([("first", "<u8"), ("second", "<u8")])
_TOGETHER: Final = 256

KnowsMark = Callable[[JournalMark], bool]


class FinishedUnits:
    """The units that are done with; of one process, but several imports may share the file."""

    def __init__(self, file: Path, knows: KnowsMark, mark: Callable[[], JournalMark]) -> None:
        """Read the file, if there is one, and cut off what does not belong to the archive's history.

        Args:
            knows: whether the archive's journal has this hash at this position.
            mark: returns where the journal stands.
        """
        self._file, self._mark = file, mark
        self._new: list[bytes] = []
        with self._locked() as fd:
            data = os.pread(fd, os.fstat(fd).st_size, 0)
            end, blocks = _valid(data, knows)
            os.ftruncate(fd, end)
        self._known = _sorted(blocks)

    def holds(self, fingerprint: bytes) -> bool:
        """Return whether an earlier import is done with this unit."""
        wanted = np.frombuffer(fingerprint, _FINGERPRINT)[0]
        at = int(np.searchsorted(self._known["first"], wanted["first"]))
        while at < len(self._known) and self._known[at]["first"] == wanted["first"]:
            if self._known[at]["second"] == wanted["second"]:
                return True
            at += 1
        return False

    def add(self, fingerprint: bytes) -> None:
        """Note a unit that is done with; on file after `flush`, or with many others."""
        self._new.append(fingerprint)
        if len(self._new) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Append what is new to the file."""
        if not self._new:
            return
        mark = self._mark()
        block = _HEAD.pack(_MAGIC, len(self._new), mark.position, mark.chain_hash) + b"".join(self._new)
        with self._locked() as fd:
            os.pwrite(fd, block, os.fstat(fd).st_size)
        self._new = []

    @contextmanager
    def _locked(self) -> Iterator[int]:
        fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)


def _valid(data: bytes, knows: KnowsMark) -> tuple[int, list[bytes]]:
    """Return where the valid part of the file ends, and its fingerprints block by block."""
    blocks: list[tuple[JournalMark, bytes, int]] = []
    at = 0
    while at + _HEAD.size <= len(data):
        magic, count, position, chain_hash = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + count * _FINGERPRINT.itemsize
        if magic != _MAGIC or end > len(data):
            break
        blocks.append((JournalMark(position, chain_hash), data[at + _HEAD.size : end], end))
        at = end
    while blocks and not knows(blocks[-1][0]):
        blocks.pop()
    return (blocks[-1][2] if blocks else 0), [fingerprints for _, fingerprints, _ in blocks]


def _sorted(blocks: list[bytes]) -> NDArray[Any]:
    known = np.frombuffer(b"".join(blocks), _FINGERPRINT)
    return known[np.argsort(known["first"], kind="stable")]
