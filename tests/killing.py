"""Kills a node again and again while it stores, and sees that it keeps its word; run as a program.

    python killing.py DATA_DIR SEED KILLS...

KILLS is how many to kill at random, at any step of the receive path or any time; or VICTIM:STEP, a worker, supervisor
or top at a step of this name.

The node is the real one, `serve` with its supervisor and its workers on real sockets, in processes forked from this
one: no interpreter starts, so a kill costs a fraction of a second. After each kill the archive is opened through its
own door and compared with what the senders wrote down:

- what was acknowledged is there, byte for byte;
- what was not is there whole, or not at all, and nothing is there that nobody sent;
- the journal is one chain.

At the end everything is compared once more, with the sealed journal and the folders. Writes what was done as JSON.
"""

import ctypes
import gc
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from conformance.server import process_tree  # noqa: E402
from conformance.upper_layer import Address  # noqa: E402
from ingest import Book, Sender, kinds, mixture  # noqa: E402
from promises import check, check_everything  # noqa: E402
from steps import Plan, Victim  # noqa: E402
from vna import settings  # noqa: E402
from vna.errors import VnaError  # noqa: E402
from vna.node.data_folder import DataFolder  # noqa: E402
from vna.node.serve import serve  # noqa: E402

SENDERS = 3
EACH = 8
WORKERS = 2
LONGEST_S = 0.5
MOST_STEPS = 300
_PATIENCE_S = 60
_TAKE_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)


class Node:
    """The node on the data folder that the environment names, in forked processes."""

    def __init__(self, plan: Plan, log: Path) -> None:
        self._plan, self._log = plan, log
        self.pid = 0

    def start(self) -> Address:
        """Start it, and return where it listens."""
        ready, tell = os.pipe()
        self.pid = fork(lambda: self._serve(tell))
        os.close(tell)
        said = os.read(ready, 1)
        os.close(ready)
        if not said:
            raise AssertionError(f"the node did not start: {self._log.read_text()[-3000:]}")
        record = DataFolder(settings.load().data_dir).running()
        assert record is not None
        return Address(record.dimse.host, record.dimse.port, record.ae_title)

    def _serve(self, tell: int) -> None:
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 2)
        self._plan.begin()
        with suppress(VnaError):  # the command line says it, and ends
            serve(settings.load(), lambda line: os.write(tell, b"!") if line.startswith("Ctrl-C") else None)

    def pids(self, victim: Victim) -> list[int]:
        """Return the living processes of one kind."""
        supervisor = [pid for pid in process_tree(self.pid)[1:] if parent(pid) == self.pid]
        workers = [pid for pid in process_tree(self.pid) if parent(pid) in supervisor]
        return {Victim.TOP: [self.pid], Victim.SUPERVISOR: supervisor, Victim.WORKER: workers}[victim]

    def is_whole(self) -> bool:
        """Return whether it serves with all of its workers."""
        return len(self.pids(Victim.WORKER)) == WORKERS

    def end(self, how: signal.Signals) -> None:
        """Send it a signal, and wait until all of its processes are gone."""
        os.kill(self.pid, how)
        self.wait()

    def wait(self) -> None:
        """Wait until all of its processes are gone: what loses its parent is given to us."""
        wait_for_all()
        self.pid = 0


class Killing:
    """The kills on one data folder, and the book of what was sent."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.log = folder, folder.with_suffix(".log")
        self.chosen = random.Random(seed)
        self.plan, self.book, self.done = Plan(), Book(), Counter[str]()
        self.node = Node(self.plan, self.log)
        self._proposals, self._rounds = kinds(), 0

    def at_random(self) -> None:
        """Kill one process of the node, at a step or a time."""
        victim = self.chosen.choice((*Victim, Victim.TOP))
        if self.chosen.random() < 0.1 and not self.node.pid:
            self.in_start()
        elif self.chosen.random() < 0.7:
            self.at_step(victim, after=self.chosen.randrange(MOST_STEPS))
        else:
            self.at_time(victim, self.chosen.uniform(0, LONGEST_S))

    def at_step(self, victim: Victim, *, after: int, only: str = "") -> None:
        """Kill at the step after so many."""
        self._round(victim, lambda: self.plan.arm(victim, after=after, only=only), None)
        assert not only or self.done[f"{victim.name.lower()}: {only}"], f"step {only} was never met"

    def at_time(self, victim: Victim, seconds: float) -> None:
        """Kill after a time."""
        self._round(victim, lambda: None, seconds)

    def in_start(self) -> None:
        """Kill a node that starts."""
        self.plan.arm(Victim.TOP, after=self.chosen.randrange(12))
        pid = fork(lambda: self.node._serve(os.open(os.devnull, os.O_WRONLY)))
        threading.Event().wait(self.chosen.uniform(0.05, 0.2))
        os.kill(pid, signal.SIGKILL)
        wait_for_all()
        self.plan.disarm()
        self._note(Victim.TOP, "start")
        self._check(Book())

    def _round(self, victim: Victim, arm: Callable[[], None], seconds: float | None) -> None:
        self._rounds += 1
        address = self.address if self.node.pid else self._start()
        arm()
        senders = [
            Sender(address, mixture((self._rounds * SENDERS + n) * 1000), self._proposals) for n in range(SENDERS)
        ]
        goes_on = 40 if victim is Victim.WORKER else 0
        pids = [fork(lambda sender=sender: sender.send(EACH, reconnects=goes_on)) for sender in senders]
        if seconds is not None:
            threading.Event().wait(seconds)
            os.kill(self.chosen.choice(self.node.pids(victim)), signal.SIGKILL)
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0, "a sender failed"
        met = "time" if seconds is not None else self.plan.disarm()
        self._settle(victim, killed=bool(met))
        self._note(victim, met or "rest")
        new = Book()
        for sender in senders:
            new.add(sender.book())
        if victim is Victim.WORKER:
            assert len(new.acknowledged) == SENDERS * EACH, "not everything was stored in the end"
        self._check(new)

    def _start(self) -> Address:
        self.address = self.node.start()
        return self.address

    def _settle(self, victim: Victim, *, killed: bool) -> None:
        """Kill who was not met by then, and wait until the node is whole again, or all gone."""
        if not killed:
            os.kill(self.chosen.choice(self.node.pids(victim)), signal.SIGKILL)
        if victim is not Victim.WORKER:
            self.node.wait()
            return
        deadline = time.monotonic() + _PATIENCE_S
        while not self.node.is_whole():
            assert time.monotonic() < deadline, "the worker was not replaced"
            threading.Event().wait(0.02)

    def _note(self, victim: Victim, what: str) -> None:
        self.done[f"{victim.name.lower()}: {what}"] += 1

    def _check(self, new: Book) -> None:
        assert new.refused == []
        self.book.add(new)
        in_child(lambda: check(new))

    def finish(self) -> None:
        """Start the node once more, which clears away what the dead have left, stop it, and look at everything."""
        if self.node.pid:
            self.node.end(signal.SIGTERM)
        self._start()
        self.node.end(signal.SIGTERM)
        in_child(lambda: check_everything(self.book, self.folder))
        log = self.log.read_text()
        assert "Traceback" not in log, log[log.index("Traceback") :][:3000]


def fork(run: Callable[[], object]) -> int:
    """Run something in a child; what it raises goes to standard error."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        run()
        status = 0
    except BaseException:  # noqa: BLE001 - the outermost call of a process
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def in_child(run: Callable[[], object]) -> None:
    """Run something in a child, as this process must have no threads, and fail with it."""
    assert os.waitpid(fork(run), 0)[1] == 0


def parent(pid: int) -> int:
    """Return the process id of a process's parent; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def wait_for_all() -> None:
    """Wait until no child is left."""
    with in_time("processes are left"):
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            return


@contextmanager
def in_time(what: str) -> Iterator[None]:
    """Fail if the block does not end."""

    def fail(_number: int, _frame: object) -> None:
        raise AssertionError(f"{what}: {process_tree(os.getpid())}")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(_PATIENCE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main(folder: str, seed: str, *what: str) -> None:
    os.environ |= {
        "VNA_DATA_DIR": folder,
        "VNA_DIMSE__HOST": "127.0.0.1",
        "VNA_DIMSE__PORT": "0",
        "VNA_HTTP__PORT": "0",
        "VNA_SERVE__WORKERS": str(WORKERS),
        "VNA_JOURNAL__SEAL_EVERY_S": "0.3",
        "VNA_STORE__RECENT_BYTES": str(2**20),
    }
    ctypes.CDLL(None).prctl(_TAKE_ORPHANS, 1)
    gc.freeze()
    killing = Killing(Path(folder), int(seed))
    try:
        kill_all(killing, what)
    finally:
        for pid in process_tree(os.getpid())[1:]:
            os.kill(pid, signal.SIGKILL)


def kill_all(killing: Killing, what: tuple[str, ...]) -> None:
    """Carry out what was asked for, and write what was done."""
    started = time.monotonic()
    for one in what:
        victim, _, step = one.partition(":")
        if step:
            killing.at_step(Victim[victim.upper()], after=killing.chosen.randrange(3), only=step)
        else:
            for _ in range(int(one)):
                killing.at_random()
    killing.finish()
    counts = {
        "kills": killing.done.total(),
        "acknowledged": len(killing.book.acknowledged),
        "unacknowledged": len(killing.book.sent.keys() - killing.book.acknowledged),
        "seconds": round(time.monotonic() - started, 1),
        "at": dict(sorted(killing.done.items())),
    }
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
