"""A disk that loses its power: of a folder, what was synced is there afterwards, and nothing else.

While a `Disk` is watched, every fsync of this process is noted: those that Python makes and, as SQLite makes its own,
those that go through its VFS (https://sqlite.org/vfs.html). Fsync of a file keeps the bytes it has then; fsync of a
folder keeps the names in it, not what they name. `Disk.now` is what a power cut at this moment would leave:

- bytes that were not synced are lost: a file has those of its last fsync, or none;
- names that were not synced, new, renamed or removed, are as before, or as they are by now: POSIX leaves that open.
"""

import _sqlite3
import ctypes
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

import pytest

REASON = "the SQLite of this Python gives no access to its VFS, so its syncs cannot be seen"

_Names = Mapping[int, Mapping[str, int]]
"""The names in each folder, by inode, and the inodes they name."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What a power cut leaves: `synced` names survive for certain, `present` ones may."""

    root: int
    contents: Mapping[int, bytes]
    synced: _Names
    present: _Names

    def restore(self, into: Path, *, all_names: bool) -> None:
        """Make a folder out of it; with `all_names`, names that were not synced have survived too."""
        self._restore(self.root, into, self.present if all_names else self.synced)

    def _restore(self, folder: int, into: Path, names: _Names) -> None:
        into.mkdir()
        for name, inode in names.get(folder, {}).items():
            if inode in self.present or inode in self.synced:
                self._restore(inode, into / name, names)
            else:
                (into / name).write_bytes(self.contents.get(inode, b""))


class Disk:
    """A folder as its disk has it; what is there at first counts as synced."""

    def __init__(self, root: Path) -> None:
        self._root, self._lock = root, RLock()
        self._contents: dict[int, bytes] = {}
        self._open: dict[int, int] = {}
        self._synced = self._names()
        for folder, _, names in os.walk(root):
            for name in names:
                self._sync_file(Path(folder, name))
        self.at_sync: Callable[[], None] = lambda: None

    def now(self) -> Remains:
        """Return what a power cut would leave now."""
        with self._lock:
            return Remains(self._root.stat().st_ino, dict(self._contents), dict(self._synced), self._names())

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note every fsync inside the block; `at_sync` is called before each. Databases are opened inside it."""
        fsync = os.fsync

        def noted(fd: int) -> None:
            with self._lock:
                self.at_sync()
                fsync(fd)
                self._note(fd)

        with pytest.MonkeyPatch.context() as patch, _sqlite_syncs(self._before, self._after):
            patch.setattr(os, "fsync", noted)
            yield
        for fd in self._open.values():
            os.close(fd)

    def _note(self, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path.is_dir():
            self._sync_folder(path)
        else:
            self._sync_file(Path(f"/proc/self/fd/{fd}"))

    def _before(self) -> None:
        self._lock.acquire()
        self.at_sync()

    def _after(self, path: Path | None) -> None:
        """SQLite has synced a file, and with a new log or journal the folder it lies in (os_unix.c, unixSync)."""
        try:
            if path is not None:
                self._sync_file(path)
                if path.name.endswith(("-wal", "-journal")):
                    self._sync_folder(path.parent)
        finally:
            self._lock.release()

    def _sync_folder(self, path: Path) -> None:
        self._synced[path.stat().st_ino] = _names_in(path)

    def _sync_file(self, path: Path) -> None:
        """Keep the bytes of a file. It stays open: its inode is not used again, and no lock of SQLite's is lost."""
        inode = path.stat().st_ino
        if inode not in self._open:
            self._open[inode] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        fd = self._open[inode]
        self._contents[inode] = os.pread(fd, os.fstat(fd).st_size, 0)

    def _names(self) -> dict[int, Mapping[str, int]]:
        folders = (Path(folder) for folder, _, _ in os.walk(self._root))
        return {folder.stat().st_ino: _names_in(folder) for folder in folders}


def _names_in(folder: Path) -> Mapping[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.inode() for entry in entries}


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, up to what is replaced."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("path_size", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("app_data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
    ]


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods` of version 3; the fifth one is xSync."""

    _fields_ = [("version", ctypes.c_int), ("calls", ctypes.c_void_p * 18)]


_SYNC = 4
_Open = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3, ctypes.c_int, ctypes.c_void_p)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


@contextmanager
def _sqlite_syncs(before: Callable[[], None], after: Callable[[Path | None], None]) -> Iterator[None]:
    """Call `before` and `after` around every sync of databases that are opened inside the block."""
    vfs = _default_vfs()
    original = vfs.open
    paths: dict[int, Path] = {}
    kept: dict[int, tuple[Any, ...]] = {}

    def sync_of(really: Any) -> Any:
        def sync(file: int, flags: int) -> int:
            before()
            result = really(file, flags)
            after(None if result else paths.get(file))
            return int(result)

        return _Sync(sync)

    def opened(this: int, name: int, file: int, flags: int, got: int) -> int:
        result = int(_Open(original)(this, name, file, flags, got))
        slot = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))
        if result == sqlite3.SQLITE_OK and name and slot[0]:
            paths[file] = Path(ctypes.string_at(name).decode())
            if slot[0] not in kept:
                methods = _Methods.from_buffer_copy(ctypes.string_at(slot[0], ctypes.sizeof(_Methods)))
                sync = sync_of(_Sync(methods.calls[_SYNC]))
                methods.calls[_SYNC] = ctypes.cast(sync, ctypes.c_void_p).value
                kept[slot[0]] = (methods, sync)
            slot[0] = ctypes.addressof(kept[slot[0]][0])
        return result

    replaced = _Open(opened)
    vfs.open = ctypes.cast(replaced, ctypes.c_void_p).value
    try:
        yield
    finally:
        vfs.open = original


def _default_vfs() -> _Vfs:
    """Return the VFS that SQLite uses, in the library that this Python uses."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    library = next((line.split()[-1] for line in maps if "libsqlite3" in line), _sqlite3.__file__)
    try:
        find = ctypes.CDLL(library).sqlite3_vfs_find
    except AttributeError:
        pytest.skip(REASON)
    find.restype = ctypes.POINTER(_Vfs)
    return find(None).contents
