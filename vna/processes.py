"""Work of which no part waits for another, by several processes.

Results come in the order of the tasks, and no more is begun than is waited for: so memory stays bounded.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Final, TypeVar

from vna.errors import VnaError
from vna.garbage import collect_seldom
from vna.parent_death import end_with_parent

_TASKS_IN_HAND: Final = 2

Task = TypeVar("Task")
Work = TypeVar("Work")
Result = TypeVar("Result")


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def run_apart(
    function: Callable[[Work], Result], tasks: Iterable[tuple[Task, Work]], processes: int
) -> Iterator[tuple[Task, Result]]:
    """Yield each task with what a function of the top level of a module makes of its work in another process.

    Raises:
        VnaError: a process died; or whatever the function raises.
    """
    begun: deque[tuple[Task, Future[Result]]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin_process) as pool:
        try:
            for task, work in tasks:
                begun.append((task, pool.submit(function, work)))
                if len(begun) >= processes * _TASKS_IN_HAND:
                    yield _result(*begun.popleft())
            while begun:
                yield _result(*begun.popleft())
        except BrokenProcessPool as exc:
            raise VnaError("a process that helped has died: run it again, with more memory") from exc
        finally:
            pool.shutdown(cancel_futures=True)


def _result(task: Task, future: "Future[Result]") -> tuple[Task, Result]:
    return task, future.result()


def _begin_process() -> None:
    """End with the process that waits for this one, leave Ctrl-C to it, and seldom look for cycles.

    This comes before the modules of the work are loaded, if this one loads none of them.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
