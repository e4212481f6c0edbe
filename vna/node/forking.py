"""Forking a process that does one thing and ends, or dies with the process that forked it."""

import logging
import os
import signal
import sys
from collections.abc import Callable

from vna.parent_death import end_with_parent

_log = logging.getLogger(__name__)

_FAILED = 1


def fork_child(run: Callable[[], None], *, what: str) -> int:
    """Run something in a child that dies with this process; return the child's process id.

    It ends with status 0 once it has run; a failure is logged as one of `what`, and the status is 1.
    """
    parent = os.getpid()
    sys.stdout.flush()
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
        return pid
    status = _FAILED
    try:
        # A SIGTERM that comes before the child has its own answer to it ends it, not the parent's work
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
        end_with_parent()
        if os.getppid() == parent:
            run()
            status = 0
    except Exception:  # noqa: BLE001 - the outermost loop of a process
        _log.exception("%s failed pid=%d", what, os.getpid())
    finally:
        logging.shutdown()
        os._exit(status)
