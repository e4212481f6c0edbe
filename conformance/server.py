"""A DICOM server started for a test or a benchmark: where it listens, what it costs, how it is stopped.

Figures are of the whole process tree, read from /proc (Linux): CPU seconds, memory, bytes on disk.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from conformance.upper_layer import Address

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.05


class StartFailed(Exception):
    """The server did not come up; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `storage` is the folder all its stored bytes lie in, index included."""

    name: str
    address: Address
    pid: int
    storage: Path

    def cpu_s(self) -> float:
        """Return the CPU seconds used so far by the process and its descendants, ended ones included."""
        return sum(_cpu_s(pid) for pid in process_tree(self.pid))

    def stored_bytes(self) -> int:
        """Return the bytes of all its files."""
        return sum(path.stat().st_size for path in self.storage.rglob("*") if path.is_file())

    def peak_resident_bytes(self) -> dict[int, int]:
        """Return the largest resident set so far (VmHWM) of each process, by process id."""
        return {pid: _status_kib(pid, "VmHWM") * 1024 for pid in process_tree(self.pid)}

    def proportional_bytes(self) -> int:
        """Return the proportional set size (PSS) of the tree now: shared pages are counted once."""
        return sum(_pss_kib(pid) for pid in process_tree(self.pid)) * 1024


class Process(Protocol):
    """A program that was started, in a process group of its own: what is used of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit status, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit status; raises `subprocess.TimeoutExpired`."""
        ...

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        ...


def start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """Start a program in a process group of its own; what it prints is appended to a file."""
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - commands are put together here, not by a user
            command, env=os.environ | environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )


@contextmanager
def running(command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Iterator[Process]:
    """Run a program until the block ends, then stop it by SIGTERM, at last SIGKILL."""
    with stopped(start(command, environment, log)) as process:
        yield process


@contextmanager
def stopped(process: Process) -> Iterator[Process]:
    """Stop a program when the block ends."""
    try:
        yield process
    finally:
        stop(process)


def stop(process: Process, *, timeout_s: float = 60) -> int:
    """Stop a program that was started here, if it still runs, and return its exit status."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        kill(process)
        raise


def kill(process: Process) -> None:
    """Kill a program that was started here and everything it started (SIGKILL to its group), and wait for its end."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(ready: Callable[[], bool], process: Process, *, log: Path, timeout_s: float) -> None:
    """Wait for a starting server.

    Raises:
        StartFailed: it ended, or was not ready in time.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            end = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise StartFailed(f"exit status {process.poll()}; its log ends:\n{end}")
        time.sleep(_POLL_S)


def accepts_connections(host: str, port: int) -> bool:
    """Return whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port nothing listens on now, for programs that cannot take port 0."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def process_tree(pid: int) -> list[int]:
    """Return a process and its living descendants, parents first; empty when it is gone."""
    children: dict[int, list[int]] = {}
    for other in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()):
        fields = _stat(other)
        if fields and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(other)
    tree = [pid] if _stat(pid)[:1] not in ([], ["Z"]) else []
    for one in tree:
        tree.extend(children.get(one, []))
    return tree


def _stat(pid: int) -> list[str]:
    """Return the fields of proc(5) stat from the state on; empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu_s(pid: int) -> float:
    """Return user and system time, of waited-for children too (proc(5): utime, stime, cutime, cstime)."""
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / _TICKS_PER_S


def _status_kib(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
