"""Looking into ZIP and TAR files: what they hold, and reading one member as it is stored. Nothing is unpacked to disk.

What a file is, its first bytes decide, not its name: a Part 10 file is one whatever stands in its
preamble (PS3.10 7.1 lets it be the start of another format).
"""

import bz2
import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

from vna.dicom.part10 import PREAMBLE_LENGTH, PREFIX
from vna.transfer.units import Fate, Kind, TarMember, TarStream, Unit, Verdict, WholeFile, ZipMember

START_BYTES: Final = 512
"""So many bytes of a file tell what it is."""

BROKEN: Final = (
    *(EOFError, OSError, NotImplementedError, RuntimeError, ValueError),
    *(IndexError, struct.error),  # of `zipfile`, for names and extra fields that are too short
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
)
"""What reading a broken container may raise."""

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_TAR_MAGIC: Final = slice(257, 262)
_ENCRYPTED: Final = 0x1
_LONGEST_READ: Final = 2**20


_COMPRESSED: Final = {b"\x1f\x8b\x08": Kind.GZIP, b"BZh": Kind.BZIP2, b"\xfd7zXZ\0": Kind.XZ}
_EXPANDERS: Final[dict[Kind, Callable[[IO[bytes]], Any]]] = {
    Kind.GZIP: gzip.open,
    Kind.BZIP2: bz2.open,
    Kind.XZ: lzma.open,
}


def kind_of(start: bytes) -> Kind:
    """Tell what a file is from its first `START_BYTES`."""
    if start[PREAMBLE_LENGTH : PREAMBLE_LENGTH + len(PREFIX)] == PREFIX:
        return Kind.OTHER
    if start.startswith(_ZIP):
        return Kind.ZIP
    if start[_TAR_MAGIC] == b"ustar":
        return Kind.TAR
    return next((kind for magic, kind in _COMPRESSED.items() if start.startswith(magic)), Kind.OTHER)


def units_in(file: WholeFile, kind: Kind) -> Iterator[Unit | Verdict]:
    """Yield what a file stands for: itself, or what it holds when it is a container.

    A container that breaks off yields what lies before, then a failure.
    """
    try:
        if kind is Kind.ZIP:
            yield from _zip_members(file)
        elif kind is Kind.TAR:
            yield from _tar_members(file)
        elif kind is Kind.OTHER:
            yield file
        else:
            yield _compressed(file, kind)
    except BROKEN as exc:
        yield Verdict(file.label, Fate.DAMAGED, f"the {kind.value} file is damaged: {why(exc)}")


def expand(raw: IO[bytes], kind: Kind) -> IO[bytes]:
    """Return a stream of what a compressed one expands to."""
    return cast(IO[bytes], _EXPANDERS[kind](raw))


def why(exc: BaseException) -> str:
    """Return what an exception of a container says, in a few words."""
    text = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return text or type(exc).__name__


def _zip_members(file: WholeFile) -> Iterator[ZipMember | Verdict]:
    with zipfile.ZipFile(file.path) as opened:
        for number, info in enumerate(opened.infolist()):
            if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
                continue
            member = ZipMember(file.path, info.compress_size, file.modified_ns, number, info.filename)
            if info.flag_bits & _ENCRYPTED:
                yield Verdict(member.label, Fate.FAILED, "encrypted: unpack it with its password first", member.size)
            else:
                yield member


def _tar_members(file: WholeFile) -> Iterator[TarMember | Verdict]:
    with Path(file.path).open("rb") as raw:
        for info, _ in tar_files(raw):
            label = f"{file.path}:{info.name}"
            if info.issparse():
                yield sparse(label)
            elif info.offset_data + info.size > file.size:
                raise EOFError(f"it ends within {info.name}")
            else:
                yield TarMember(file.path, info.size, file.modified_ns, info.offset_data, info.name)


def sparse(label: str) -> Verdict:
    """Return the verdict on a sparse file of a TAR, whose bytes do not lie in one piece."""
    return Verdict(label, Fate.FAILED, "a sparse file: unpack the TAR first")


def tar_files(raw: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the regular files of a TAR, each with the stream at its first byte, of which `info.size` may be read.

    Raises:
        tarfile.TarError, EOFError, OSError: the TAR is damaged; `tarfile` alone takes a broken header for the end.
    """
    watched = _Watched(raw)
    with tarfile.open(fileobj=cast(IO[bytes], watched), mode="r:") as opened:
        while (info := opened.next()) is not None:
            cast(Any, opened).members.clear()  # it remembers all it has seen, however many there are
            if info.isreg():
                watched.seek(info.offset_data)
                yield info, cast(IO[bytes], watched)
        if watched.last.strip(b"\0"):
            raise tarfile.ReadError("a header in it is broken")


class _Watched:
    """A stream that remembers what was read last, and refuses a header of a size that no file name needs."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.last = b""

    def read(self, size: int) -> bytes:
        if size > _LONGEST_READ:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = self._raw.read(size)
        return self.last

    def readinto(self, room: memoryview) -> int:
        return int(cast(Any, self._raw).readinto(room))

    def seek(self, offset: int) -> int:
        return self._raw.seek(offset)

    def tell(self) -> int:
        return self._raw.tell()


def _compressed(file: WholeFile, kind: Kind) -> TarStream | Verdict:
    """Return what a compressed file is, by the first bytes that it expands to."""
    with Path(file.path).open("rb") as raw, expand(raw, kind) as expanded:
        start = expanded.read(START_BYTES)
    if kind_of(start) is Kind.TAR:
        return TarStream(file.path, file.size, file.modified_ns, kind)
    if may_be_data_set(start):
        reason = f"a {kind.value} file of something that begins like a data set: unpack it first"
        return Verdict(file.label, Fate.FAILED, reason, file.size)
    return Verdict(file.label, Fate.NOT_DICOM, f"a {kind.value} file with no TAR in it", file.size)


def may_be_data_set(start: bytes) -> bool:
    """Return whether something with these first bytes may be a DICOM file, with its head or without."""
    is_part10 = start[PREAMBLE_LENGTH:].startswith(PREFIX)
    return is_part10 or start.startswith((b"\2\0", b"\x08\0", b"\0\x08"))


def start_of(path: str) -> bytes:
    """Return the first bytes of a file.

    Raises:
        OSError: it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, START_BYTES)
    finally:
        os.close(fd)
