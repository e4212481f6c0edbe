"""The worker processes of an import, seen from the one that gives them work.

One is taken or started when those that run have enough to do, so a handful of files costs one. Should one
die (killed for its memory, or by a library that crashes), what it had in hand is given out again, each unit
to a process that has nothing else: the unit on which that one dies too is the culprit.
"""

import contextlib
import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from vna.errors import VnaError
from vna.transfer.handling import Batch, Report
from vna.transfer.standby import Standby, Started
from vna.transfer.units import Fate, Unit, Verdict
from vna.transfer.worker import STORED_TOGETHER, Job, Message, Unusable, work

_BATCHES_IN_HAND = 2
_MOST_FAILED_STARTS = 1
_LET_FINISH_S = 600


class _Worker:
    """A process, at the other end of a connection, and the units it has in hand by number."""

    def __init__(self, job: Job, started: Started) -> None:
        self._process, self.orders = started.process, started.orders
        self.in_hand: dict[int, Unit] = {}
        self.is_ready = False
        with contextlib.suppress(OSError):  # it has died: its end of the connection tells us next
            self.orders.send(job)

    def end(self, *, now: bool) -> str:
        """Wait for its end, if need be forced, and return how it ended."""
        if not now:
            self._process.join(_LET_FINISH_S)
        self._process.kill()
        self._process.join()
        self.orders.close()
        code = self._process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


class _OwnThread(_Worker):
    """The same work in a thread of this process: for one worker, another process would only take time to start."""

    def __init__(self, job: Job) -> None:
        self.orders, theirs = multiprocessing.Pipe()
        self.in_hand, self.is_ready = {}, False
        self._thread = threading.Thread(target=work, args=(job, theirs), name="import")
        self._thread.start()

    def end(self, *, now: bool) -> str:
        """Wait for its end; return how it ended."""
        if now:
            self.orders.close()
        self._thread.join()
        self.orders.close()
        return "its thread ended"


class Crew:
    """Up to `size` processes that do one job, or a thread where that is one; a context manager that ends them."""

    def __init__(self, job: Job, *, size: int, standby: Standby) -> None:
        self._job, self._size, self._standby = job, size, standby
        self._workers: list[_Worker] = []
        self._suspects: deque[tuple[int, Unit]] = deque()
        self._failed_starts = 0
        self.batch_size = STORED_TOGETHER * job.threads

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _exc: object, _traceback: TracebackType | None) -> None:
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.orders.send(None)
        for worker in self._workers:
            worker.end(now=kind is not None)

    @property
    def is_busy(self) -> bool:
        """Whether anything given out is not settled yet."""
        return bool(self._suspects) or any(worker.in_hand for worker in self._workers)

    @property
    def has_room(self) -> bool:
        """Whether a batch can be given out now."""
        if self._suspects:
            return False
        free = any(self._takes_more(worker) for worker in self._workers)
        return free or len(self._workers) < self._size

    def give(self, batch: Batch) -> None:
        """Give a batch to the process that has least to do, or to a new one when all have enough."""
        worker = min(self._workers, key=lambda one: len(one.in_hand), default=None)
        if worker is None or (len(worker.in_hand) >= self.batch_size and len(self._workers) < self._size):
            worker = self._start()
        self._hand_over(worker, batch)

    def reports(self, *, timeout_s: float | None) -> Iterator[Report]:
        """Yield what has been done, waiting for it for a while; reports of finished units settle them.

        Raises:
            VnaError: the processes cannot work at all; says why.
        """
        self._give_suspects()
        ready = wait([worker.orders for worker in self._workers], timeout_s)
        for worker in [one for one in self._workers if one.orders in ready]:
            try:
                message: Message = worker.orders.recv()
            except (EOFError, ConnectionResetError):
                yield from self._bury(worker)
                continue
            if isinstance(message, Unusable):
                raise VnaError(message.reason)
            worker.is_ready = True
            for report in message:
                yield report
                if report.finished:
                    del worker.in_hand[report.number]

    def unit(self, number: int) -> Unit:
        """Return a unit in hand."""
        return next(worker.in_hand[number] for worker in self._workers if number in worker.in_hand)

    def _takes_more(self, worker: _Worker) -> bool:
        return len(worker.in_hand) <= (_BATCHES_IN_HAND - 1) * self.batch_size

    def _start(self) -> _Worker:
        worker = _Worker(self._job, self._standby.take()) if self._size > 1 else _OwnThread(self._job)
        self._workers.append(worker)
        return worker

    def _hand_over(self, worker: _Worker, batch: Batch) -> None:
        worker.in_hand.update(batch)
        with contextlib.suppress(OSError):  # it has died: its end of the connection tells us next
            worker.orders.send(batch)

    def _bury(self, worker: _Worker) -> Iterator[Report]:
        how = worker.end(now=False)
        self._failed_starts += not worker.is_ready
        if self._failed_starts > _MOST_FAILED_STARTS:
            raise VnaError(f"the processes of the import end before they have begun ({how})")
        if worker.is_ready and len(worker.in_hand) == 1:
            ((number, unit),) = worker.in_hand.items()
            yield Report(number, Verdict(unit.label, Fate.FAILED, f"the process that read it died ({how})", unit.size))
        else:
            self._suspects.extend(worker.in_hand.items())
        self._workers.remove(worker)

    def _give_suspects(self) -> None:
        """Give each process that has nothing else one of the units on which another may have died."""
        while self._suspects:
            idle = next((worker for worker in self._workers if not worker.in_hand), None)
            if idle is None and len(self._workers) < self._size:
                idle = self._start()
            if idle is None:
                return
            self._hand_over(idle, [self._suspects.popleft()])
