"""Running the programs of other stacks: a command to its end, or a listener until a block ends."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from conformance.server import kill, running, wait_until
from interop.stacks.roles import StackFailed

_TIMEOUT_S = 60
_START_TIMEOUT_S = 30
_PLACES = "/usr/bin:/usr/local/bin:/opt/homebrew/bin"
_LISTENING = "0A"


def program(name: str) -> str | None:
    """Return the path of a program of the system: virtual environments hold others of the same names."""
    return shutil.which(name, path=_PLACES)


def run(command: Sequence[str | bytes], *, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed on standard output, which is UTF-8.

    Raises:
        StackFailed: its exit status is not 0.
    """
    status, out, err = outcome(command, environment=environment)
    if status != 0:
        raise StackFailed(f"exit status {status}: {(err or out)[-2000:]}")
    return out


def outcome(command: Sequence[str | bytes], *, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a program to its end; return its exit status and what it printed on standard output and error."""
    done = subprocess.run(
        command,
        env={"PATH": _PLACES, "LANG": "C.UTF-8", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@contextmanager
def listener(command: Sequence[str], *, port: int, folder: Path) -> Iterator[None]:
    """Run a program until the block ends, once something listens on the port; its log lies beside the folder."""
    log = folder.with_suffix(".log")
    shell = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command]
    with running(shell, environment={"LANG": "C.UTF-8"}, log=log) as process:
        wait_until(lambda: listens(port), process, log=log, timeout_s=_START_TIMEOUT_S)
        yield
        kill(process)


def listens(port: int) -> bool:
    """Return whether something listens on a port of this machine, without connecting to it (proc(5), net/tcp)."""
    lines = [line.split() for path in ("/proc/net/tcp", "/proc/net/tcp6") for line in _lines(Path(path))]
    return any(line[3] == _LISTENING and int(line[1].rpartition(":")[2], 16) == port for line in lines)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:] if path.exists() else []
