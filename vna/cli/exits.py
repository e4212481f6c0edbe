"""What the exit code of every command means; scripts rely on it."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of `vna`."""

    OK = 0
    PROBLEM = 1
    """A problem was found, or what was asked for was refused; standard error says why."""
    USAGE = 2
    """The command line was wrong."""
    UNREACHABLE = 3
    """The node is not running, or the peer did not answer as it should."""


HELP = (
    "Exit codes: 0 done, all is well; 1 a problem was found, or the request was refused (standard error says why); "
    "2 the command line was wrong; 3 the node is not running, or a peer did not answer."
)
