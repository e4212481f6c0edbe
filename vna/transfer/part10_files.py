"""The files an export writes: head and data set of one version, and the proof that they are what is held.

A file that came with a head gets that head again, so it is the same file bit for bit. What came without
gets our own File Meta (PS3.10 7.1), the same each time. The proof is the instance digest
(`vna.archive.digests`) of what was read back.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

from vna.archive import Archive, HeldInstance
from vna.archive.digests import start_digest
from vna.dicom.part10 import OURS, find_data_set, write_part10_head
from vna.errors import CannotUnderstand

_STEP: Final = 2**20
_LONGEST_HEAD: Final = 2**20


@dataclass(frozen=True, slots=True)
class Part10File:
    """A version of an instance as a file: `head`, then its data set; `came_so` says that it came with that head."""

    held: HeldInstance
    head: bytes
    came_so: bool

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.head) + self.held.size


def part10_file(archive: Archive, held: HeldInstance) -> Part10File:
    """Return a version as the file it is exported as.

    Raises:
        Damaged: the index has lost how it is kept.
    """
    came_with = archive.part10_head(held)
    if came_with:
        return Part10File(held, came_with, came_so=True)
    return Part10File(held, _own_head(held), came_so=False)


def verifies(stream: IO[bytes], size: int, file: Part10File) -> bool:
    """Return whether a stream of so many bytes holds a file: its head, and a data set that gives its digest.

    Of a head that is our own, as much is asked as a release later than the file's would still write.
    """
    length = size - file.held.size
    if not 0 <= length <= _LONGEST_HEAD:
        return False
    head = stream.read(length)
    if file.came_so and head != file.head:
        return False
    if not file.came_so and not _says_the_same(head, file):
        return False
    digest = start_digest(file.held.transfer_syntax)
    for piece in _pieces(stream):
        digest.update(piece)
    return digest.hexdigest() == file.held.digest


def is_of_instance(start: bytes, held: HeldInstance) -> bool:
    """Return whether a file that begins so says it is this instance, whatever its content."""
    with suppress(CannotUnderstand):
        return find_data_set(start).sop_instance_uid == held.key.instance
    return False


def _own_head(held: HeldInstance) -> bytes:
    return write_part10_head(held.sop_class_uid, held.key.instance, held.transfer_syntax, OURS)


def _says_the_same(head: bytes, file: Part10File) -> bool:
    try:
        found = find_data_set(head + b"\x08\0\0\0UL\0\0")
    except CannotUnderstand:
        return False
    held = file.held
    said = (found.length, found.transfer_syntax, found.sop_class_uid, found.sop_instance_uid)
    return said == (len(head), held.transfer_syntax, held.sop_class_uid, held.key.instance)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_STEP):
        yield piece
