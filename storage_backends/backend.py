"""What a store must be able to do: immutable byte strings under names.

`storage_backends.contract` is the suite that says it in code. Every method is safe to call from
several threads. A name is `<64 hex digits>.<codec>`; anything else is refused, so that no name can
lead out of the store.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from storage_backends.content import Buffer

_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,16}")

PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))
"""The parts a store is listed in: what the names in each begin with."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One thing in a store: its name, its size in bytes, and when it was written, in seconds since 1970."""

    name: str
    size: int
    modified: float


def is_name(text: str) -> bool:
    """Tell whether a store may hold something under this name."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> None:
    """Refuse what is not a name.

    Raises:
        ValueError: it is not `<64 hex digits>.<codec>`.
    """
    if not is_name(name):
        raise ValueError(f"not the name of a blob: {name!r}")


class Staged(Protocol):
    """Bytes being written; nobody sees them before `commit`."""

    def write(self, data: Buffer) -> None:
        """Append bytes. On NoSpace or StoreUnavailable everything written so far is discarded."""
        ...

    def flush(self) -> None:
        """Make what is written so far durable where that can be done early: less is left to `commit`."""
        ...

    def commit(self, name: str) -> None:
        """Make the bytes durable and visible under a name; what was there is replaced at once."""
        ...

    def discard(self) -> None:
        """Forget the bytes; does nothing after `commit`."""
        ...


class Readable(Protocol):
    """Where the bytes of blobs can be read."""

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`, fewer where the blob ends; all of them for None.

        Raises:
            BlobNotFound: there is nothing under this name.
        """
        ...

    def size(self, name: str) -> int:
        """Return the stored size in bytes.

        Raises:
            BlobNotFound: there is nothing under this name.
        """
        ...


class Backend(Readable, Protocol):
    """A place for blobs."""

    @property
    def location(self) -> str:
        """Where it is, for people."""
        ...

    @property
    def at_once(self) -> int:
        """How many blobs are best asked for at a time where many are: 1 where it answers at once."""
        ...

    def stage(self) -> Staged:
        """Begin to write."""
        ...

    def names(self) -> Iterator[str]:
        """Yield the name of everything that is visible, in no particular order."""
        ...

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield everything that is visible in one of the `PREFIXES`, in no particular order.

        What is stored or deleted meanwhile may be in it or not. The time is that of the store's own clock.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is fine."""
        ...

    def free_bytes(self) -> int | None:
        """Return how much more can be written, None if there is no telling."""
        ...

    def total_bytes(self) -> int | None:
        """Return how much the place can hold in all, None if there is no telling."""
        ...
