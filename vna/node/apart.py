"""Work done in a process of its own, so that the threads a library begins for it end with it.

An object store is asked through a library that runs threads from the first request on, and a process with threads
must not fork. What is asked of the store before the workers are forked is asked in such a process.
"""

import os
import pickle
from collections.abc import Callable

from vna.errors import StartRefused, VnaError
from vna.node.forking import fork_child


def run_apart(work: Callable[[], None]) -> None:
    """Run something in a forked process that dies with this one, and wait for its end.

    Raises:
        VnaError: what it raised.
        StartRefused: it failed in another way, which it has logged.
    """
    answers, answer = os.pipe()
    pid = fork_child(lambda: _answer(work, answers, answer), what="what is done before the start")
    os.close(answer)
    with os.fdopen(answers, "rb") as told:
        result = told.read()
    os.waitpid(pid, 0)
    failure = pickle.loads(result) if result else StartRefused("what is done before the start failed; see the log")  # noqa: S301 - of our own child
    if failure is not None:
        raise failure


def _answer(work: Callable[[], None], answers: int, answer: int) -> None:
    """Do the work as the child, and tell what became of it."""
    os.close(answers)
    failure: VnaError | None = None
    try:
        work()
    except VnaError as exc:
        failure = exc
    with os.fdopen(answer, "wb") as told:
        told.write(pickle.dumps(failure))
