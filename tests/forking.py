"""Work in a forked process, which shares the memory that was made to be shared, and nothing else."""

import os
import warnings
from collections.abc import Callable


def in_child(work: Callable[[], object]) -> int:
    """Run something in a forked process that ends without a goodbye; return its process id.

    The work must take no lock that another thread of the test run may hold.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside the threads of the test runner
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    return pid
