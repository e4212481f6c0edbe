"""Our own node as a process, over one data folder that outlives it: started, stopped, killed, started again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from conformance.server import Process, Server, kill, start, stop, stopped, wait_until
from conformance.upper_layer import Address

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 60
_COMMAND_TIMEOUT_S = 60


def launch(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """Start `vna` in a process of its own; what it prints is appended to a file."""
    return start([sys.executable, "-m", "vna", *arguments], environment, log)


class NodeProcess:
    """One data folder and the node that serves it, on free ports of the loopback; a context manager.

    Leaving the context stops the node by SIGTERM. Settings are given by their environment variables.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data_dir, self.log = folder / "data", folder / "node.log"
        self._environment = {
            "VNA_DATA_DIR": str(self.data_dir),
            "VNA_DIMSE__HOST": "127.0.0.1",
            "VNA_DIMSE__PORT": "0",
            "VNA_HTTP__PORT": "0",
            **(settings or {}),
        }
        self._process: Process | None = None
        self._stack = ExitStack()
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def process(self) -> Process:
        """The process of the running node."""
        if self._process is None:
            raise RuntimeError("the node is not running")
        return self._process

    def start(self) -> Server:
        """Start the node and wait until it listens.

        Raises:
            conformance.server.StartFailed: it did not come up.
        """
        self._process = self._stack.enter_context(stopped(launch(["serve"], self._environment, self.log)))
        wait_until(self._is_up, self._process, log=self.log, timeout_s=_START_TIMEOUT_S)
        record = self._record()
        address = Address(record["dimse"]["host"], record["dimse"]["port"], record["ae_title"])
        return Server("vna", address, self._process.pid, self.data_dir)

    def stop(self) -> int:
        """Stop the node by SIGTERM and return its exit status."""
        return stop(self.process, timeout_s=_STOP_TIMEOUT_S)

    def kill(self) -> None:
        """Kill the node and its workers by SIGKILL."""
        kill(self.process)

    def vna(self, *arguments: str, timeout_s: float = _COMMAND_TIMEOUT_S) -> "subprocess.CompletedProcess[str]":
        """Run a `vna` command on the data folder and return what it printed."""
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "vna", *arguments],
            env=os.environ | self._environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def _is_up(self) -> bool:
        """Return whether node.json is of this process, not of one that was killed."""
        try:
            return bool(self._record()["pid"] == self.process.pid)
        except (FileNotFoundError, json.JSONDecodeError):
            return False

    def _record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.data_dir / "node.json").read_text())
        return record


@contextmanager
def running_node(
    folder: Path, *, settings: Mapping[str, str] | None = None, peers: Mapping[str, tuple[str, int]] | None = None
) -> Iterator[Server]:
    """Run a node over a new data folder until the block ends, with these peers registered."""
    with NodeProcess(folder, settings=settings) as node:
        server = node.start()
        for ae_title, (host, port) in (peers or {}).items():
            node.vna("peers", "add", ae_title, host, str(port)).check_returncode()
        yield server


def dicomweb_root(server: Server) -> str:
    """Return the DICOMweb root of a running node of ours."""
    http = json.loads((server.storage / "node.json").read_text())["http"]
    return f"http://{http['host']}:{http['port']}/dicom-web"
