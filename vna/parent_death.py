"""A process that ends with the one that started it, whichever way that ends (Linux)."""

import ctypes
import signal

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent (to be exact, the thread that forked it) ends.

    A parent that has ended before is not noticed: compare `os.getppid` afterwards.
    """
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
