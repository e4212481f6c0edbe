"""Reading what may be a data set: into memory or a spool file of our own, then told what it is.

What is stored is never read a second time from where it lies: a file that changes meanwhile, or a disc
that fails, would give a blob the name of other bytes. Something that does not begin like a data set is not
read to its end, so a compressed bomb of anything else does not expand.
"""

import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import FileIO
from typing import IO, Final

from storage_backends import Content
from vna.archive import Incoming
from vna.dicom.describe import is_uid
from vna.dicom.encoding import is_vr
from vna.dicom.part10 import find_data_set
from vna.errors import CannotUnderstand
from vna.media import MEDIA_STORAGE_DIRECTORY
from vna.transfer.containers import BROKEN, START_BYTES, kind_of, may_be_data_set, why
from vna.transfer.units import Kind, TarMember, WholeFile, ZipMember

PIECE_BYTES: Final = 2**20

_FIRST_OF_HEADLESS: Final = frozenset({0x0000, 0x0001, 0x0005, 0x0006, 0x0008, 0x0012, 0x0016, 0x0018})
"""Elements of group 0008 that data sets without File Meta begin with."""

_PACKED_OTHERWISE: Final = (
    *(".jar", ".war", ".apk", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub"),
    *(".nii.gz", ".mha.gz", ".json.gz", ".xml.gz", ".txt.gz", ".log.gz"),
)
_NAMED_AS_DICOM: Final = (".dcm", ".dic", ".dicom")
_MOST_EXPANDED: Final = 1000
_EXPANDED_FREELY: Final = 256 * 2**20


class NotDicom(Exception):
    """What was read is no DICOM; the message says what it is."""


class NotOpened(Exception):
    """What was read is packed, inside something that is packed: it may hold DICOM; the message says what it is."""


class IsDirectory(Exception):
    """What was read is a DICOMDIR."""


class CannotRead(Exception):
    """The bytes cannot be had; the message says why."""


Readable = WholeFile | ZipMember | TarMember


@dataclass(frozen=True, slots=True)
class Candidate:
    """A DICOM file: its data set, what stands before it, and what it says it is encoded in."""

    content: Content
    transfer_syntax: str
    head: bytes


class Reader:
    """Reads units, one at a time: each thread has its own."""

    def __init__(self, incoming: Callable[[], Incoming]) -> None:
        self._incoming = incoming
        self._piece = memoryview(bytearray(PIECE_BYTES))
        self._zip: zipfile.ZipFile | None = None

    def close(self) -> None:
        """Close what is open."""
        if self._zip is not None:
            self._zip.close()

    @contextmanager
    def open(self, unit: Readable) -> Iterator[Candidate]:
        """Read a unit; the candidate lives until the block ends.

        Raises:
            NotDicom: it is something else.
            NotOpened: it is an archive in another.
            IsDirectory: it is a DICOMDIR.
            CannotUnderstand: it is damaged.
            CannotRead: it cannot be read, or not by this program.
            OutOfResources: there is no room for it now.
        """
        incoming = self._incoming()
        try:
            with reading_errors(), closing(self._pieces(unit)) as pieces:
                read_into(incoming, pieces, unit.label)
            yield judge(incoming.finish())
        finally:
            incoming.discard()

    def _pieces(self, unit: Readable) -> Generator[memoryview]:
        match unit:
            case WholeFile():
                with FileIO(unit.path) as raw:
                    yield from pieces_of(raw, self._piece)
            case TarMember():
                with FileIO(unit.path) as raw:
                    raw.seek(unit.offset)
                    yield from pieces_of(raw, self._piece, size=unit.size)
            case ZipMember():
                opened = self._zip_file(unit.path)
                with opened.open(opened.infolist()[unit.number]) as member:
                    yield from limited(pieces_of(member, self._piece), unit.size)

    def _zip_file(self, path: str) -> zipfile.ZipFile:
        if self._zip is None or self._zip.filename != path:
            self.close()
            self._zip = zipfile.ZipFile(path)
        return self._zip


@contextmanager
def reading_errors() -> Iterator[None]:
    """Turn what reading files and containers raises inside the block into errors of ours.

    Raises:
        CannotRead: the system does not let us, or it is packed in a way we do not know.
        CannotUnderstand: what was read is broken.
    """
    try:
        yield
    except (OSError, NotImplementedError) as exc:
        raise CannotRead(f"cannot be read: {why(exc)}") from exc
    except BROKEN as exc:
        raise CannotUnderstand(f"what it is packed in is damaged: {why(exc)}") from exc


def pieces_of(stream: IO[bytes] | FileIO, room: memoryview, *, size: int | None = None) -> Iterator[memoryview]:
    """Yield a stream, or `size` bytes of it, in pieces; each lies in `room` until the next is asked for.

    Raises:
        EOFError: the stream ends before.
    """
    left = size
    while left is None or left > 0:
        got = stream.readinto(room if left is None else room[:left])  # type: ignore[union-attr]  # IO lacks it
        if not got:
            break
        left = None if left is None else left - got
        yield room[:got]
    if left:
        raise EOFError(f"it ends {left} bytes early")


def read_into(incoming: Incoming, pieces: Iterator[memoryview], label: str) -> None:
    """Copy something into memory or a spool file of ours, if its first piece begins like a data set.

    Raises:
        NotDicom: it does not.
        NotOpened: it begins like an archive.
        CannotUnderstand: it does not, although it is called a DICOM file.
    """
    first = next(pieces, memoryview(b""))
    reason = _why_not(first)
    if reason and (kind := kind_of(bytes(first[:START_BYTES]))) is not Kind.OTHER and not _is_named_otherwise(label):
        raise NotOpened(f"a {kind.value} file inside another: unpack the outer one first")
    if reason and label.lower().endswith(_NAMED_AS_DICOM):
        raise CannotUnderstand(f"called a DICOM file, but {reason}")
    if reason:
        raise NotDicom(reason)
    incoming.write(first)
    for piece in pieces:
        incoming.write(piece)


def judge(content: Content) -> Candidate:
    """Tell what has been read, by its head.

    Raises:
        NotDicom, IsDirectory, CannotUnderstand: as `Reader.open` says.
    """
    buffer = content.buffer()
    head = find_data_set(buffer)
    if head.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        raise IsDirectory
    if not is_uid(head.transfer_syntax):
        raise CannotUnderstand("the Transfer Syntax UID (0002,0010) is no UID")
    if head.length == 0 and not _begins_data_set(buffer):
        raise NotDicom("no head, and not the first element of a data set")
    data_set = content.part(head.length, content.size - head.length)
    return Candidate(data_set, head.transfer_syntax, bytes(buffer[: head.length]))


def limited(pieces: Iterator[memoryview], packed_bytes: int) -> Iterator[memoryview]:
    """Pass on what a compressed member expands to, as long as that is plausible.

    Raises:
        ValueError: it is a bomb: more than 256 MiB and a thousand times its size.
    """
    expanded = 0
    for piece in pieces:
        expanded += len(piece)
        if expanded > max(_EXPANDED_FREELY, _MOST_EXPANDED * packed_bytes):
            raise ValueError(f"it expands to more than {_MOST_EXPANDED} times its size")
        yield piece


def _why_not(start: memoryview) -> str:
    """Say why something with these first bytes is no data set, or nothing if it may be one."""
    head = bytes(start[:START_BYTES])
    if not head:
        return "it is empty"
    return "" if may_be_data_set(head) else "it does not begin like a data set"


def _is_named_otherwise(label: str) -> bool:
    """Return whether something packed is called what holds no DICOM files: programs, office documents, volumes."""
    return label.lower().endswith(_PACKED_OTHERWISE)


def _begins_data_set(buffer: memoryview) -> bool:
    """Return whether bytes without a head begin with one of the elements that such data sets begin with."""
    number = int.from_bytes(buffer[2:4], "little" if buffer[0] else "big")
    return number in _FIRST_OF_HEADLESS or is_vr(bytes(buffer[4:6]))
