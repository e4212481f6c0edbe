"""Asking a store for many blobs: as many at a time as it takes to make up for how far away it is."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

from storage_backends.backend import Backend
from storage_backends.errors import StorageError

_Result = TypeVar("_Result")

_QUEUED: Final = 1000
"""How many names wait for a thread at most."""


def answers(
    backend: Backend, ask: Callable[[str], _Result], names: Iterable[str]
) -> Generator[tuple[str, "_Result | StorageError"]]:
    """Yield each name, in order, with what was answered, or the error that was.

    When it ends, or is closed, nothing that it asked for is still on its way.

    Args:
        backend: says how many may be asked for at a time (`Backend.at_once`).
        ask: asks the backend for one blob; called from several threads. Who stops early has asked for some more.

    Raises:
        StoreUnavailable: the backend cannot be opened.
    """
    rest = iter(names)
    if backend.at_once == 1:
        yield from ((name, _answer(ask, name)) for name in rest)
        return
    threads = ThreadPoolExecutor(backend.at_once, thread_name_prefix="asking")
    try:
        while some := list(islice(rest, _QUEUED)):
            yield from zip(some, threads.map(lambda name: _answer(ask, name), some), strict=True)
    finally:
        threads.shutdown(cancel_futures=True)


def _answer(ask: Callable[[str], _Result], name: str) -> "_Result | StorageError":
    try:
        return ask(name)
    except StorageError as exc:
        return exc
