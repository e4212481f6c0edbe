"""Work done in a process of its own, so that the threads a library begins for it end with it.

An object store is asked through a library that runs threads from the first request on, and a process with threads
must not fork. What is asked of the store before the workers are forked is asked in such a process.
"""

import ctypes
import logging
import os
import pickle
import signal
from collections.abc import Callable

from vna.errors import StartRefused, VnaError

_log = logging.getLogger(__name__)

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def run_apart(work: Callable[[], None]) -> None:
    """Run something in a forked process that dies with this one, and wait for its end.

    Raises:
        VnaError: what it raised.
        StartRefused: it failed in another way, which it has logged.
    """
    answers, answer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(answers)
        _work(work, answer)
    os.close(answer)
    with os.fdopen(answers, "rb") as told:
        result = told.read()
    os.waitpid(pid, 0)
    failure = pickle.loads(result) if result else StartRefused("what is done before the start failed; see the log")  # noqa: S301 - of our own child
    if failure is not None:
        raise failure


def _work(work: Callable[[], None], answer: int) -> None:
    """Do the work as the child, tell what became of it, and end."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    try:
        work()
        _tell(answer, None)
    except VnaError as exc:
        _tell(answer, exc)
    except Exception:  # noqa: BLE001 - the outermost loop of a process
        _log.exception("what is done before the start failed pid=%d", os.getpid())
    finally:
        logging.shutdown()
        os._exit(0)


def _tell(answer: int, failure: VnaError | None) -> None:
    with os.fdopen(answer, "wb") as told:
        told.write(pickle.dumps(failure))
