"""The command line: `vna serve | status | import | export | peers | verify | config`."""

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module

from vna.garbage import loading

_INTERRUPTED = 130
"""As a shell says of a program that Ctrl-C ended."""

_Main = Callable[[list[str] | None], None]


def main(arguments: list[str] | None = None) -> None:
    """Load the commands, and run one; always ends with SystemExit.

    Args:
        arguments: the command line without the program's name; None for that of the process.
    """
    try:
        run = _loaded()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run(arguments)


@cache
def _loaded() -> _Main:
    with loading():
        commands: _Main = import_module("vna.cli.app").main
    return commands
