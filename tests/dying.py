"""A process that seals or rebuilds, and dies by SIGKILL at each of its steps in turn; run as a program.

    python dying.py seal DATA_DIR | rebuild DATA_DIR URL

A step is a call that makes something durable: of a file, of a name, of a transaction. For n = 0, 1, ... a child does
the work and is killed at its step n, until one comes to its end. Writes how many were killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from vna import settings  # noqa: E402
from vna.archive import rebuilding  # noqa: E402
from vna.index.statements import Cursor  # noqa: E402
from vna.node import Rebuild, open_sealer  # noqa: E402


def dying_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed at a step; return whether it was."""
    pid = os.fork()
    if pid == 0:
        left = [step]

        def steps(original: Callable) -> Callable:
            def called(*args: object, **named: object) -> object:
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
                return original(*args, **named)

            return called

        os.fsync, os.link = steps(os.fsync), steps(os.link)
        Cursor.do = steps(Cursor.do)
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def main(what: str, data_dir: str, url: str = "") -> None:
    os.environ["VNA_DATA_DIR"] = data_dir
    read = settings.load()
    rebuilding._BATCH = 2

    def seal() -> None:
        sealer = open_sealer(read)
        sealer.seal()
        sealer.close()

    def rebuild() -> None:
        Rebuild(read, url).run(tail=False, told=lambda _position: None)

    killed = 0
    while dying_at(killed if what == "seal" else killed % 12 + 1, seal if what == "seal" else rebuild):
        killed += 1
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
