"""The steps of the receive path by name, and a plan, shared by processes, of who dies at which of them."""

import fcntl
import mmap
import os
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any

from storage_backends import BlobStore
from storage_backends.filesystem import Filesystem, StagedFile
from vna.archive import receive
from vna.archive.spool import Incoming
from vna.dimse.exchange import Exchange
from vna.index.committer import Committer
from vna.index.database import Turn
from vna.index.statements import Cursor

STEPS: dict[str, tuple[Any, str]] = {
    "associate": (Exchange, "__init__"),
    "receive": (Incoming, "write"),
    "received": (Incoming, "finish"),
    "scan": (receive, "scan"),
    "stage": (Filesystem, "stage"),
    "encode": (BlobStore, "encode"),
    "write": (StagedFile, "write"),
    "fsync": (os, "fsync"),
    "rename": (os, "rename"),
    "commit blob": (StagedFile, "commit"),
    "submit": (Committer, "submit_all"),
    "take turn": (Turn, "__enter__"),
    "begin": (Cursor, "execute"),
    "statement": (Cursor, "_run"),
    "give turn": (Turn, "__exit__"),
    "answer": (Exchange, "answer"),
}
"""Calls that are made for a C-STORE, in their order; each is a step before it and, as "... done", one after it.

The turn is given after COMMIT: who dies at "give turn" has committed and not answered.
"""

NAMES = [name + suffix for name in STEPS for suffix in ("", " done")]
_LAYOUT = struct.Struct("<qqq32s32s")


class Victim(IntEnum):
    """Which process of a node dies."""

    WORKER = 1
    SUPERVISOR = 2
    TOP = 3


class Plan:
    """Who is to die at which step; in memory that forked processes share."""

    def __init__(self) -> None:
        self._file = os.memfd_create("plan")
        os.truncate(self._file, mmap.PAGESIZE)
        self._memory = mmap.mmap(self._file, mmap.PAGESIZE)
        self._thread = threading.Lock()

    def arm(self, victim: Victim, *, after: int, only: str = "") -> None:
        """Have a process die at the step after so many; `only` counts the steps of one name."""
        with self._alone():
            self._put(after + 1, victim, self._get()[2], only, "")

    def disarm(self) -> str:
        """Let everybody live, and return the step at which somebody was killed, or nothing."""
        with self._alone():
            _, _, top, _, met = self._get()
            self._put(0, 0, top, "", "")
        return met

    def begin(self) -> None:
        """Note the process at the top, in which this is called, and count steps from now on."""
        with self._alone():
            count, victim, _, only, met = self._get()
            self._put(count, victim, os.getpid(), only, met)
        for name, (owner, attribute) in STEPS.items():
            setattr(owner, attribute, self._counted(name, getattr(owner, attribute)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads and processes out; a lock of the kernel's goes with its process."""
        with self._thread:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _get(self) -> tuple[int, int, int, str, str]:
        *numbers, only, met = _LAYOUT.unpack_from(self._memory)
        count, victim, top = numbers
        return count, victim, top, only.rstrip(b"\0").decode(), met.rstrip(b"\0").decode()

    def _put(self, count: int, victim: int, top: int, only: str, met: str) -> None:
        _LAYOUT.pack_into(self._memory, 0, count, victim, top, only.encode(), met.encode())

    def _counted(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: object, **named: object) -> Any:
            self._reach(name)
            result = original(*args, **named)
            self._reach(f"{name} done")
            return result

        return called

    def _reach(self, name: str) -> None:
        with self._alone():
            count, victim, top, only, met = self._get()
            if count < 1 or only not in ("", name) or (os.getpid() == top and victim != Victim.TOP):
                return  # the process at the top has no worker or supervisor above it
            self._put(count - 1, victim, top, only, name if count == 1 else met)
        if count == 1:
            pids = {Victim.WORKER: os.getpid(), Victim.SUPERVISOR: os.getppid(), Victim.TOP: top}
            with suppress(ProcessLookupError):  # killed by then from without, as this process is about to be
                os.kill(pids[Victim(victim)], signal.SIGKILL)
            threading.Event().wait(60)  # the kernel kills who is below; nothing may happen meanwhile
