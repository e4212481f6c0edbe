"""Where an export goes: a folder of files, or one ZIP. Both are proven by reading them back.

In a folder a file is written under a temporary name, made durable, read back from the disk and compared,
and only then gets its name: what has its name is whole. A name that is taken already by the same content is
left alone, so an export that was cut short is taken up again; one taken by an older or damaged file of the
same instance is written anew; any other file is never touched.

A ZIP is written under a temporary name too, read back as a whole, and begun anew after an interruption.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, Protocol

from storage_backends.posix import fsync_folder
from vna.dicom.supported import is_compressed
from vna.errors import CannotUnderstand, Damaged, OutOfResources, VnaError
from vna.transfer.dicomdir import DICOMDIR, ListedFile, listed_file, listed_paths
from vna.transfer.part10_files import Part10File, is_of_instance, verifies

Chunks = Iterator[bytes | memoryview]

_START_BYTES: Final = 2**20
_IN_MEMORY: Final = 8 * 2**20
_ZIP_LEVEL: Final = 1
_STEP: Final = 2**20


class InTheWay(VnaError):
    """A file that is not ours has the name of one to be exported."""


class Target(Protocol):
    """Takes exported files, from many threads. Paths have `/` between their components.

    What is given back of a file is its beginning, as far as a directory of media may need it.
    """

    def existing(self, path: str, file: Part10File) -> bytes | None:
        """Return the beginning of a file that is there already, whole; None if it is to be put.

        Raises:
            InTheWay: another file is there, which is not ours.
        """
        ...

    def put(self, path: str, file: Part10File, chunks: Chunks) -> bytes:
        """Write a file from the chunks of its data set.

        Raises:
            Damaged: it is not what is held.
            OutOfResources: it cannot be written.
        """
        ...

    def listed(self) -> list[str]:
        """Return the paths that a DICOMDIR lists that is there already: the new one is to list them too.

        Raises:
            InTheWay: it cannot be read, or is not that of an export.
        """
        ...

    def listed_file(self, path: str) -> ListedFile:
        """Return what is to be listed again of a path.

        Raises:
            OutOfResources: it cannot be read.
        """
        ...

    def put_directory(self, data: bytes) -> None:
        """Write the DICOMDIR.

        Raises:
            OutOfResources: it cannot be written.
        """
        ...

    def finish(self) -> list[str]:
        """Make everything durable, prove what is not proven yet; return the paths that are not what is held.

        Raises:
            OutOfResources: it cannot be made durable.
        """
        ...

    def abandon(self) -> None:
        """Leave things as they are, unfinished."""
        ...


class FolderTarget:
    """Files in a folder, which is made if it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._touched: set[Path] = set()

    def existing(self, path: str, file: Part10File) -> bytes | None:
        """Return the beginning of a file that is there already and verifies."""
        place = self._root / path
        try:
            with place.open("rb") as opened:
                if verifies(opened, place.stat().st_size, file):
                    opened.seek(0)
                    return opened.read(_START_BYTES)
                opened.seek(0)
                start = opened.read(_START_BYTES)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise InTheWay(f"{exc.strerror}") from exc
        if not is_of_instance(start, file.held):
            raise InTheWay("a file that is not of this instance is there")
        return None

    def put(self, path: str, file: Part10File, chunks: Chunks) -> bytes:
        """Write a file under a temporary name, read it back from the disk, and give it its name."""
        place = self._root / path
        staged = place.parent / f".{hashlib.sha256(place.name.encode()).hexdigest()[:24]}.part"
        try:
            self._make_folder(place.parent)
            start = _write(staged, file, chunks)
            staged.replace(place)
        except OSError as exc:
            raise OutOfResources(f"cannot be written: {exc.strerror}") from exc
        finally:
            with suppress(OSError):
                staged.unlink()
        return start

    def listed(self) -> list[str]:
        """Return the paths that the DICOMDIR of earlier exports lists."""
        try:
            return listed_paths(self._root)
        except (CannotUnderstand, OSError) as exc:
            raise InTheWay(f"{self._root / DICOMDIR} would be replaced: {_why(exc)}; choose another folder") from exc

    def listed_file(self, path: str) -> ListedFile:
        """Return what is to be listed again of a path."""
        try:
            return listed_file(self._root, path)
        except (CannotUnderstand, OSError) as exc:
            raise OutOfResources(f"{path}, which was there before, cannot be listed: {_why(exc)}") from exc

    def put_directory(self, data: bytes) -> None:
        """Write the DICOMDIR, in place of one that is there."""
        staged = self._root / ".DICOMDIR.part"
        try:
            self._make_folder(self._root)
            with staged.open("wb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            staged.replace(self._root / DICOMDIR)
        except OSError as exc:
            raise OutOfResources(f"the DICOMDIR cannot be written: {exc.strerror}") from exc

    def finish(self) -> list[str]:
        """Make the names durable; every file is proven already."""
        try:
            for folder in self._touched:
                fsync_folder(folder)
        except OSError as exc:
            raise OutOfResources(f"the folder cannot be made durable: {exc.strerror}") from exc
        return []

    def abandon(self) -> None:
        """Leave what is whole; nothing else has a name."""

    def _make_folder(self, folder: Path) -> None:
        with self._lock:
            if folder not in self._touched:
                folder.mkdir(parents=True, exist_ok=True)
                self._touched |= {folder, *(up for up in folder.parents if up.is_relative_to(self._root))}


class ZipTarget:
    """One ZIP file; its members are written one after the other, whole, and proven at the end.

    Raises:
        InTheWay: there is a file of that name.
        OutOfResources: it cannot be written.
    """

    def __init__(self, file: Path) -> None:
        if file.exists():
            raise InTheWay(f"{file} exists: remove it, or choose another name")
        self._file, self._staged = file, file.parent / f".{file.name}.part"
        self._lock = threading.Lock()
        self._members: dict[str, Part10File] = {}
        try:
            self._zip = zipfile.ZipFile(self._staged, "w", allowZip64=True)
        except OSError as exc:
            raise OutOfResources(f"{file} cannot be written: {exc.strerror}") from exc

    def existing(self, _path: str, _file: Part10File) -> bytes | None:
        """Return None: a ZIP is always begun anew."""
        return None

    def put(self, path: str, file: Part10File, chunks: Chunks) -> bytes:
        """Write a member once all of it is at hand: what breaks off in the middle cannot be taken out again."""
        info = _info(path, compressed=is_compressed(file.held.transfer_syntax))
        if file.size <= _IN_MEMORY:
            data = b"".join((file.head, *chunks))
            with self._writing(path, file):
                self._zip.writestr(info, data, compresslevel=_ZIP_LEVEL)
            return data[:_START_BYTES]
        with tempfile.TemporaryFile(dir=self._file.parent) as spooled:
            spooled.write(file.head)
            for chunk in chunks:
                spooled.write(chunk)
            spooled.seek(0)
            info.file_size = file.size
            with self._writing(path, file), self._zip.open(info, "w") as member:
                shutil.copyfileobj(spooled, member, _STEP)
            spooled.seek(0)
            return spooled.read(_START_BYTES)

    def listed(self) -> list[str]:
        """Return nothing: a ZIP is always begun anew."""
        return []

    def listed_file(self, path: str) -> ListedFile:
        """Refuse: nothing is there before."""
        raise OutOfResources(f"{path} is not there")

    def put_directory(self, data: bytes) -> None:
        """Write the DICOMDIR as the last member."""
        with self._lock:
            self._zip.writestr(_info("DICOMDIR", compressed=False), data)

    def finish(self) -> list[str]:
        """Close the ZIP, read all of it back, and give it its name if it is whole."""
        try:
            self._zip.close()
            with self._staged.open("rb") as opened:
                os.fsync(opened.fileno())
                _forget_cached(opened)
            wrong = [path for path, file in self._members.items() if not self._proven(path, file)]
            if not wrong:
                self._staged.replace(self._file)
                fsync_folder(self._file.parent)
        except (OSError, zipfile.BadZipFile) as exc:
            raise OutOfResources(f"{self._file} cannot be written: {exc}") from exc
        finally:
            self._staged.unlink(missing_ok=True)
        return wrong

    def abandon(self) -> None:
        """Remove what was begun."""
        self._zip.close()
        self._staged.unlink(missing_ok=True)

    @contextmanager
    def _writing(self, path: str, file: Part10File) -> Iterator[None]:
        try:
            with self._lock:
                yield
                self._members[path] = file
        except OSError as exc:
            raise OutOfResources(f"{self._file} cannot be written: {exc.strerror}") from exc

    def _proven(self, path: str, file: Part10File) -> bool:
        with zipfile.ZipFile(self._staged) as opened, opened.open(path) as member:
            return verifies(member, opened.getinfo(path).file_size, file)


def _why(exc: CannotUnderstand | OSError) -> str:
    return (exc.strerror or str(exc)) if isinstance(exc, OSError) else str(exc)


def _write(staged: Path, file: Part10File, chunks: Chunks) -> bytes:
    """Write a file durably and read it back, not from memory where the system lets us; return its beginning."""
    with staged.open("w+b") as opened:
        opened.write(file.head)
        for chunk in chunks:
            opened.write(chunk)
        opened.flush()
        os.fsync(opened.fileno())
        _forget_cached(opened)
        size = opened.seek(0, os.SEEK_END)
        opened.seek(0)
        if not verifies(opened, size, file):
            raise Damaged("what was written does not read back as what is held")
        opened.seek(0)
        return opened.read(_START_BYTES)


def _info(path: str, *, compressed: bool) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, time.localtime()[:6])
    info.compress_type = zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED
    info.external_attr = 0o100640 << 16
    return info


def _forget_cached(opened: IO[bytes]) -> None:
    """Ask the system to read this file from the disk next time."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
