"""A store that is opened when it is first used, and tried again until it can be."""

import threading
from collections.abc import Callable, Iterator

from storage_backends.backend import Backend, Listed, Staged


class Late:
    """A place for blobs that may not be there yet: until it is, every use of it raises StoreUnavailable."""

    def __init__(self, location: str, open_backend: Callable[[], Backend]) -> None:
        """Open nothing yet; `open_backend` raises StoreUnavailable while it cannot."""
        self.location = location
        self._open_backend = open_backend
        self._lock = threading.Lock()
        self._opened: Backend | None = None

    @property
    def backend(self) -> Backend:
        """The store itself, opened now if it is not.

        Raises:
            StoreUnavailable: it cannot be.
        """
        with self._lock:
            if self._opened is None:
                self._opened = self._open_backend()
            return self._opened

    @property
    def at_once(self) -> int:
        """As the store itself."""
        return self.backend.at_once

    def stage(self) -> Staged:
        """Begin to write."""
        return self.backend.stage()

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return self.backend.read(name, offset, length)

    def size(self, name: str) -> int:
        """Return the stored size in bytes."""
        return self.backend.size(name)

    def names(self) -> Iterator[str]:
        """Yield the name of every blob."""
        yield from self.backend.names()

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield everything that is visible in one part."""
        yield from self.backend.listing(prefix)

    def delete(self, name: str) -> None:
        """Remove a blob if it is there."""
        self.backend.delete(name)

    def free_bytes(self) -> int | None:
        """Return how much more can be written."""
        return self.backend.free_bytes()

    def total_bytes(self) -> int | None:
        """Return how much the place can hold in all."""
        return self.backend.total_bytes()
