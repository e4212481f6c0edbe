"""Codec processes: started when there is something to convert, ended when they crash or hang, and with the node.

They are started by one thread of the pool's own, because the kernel tells a child that its parent died when the
*thread* that started it ends (prctl(2)). Nothing is forked: `subprocess` executes a fresh interpreter.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import vna
from vna.errors import CannotConvert
from vna.pixels.conversion import Converted, Task
from vna.pixels.messages import AnyTask, CodecFailed, Disconnected, receive_answer, send_task
from vna.pixels.rendering.request import RenderTask, TileTask

_log = logging.getLogger(__name__)

_ROOT = Path(vna.__file__).resolve().parents[1]
_MOST_PROCESSES = 4
_END_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What codecs may take: processes at a time, seconds for one frame, bytes of address space of a process.

    All frames of an instance have `instance_s` seconds together, and one more for each `slowest_bytes_s` native bytes.
    """

    processes: int = min(os.cpu_count() or 1, _MOST_PROCESSES)
    frame_s: int = 60
    memory_bytes: int = 4 * 2**30
    instance_s: float = 60
    slowest_bytes_s: int = 2**20

    def instance_seconds(self, native_bytes: int) -> float:
        """Return how many seconds codecs have for an instance of so many bytes of native pixels."""
        return self.instance_s + native_bytes / self.slowest_bytes_s


class CodecProcess:
    """One codec process, used by one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _start(theirs.fileno(), limits)
            except OSError:
                self._socket.close()
                raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be given something to do."""
        return self._process.poll() is None

    def convert(self, frame: bytes, task: Task, *, within_s: float | None = None) -> Converted:
        """Have one frame converted, within the seconds that the instance has left where they are told.

        Raises:
            CannotConvert: the codec cannot, or it crashed or took too long; then the process has ended.
        """
        converted = self._answer(frame, task, within_s)
        assert isinstance(converted, Converted)  # noqa: S101 - what a process answers to this task
        return converted

    def render(self, frame: bytes, task: RenderTask | TileTask) -> bytes:
        """Have one frame rendered, or a tile drawn, and return the file.

        Raises:
            CannotConvert: it cannot be, or the process crashed or took too long, and has ended.
        """
        rendered = self._answer(frame, task)
        assert isinstance(rendered, bytes)  # noqa: S101 - what a process answers to these tasks
        return rendered

    def _answer(self, frame: bytes, task: AnyTask, within_s: float | None = None) -> Converted | bytes:
        limit_s = self._limits.frame_s if within_s is None else min(self._limits.frame_s, within_s)
        deadline = time.monotonic() + limit_s
        try:
            self._socket.settimeout(limit_s)
            send_task(self._socket, task, frame)
            return receive_answer(self._socket, deadline=deadline)
        except CodecFailed as exc:
            raise CannotConvert(str(exc)) from exc
        except TimeoutError as exc:
            self._kill()
            if limit_s < self._limits.frame_s:
                raise CannotConvert("the codec took longer for the instance than its size allows") from exc
            raise CannotConvert(f"the codec did nothing for {limit_s} s with a frame") from exc
        except Disconnected as exc:
            self._kill()
            raise CannotConvert(f"the codec crashed on a frame: {self._how_it_ended()}") from exc

    def close(self) -> None:
        """Let the process end, and see that it does."""
        self._socket.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self) -> None:
        self._socket.close()
        try:
            self._process.wait(0.05)  # it may just be ending, and its own reason is the one to tell
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _log.warning("codec process ended pid=%d %s", self.pid, self._how_it_ended())

    def _how_it_ended(self) -> str:
        status = self._process.returncode
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _start(descriptor: int, limits: Limits) -> "subprocess.Popen[bytes]":
    numbers = map(str, (descriptor, os.getpid(), limits.memory_bytes, limits.frame_s))
    return subprocess.Popen(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-P", "-m", "vna.pixels.process", *numbers],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


class CodecPool:
    """Up to so many codec processes, within limits. Thread-safe; close it when done."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._room = threading.Semaphore(limits.processes)
        self._lock = threading.Lock()
        self._idle: list[CodecProcess] = []
        self._closed = False
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="codec-starter")

    @property
    def pids(self) -> list[int]:
        """Process ids of those that wait for something to do."""
        with self._lock:
            return [each.pid for each in self._idle]

    @contextmanager
    def process(self) -> Iterator[CodecProcess]:
        """Lend a process; the caller waits while all are lent out.

        Raises:
            CannotConvert: it cannot be started.
        """
        with self._room:
            process = self._take()
            try:
                yield process
            finally:
                self._give_back(process)

    def close(self) -> None:
        """End all processes; those lent out end when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()
        self._starter.shutdown()

    def _take(self) -> CodecProcess:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive:
                    return process
                process.close()
        try:
            return self._starter.submit(CodecProcess, self.limits).result()
        except (OSError, RuntimeError) as exc:
            raise CannotConvert(f"no codec process can be started: {exc}") from exc

    def _give_back(self, process: CodecProcess) -> None:
        with self._lock:
            if process.is_alive and not self._closed:
                self._idle.append(process)
                return
        process.close()
