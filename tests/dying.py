"""A process that seals, rebuilds, sweeps, destroys or runs the lifecycle, and dies by SIGKILL at each step; a program.

    python dying.py seal DATA_DIR | rebuild DATA_DIR URL | sweep DATA_DIR | destroy DATA_DIR | lifecycle DATA_DIR

A step is a call that makes something durable: of a file, of a name, of a transaction; or one that deletes. For n = 0,
1, ... a child does the work and is killed at its step n, until one comes to its end. Writes how many were killed.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from vna import settings  # noqa: E402
from vna.archive import rebuilding  # noqa: E402
from vna.index.statements import Cursor  # noqa: E402
from vna.node import Rebuild, lifecycle_of, open_sealer, open_sealing_archive, open_sweeper  # noqa: E402


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

        os.fsync, os.link, os.unlink = steps(os.fsync), steps(os.link), steps(os.unlink)
        Cursor.do = steps(Cursor.do)
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def deaths(what: str, *where: Path | str, timeout_s: float) -> int:
    """Run this program on a data folder, and return how often it died; what it wrote says why, where it failed."""
    program = [sys.executable, __file__, what, *map(str, where)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


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

    def sweep() -> None:
        open_sweeper(read).sweep(threading.Event())

    def lifecycle() -> None:
        archive = open_sealing_archive(read)
        lifecycle_of(archive, read.lifecycle).run(threading.Event())
        archive.close()

    def destroy() -> None:
        archive = open_sealing_archive(read)
        archive.destruction.run(threading.Event())
        archive.close()

    work = {"destroy": destroy, "seal": seal, "rebuild": rebuild, "sweep": sweep, "lifecycle": lifecycle}[what]
    killed = 0
    while dying_at(killed % 12 + 1 if what == "rebuild" else killed, work):
        killed += 1
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
