"""Processes of `vna` that begin where it is loaded: a server that has it loaded forks them.

Starting Python and loading `vna` costs more CPU than most tests that need a node. Everything behind that
is as in `python -m vna`: a process of its own, with its own environment, output and process group.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from vna.cli import main


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vna.cli.app", __name__])
    return context


_CONTEXT = _context()

_SMALL = {"VNA_STORE__RECENT_BYTES": str(8 * 2**20)}
"""Memory that a node claims at its start takes longer than most tests need it."""


class Forked:
    """A process, with what `subprocess.Popen` offers to those who wait for it or stop it."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The exit status (negative: the signal that ended it), None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("vna", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        self.send_signal(signal.SIGKILL)


def start(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
    """Start `vna` with these arguments; what it prints is appended to a file."""
    log.touch()
    process = _CONTEXT.Process(target=_run, args=(tuple(arguments), os.environ | _SMALL | environment, log))
    process.start()
    return Forked(process)


def _run(arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    os.dup2(out, sys.stdout.fileno())
    os.dup2(out, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["vna", *arguments]
    main(list(arguments))
