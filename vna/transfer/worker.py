"""One worker of an import: it reads and stores the units it is given, several at a time.

It has an archive of its own. Its threads wait for the disk and for each other's commits most of the time,
so several of them share what one transaction costs. It ends when it is told to, or when the process that
gave it work is gone; whatever it has begun is finished first.
"""

import logging
import queue
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from vna.archive import Archive, Spool
from vna.errors import VnaError
from vna.model import Source
from vna.transfer.handling import Batch, Handler, Report
from vna.transfer.taking import Storing, Trying
from vna.transfer.units import Unit

_log = logging.getLogger(__name__)

_SEND_TOGETHER = 16
STORED_TOGETHER = 8
_SMALL_BYTES = 4 << 20
"""So many files, or so many bytes of files, are stored with one commit, which takes a fifth of storing one CT slice."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every process of an import knows; it travels to them, so all of it can be pickled.

    `open_archive` opens an archive for a worker; on trial it may find none. `set_up` prepares a process that
    does nothing else.
    """

    open_archive: Callable[[], Archive | None]
    set_up: Callable[[], None]
    source: Source
    actor: str
    threads: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Unusable:
    """What a worker says that cannot work."""

    reason: str


Message = list[Report] | Unusable


def work_apart(orders: Connection) -> None:
    """Do the same in a process of its own, whose job is the first thing that comes; without one it ends."""
    try:
        job: Job = orders.recv()
    except EOFError:
        return
    job.set_up()
    work(job, orders)


def work(job: Job, orders: Connection) -> None:
    """Do what comes over a connection until it says None or breaks."""
    try:
        with ExitStack() as stack:
            handler = _handler(job, stack)
            stack.callback(orders.close)
            orders.send([])  # ready: whoever dies from now on dies of what it was given
            _Threads(job.threads, handler, orders).run()
    except VnaError as exc:
        orders.send(Unusable(str(exc)))


def _handler(job: Job, stack: ExitStack) -> Handler:
    """Open the archive and say how units are handled; a trial spools outside the data folder."""
    archive = job.open_archive()
    if archive is not None:
        stack.enter_context(closing(archive))
    if archive is not None and not job.dry_run:
        return Handler(archive.incoming, Storing(archive.session(job.source, job.actor)), threads=job.threads)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vna-trial-"))
    return Handler(Spool(Path(folder)).incoming, Trying(archive, job.source), threads=job.threads)


class _Threads:
    """The threads of a worker, and what they have to report."""

    def __init__(self, count: int, handler: Handler, orders: Connection) -> None:
        self._handler, self._orders = handler, orders
        self._units: queue.SimpleQueue[tuple[int, Unit] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._reports: list[Report] = []
        self._threads = [threading.Thread(target=self._work, name=f"import-{n}") for n in range(count)]

    def run(self) -> None:
        """Take batches from the connection until it says None or breaks; then finish what is begun."""
        for thread in self._threads:
            thread.start()
        try:
            while (batch := self._orders.recv()) is not None:
                for numbered in batch:
                    self._units.put(numbered)
        except (EOFError, OSError):
            _drop(self._units)
        for _ in self._threads:
            self._units.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        with closing(self._handler.reader()) as reader:
            while batch := self._next():
                for report in self._handler.handle(batch, reader):
                    self._report(report)

    def _next(self) -> Batch:
        """Wait for a unit, and take others that wait as well, while they are small; return none at the end."""
        batch, size = list[tuple[int, Unit]](), 0
        while len(batch) < STORED_TOGETHER and size < _SMALL_BYTES:
            try:
                numbered = self._units.get(block=not batch)
            except queue.Empty:
                break
            if numbered is None:
                if batch:
                    self._units.put(None)
                break
            batch.append(numbered)
            size += numbered[1].size
        return batch

    def _report(self, report: Report) -> None:
        """Keep a report, and send what is kept when that is much or nothing else waits."""
        with self._lock:
            self._reports.append(report)
            if len(self._reports) < _SEND_TOGETHER and not self._units.empty():
                return
            reports, self._reports = self._reports, []
            try:
                self._orders.send(reports)
            except OSError:
                _log.warning("import: the process that wants to know is gone; what it was told not of is stored")


def _drop(units: "queue.SimpleQueue[tuple[int, Unit] | None]") -> None:
    try:
        while True:
            units.get_nowait()
    except queue.Empty:
        return
