"""Worker processes: one Python runs one thread at a time, so several serve one listening socket.

    vna serve              owns the data folder, keeps house
      supervisor           forks the workers, and again when one dies; has no threads of its own
        worker 1..n        accept from the shared listeners, each with its own archive

The supervisor is forked before any thread exists, and forks before it makes one, so that no lock is
ever copied while somebody holds it. If the process above one dies, the kernel kills the ones below, and a
node whose supervisor died ends: it is never half there.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from vna.node.forking import fork_child

_log = logging.getLogger(__name__)

_REST_BEFORE_NEXT_S = 0.5
_LOOK_EVERY_S = 0.2


class Workers:
    """The processes below the node's own; made by `start_workers`."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor: int | None = supervisor
        self._lock = threading.Lock()

    def is_alive(self) -> bool:
        """Return whether the supervisor is there, and so the workers are or will be again."""
        with self._lock:  # one thread alone is told by the kernel
            if self._supervisor is not None and os.waitpid(self._supervisor, os.WNOHANG) != (0, 0):
                self._supervisor = None
            return self._supervisor is not None

    def stop(self) -> None:
        """Let the workers drain, and wait until they have ended; stopping again does nothing."""
        with self._lock:
            supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None and os.waitpid(supervisor, os.WNOHANG) == (0, 0):
            os.kill(supervisor, signal.SIGTERM)
            os.waitpid(supervisor, 0)


def start_workers(count: int, run: Callable[[int], None], *, let_go: Callable[[], None]) -> Workers:
    """Fork the supervisor, which forks the workers; to be called before any thread exists.

    Args:
        run: what a worker does until it gets SIGTERM; then it drains, and returns. Told its number, counted from 1:
            one that takes a dead one's place has its number.
        let_go: what the supervisor does when nothing new is taken any more: it closes its listener.
    """
    pid = fork_child(lambda: _Supervisor(count, run, let_go).supervise(), what="worker")
    return Workers(pid)


class _Supervisor:
    """Keeps `count` workers alive until it is told to stop."""

    def __init__(self, count: int, run: Callable[[int], None], let_go: Callable[[], None]) -> None:
        self._count, self._run, self._let_go = count, run, let_go
        self._numbers: dict[int, int] = {}
        self._stopping = False

    def supervise(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the node's own process tells us
        signal.signal(signal.SIGTERM, self._stop)
        for number in range(1, self._count + 1):
            self._fork(number)
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:  # a signal just before a wait without end would not be noticed in it
                time.sleep(_LOOK_EVERY_S)
                continue
            number = self._numbers.pop(pid)
            if not self._stopping:
                self._replace(number, pid, status)

    def _replace(self, number: int, pid: int, status: int) -> None:
        _log.error("worker ended pid=%d status=%d: another one is started", pid, os.waitstatus_to_exitcode(status))
        time.sleep(_REST_BEFORE_NEXT_S)
        if not self._stopping:
            self._fork(number)

    def _fork(self, number: int) -> None:
        pid = fork_child(lambda: self._run(number), what="worker")
        self._numbers[pid] = number
        if self._stopping:  # told so before it was known
            os.kill(pid, signal.SIGTERM)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._let_go()
        for pid in self._numbers:
            os.kill(pid, signal.SIGTERM)
