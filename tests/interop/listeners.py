"""The listeners of other stacks, each started once for all that is sent to it."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from interop.stacks.roles import Destination


class Listeners:
    """The listeners of the stacks, each started when it is first asked for; `folder` is where one keeps its files."""

    def __init__(self, folder: Path, ports: Mapping[str, int], running: ExitStack) -> None:
        self._folder, self._ports, self._running = folder, ports, running
        self._started: set[str] = set()

    def folder(self, stack: Destination, name: str) -> Path:
        """Start the listener of a stack, if it does not run yet."""
        folder = self._folder / name
        if name not in self._started:
            folder.mkdir()
            port = self._ports[name]
            self._running.enter_context(stack.listening(folder, port=port, ae_title=name.upper()))
            self._started.add(name)
        return folder
