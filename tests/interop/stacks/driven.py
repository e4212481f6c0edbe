"""Stacks that are libraries: each has a small driver in its own language, under `drivers/`, with one command line.

    echo   HOST PORT CALLING CALLED
    send   HOST PORT CALLING CALLED FILE...
    find   HOST PORT CALLING CALLED MODEL LEVEL CHARSET KEYWORD=VALUE...
    get    HOST PORT CALLING CALLED FOLDER STUDY CLASS,...
    move   HOST PORT CALLING CALLED DESTINATION STUDY
    abort  HOST PORT CALLING CALLED FILE
    listen PORT AE_TITLE FOLDER

Exit status 0 means that every answer was a success. `find` prints each answer as lines KEYWORD=VALUE and an empty line.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from conformance.upper_layer import Address
from interop.stacks.programs import listener, run
from interop.stacks.roles import Question, Wanted

DRIVERS = Path(__file__).resolve().parents[1] / "drivers"


class Driver:
    """Runs a driver; `ae_title` is the AE title it calls with."""

    def __init__(self, ae_title: str, environment: Mapping[str, str] | None = None) -> None:
        self._ae_title, self._environment = ae_title, environment or {}

    def command(self) -> list[str]:
        """Return how the driver is started, before its arguments; each stack says it."""
        raise NotImplementedError

    def call(self, name: str, node: Address, *arguments: str) -> str:
        """Run one command against a node and return what it printed."""
        address = [node.host, str(node.port), self._ae_title, node.ae_title]
        return run([*self.command(), name, *address, *arguments], environment=self._environment)

    def listen(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Run the listener."""
        environment = [f"{name}={value}" for name, value in self._environment.items()]
        command = ["/usr/bin/env", *environment, *self.command(), "listen", str(port), ae_title, str(folder)]
        return listener(command, port=port, folder=folder)


def ask(driver: Driver, node: Address, question: Question) -> list[Mapping[str, str]]:
    """Put a question and read the answers."""
    keys = [f"{keyword}={value}" for keyword, value in question.keys.items()]
    return parse_answers(driver.call("find", node, question.model, question.level, question.charset, *keys))


def fetch(driver: Driver, node: Address, wanted: Wanted, folder: Path) -> None:
    """Retrieve a study by C-GET."""
    driver.call("get", node, str(folder), wanted.study, ",".join(wanted.sop_classes))


def parse_answers(printed: str) -> list[Mapping[str, str]]:
    """Return the answers that `find` printed."""
    blocks = [block for block in printed.split("\n\n") if block.strip()]
    return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]


def paths(files: Sequence[Path]) -> list[str]:
    """Return files as arguments."""
    return [str(file) for file in files]
