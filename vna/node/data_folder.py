"""The data folder: what lies where in it, and the one node that owns it.

    lock            held (flock) by the node that serves the folder; its process id is written in it
    node.json       where that node listens; removed when it stops
    index.sqlite    the index, unless it is a database elsewhere
    blobs/          the stored files, unless they lie elsewhere
    spool/          what is being received, and the index that `vna fsck --deep` compares with; emptied at start
    keys/           journal-ed25519.pem signs the journal; made at the first start, for the node's user alone
    tombstones/     the ledger of what was eliminated: read at start, so that no backup brings it back
    sealed          how far the journal in the store was sealed at least; a node that finds less does not start
    imports         what `vna import` is done with; only saves time, and may be removed
    derived/        documents made out of instances, kept ready; only save time, and may be removed

Invariant: two nodes never write one folder. A lock dies with its process, so nothing has to be
cleaned up by hand after a crash.
"""

import fcntl
import os
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from storage_backends.posix import make_folder
from vna.errors import StartRefused
from vna.events import JournalMark

_LOCK_WAIT_S = 0.5
"""A status command holds the lock for an instant while it looks; a node lives longer than this."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """The host as a program on this machine would call it: "any address" is none to connect to."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What a running node writes about itself; `started` is UTC in ISO 8601."""

    pid: int
    version: str
    ae_title: str
    started: str
    dimse: Address
    http: Address


class DataFolder:
    """The folder of everything a node keeps; making one touches nothing on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.blobs = self.path / "blobs"
        self.spool = self.path / "spool"
        self.derived = self.path / "derived"
        self.index_file = self.path / "index.sqlite"
        self.imports_file = self.path / "imports"
        self.tombstones = self.path / "tombstones"
        self.signing_key = self.path / "keys" / "journal-ed25519.pem"
        self.sealed_file = self.path / "sealed"
        self._lock_file = self.path / "lock"
        self._record_file = self.path / "node.json"
        self._lock_fd: int | None = None

    def create(self) -> None:
        """Make the folder and its spool where they are missing.

        Raises:
            StartRefused: the system does not let us.
        """
        try:
            make_folder(self.spool)
        except OSError as exc:
            raise StartRefused(f"data_dir: {self.path} cannot be made or written: {exc.strerror}") from exc

    def lock(self) -> None:
        """Take the folder for this process, until `unlock` or the end of the process.

        Raises:
            StartRefused: another node has it.
        """
        fd = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if not _locked_within(fd, fcntl.LOCK_EX, _LOCK_WAIT_S):
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise StartRefused(f"data_dir: {self.path} is served by another node, process {holder or 'unknown'}")
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = fd

    def unlock(self) -> None:
        """Give the folder back."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def empty_spool(self) -> None:
        """Remove what a dead process left half received or half compared; only the owner of the lock may."""
        for entry in self.spool.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def write_record(self, record: NodeRecord) -> None:
        """Tell other programs where the node listens."""
        staged = self._record_file.with_suffix(".new")
        staged.write_bytes(orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        staged.replace(self._record_file)

    def remove_record(self) -> None:
        """Forget where the node listened."""
        self._record_file.unlink(missing_ok=True)

    def note_sealed(self, mark: JournalMark) -> None:
        """Remember how far the journal is sealed: the store alone cannot tell that its end was deleted.

        What is remembered never becomes less.
        """
        known = self.sealed()
        if known is not None and known.position >= mark.position:
            return
        staged = self.sealed_file.with_suffix(f".{os.getpid()}")
        staged.write_text(f"{mark.position} {mark.chain_hash.hex()}\n", "ascii")
        staged.replace(self.sealed_file)

    def sealed(self) -> JournalMark | None:
        """Return how far the journal was sealed at least; None where nothing is known of that."""
        try:
            position, chain_hash = self.sealed_file.read_text("ascii").split()
            return JournalMark(int(position), bytes.fromhex(chain_hash))
        except (FileNotFoundError, ValueError):
            return None

    def running(self) -> NodeRecord | None:
        """Return the record of the node that serves this folder, or None when none does (or not yet).

        Raises:
            StartRefused: the folder cannot be read.
        """
        if not self._is_locked():
            return None
        try:
            record = orjson.loads(self._record_file.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StartRefused(f"data_dir: {self._record_file} cannot be read: {exc.strerror}") from exc
        return NodeRecord(**{**record, "dimse": Address(**record["dimse"]), "http": Address(**record["http"])})

    def _is_locked(self) -> bool:
        try:
            fd = os.open(self._lock_file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as exc:
            raise StartRefused(f"data_dir: {self.path} cannot be read: {exc.strerror}") from exc
        try:
            return not _locked_within(fd, fcntl.LOCK_SH, 0)
        finally:
            os.close(fd)


def _locked_within(fd: int, operation: int, wait_s: float) -> bool:
    """Try to take a lock for a while; it goes with the closing of `fd`."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            threading.Event().wait(0.02)
        else:
            return True
