"""Processes for an import, and those made in advance: forked while this process has nothing they must not share.

A process that starts anew takes more than a second to load what it needs, a forked one milliseconds. But what forks may
have neither threads nor a database or store open: so this is done before anything else, or not at all.
"""

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from vna.transfer.worker import work_apart


@dataclass(frozen=True, slots=True)
class Started:
    """A process that does what comes over the other end of a connection: first the job, then its units."""

    process: BaseProcess
    orders: Connection


class Standby:
    """Forked processes without a job; a context manager that ends those that got none."""

    def __init__(self, count: int = 0) -> None:
        """Fork so many processes, or none where this one has threads already."""
        self._waiting: deque[Started] = deque()
        for _ in range(count if threading.active_count() == 1 else 0):
            self._waiting.append(_forked([each.orders for each in self._waiting]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _exc: object, _traceback: TracebackType | None) -> None:
        for each in self._waiting:
            each.orders.close()
        for each in self._waiting:
            each.process.join()

    def take(self) -> Started:
        """Return a process that has no job yet; where none is left a new one, spawned since there are threads now."""
        return self._waiting.popleft() if self._waiting else _spawned()


def _spawned() -> Started:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    return _started(context.Process(target=work_apart, args=(theirs,), name="vna import", daemon=True), ours, theirs)


def _forked(others: Sequence[Connection]) -> Started:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    arguments = (theirs, [*others, ours])
    return _started(context.Process(target=_stand_by, args=arguments, name="vna import", daemon=True), ours, theirs)


def _started(process: BaseProcess, ours: Connection, theirs: Connection) -> Started:
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()  # and never sees the Ctrl-C of the terminal: it is told when to end
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
    theirs.close()
    return Started(process, ours)


def _stand_by(orders: Connection, inherited: Sequence[Connection]) -> None:
    """Wait for a job; ends of connections that came along are closed, or none would be seen to break."""
    for end in inherited:
        end.close()
    work_apart(orders)
