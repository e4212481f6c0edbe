"""The association that log lines belong to, known to everything that works for it, in whichever thread.

The id is that of the archive's session, which stands in the journal too. A thread pool that works for associations is
a `ContextThreads`, so that its lines carry the id of whoever gave it the work.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

ASSOCIATION: ContextVar[str] = ContextVar("association", default="")
"""Id of the association that this thread works for, empty when it works for none."""

P = ParamSpec("P")
T = TypeVar("T")


def in_this_context(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that runs for the association of now, in whichever thread it is called."""
    run: Callable[..., T] = partial(copy_context().run, function)
    return run


class ContextThreads(ThreadPoolExecutor):
    """A pool of threads each of which works for the association that gave it its work."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a function called in a thread of the pool."""
        return super().submit(in_this_context(fn), *args, **kwargs)
