"""A store in memory: a fake that keeps the whole contract, for tests and short-lived nodes."""

import threading
import time
from collections.abc import Callable, Iterator

from storage_backends.backend import Listed, check_name
from storage_backends.content import Buffer
from storage_backends.errors import BlobNotFound


class Memory:
    """Blobs in a dictionary; gone with the process."""

    location = "memory"
    at_once = 1

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._written: dict[str, float] = {}
        self._lock = threading.Lock()

    def stage(self) -> "MemoryStaged":
        """Begin to write."""
        return MemoryStaged(self._put)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`."""
        blob = self._blob(name)
        return blob[offset:] if length is None else blob[offset : offset + length]

    def size(self, name: str) -> int:
        """Return the stored size in bytes."""
        return len(self._blob(name))

    def names(self) -> Iterator[str]:
        """Yield the name of every blob that was there at the call."""
        with self._lock:
            names = tuple(self._blobs)
        return iter(names)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every blob of this prefix that was there at the call."""
        with self._lock:
            found = [Listed(name, len(blob), self._written[name]) for name, blob in self._blobs.items()]
        return (listed for listed in found if listed.name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Remove a blob if it is there."""
        check_name(name)
        with self._lock:
            self._blobs.pop(name, None)
            self._written.pop(name, None)

    def free_bytes(self) -> int | None:
        """Return None: memory is not accounted for."""
        return None

    def total_bytes(self) -> int | None:
        """Return None: memory is not accounted for."""
        return None

    def _put(self, name: str, blob: bytes) -> None:
        check_name(name)
        with self._lock:
            self._blobs[name] = blob
            self._written[name] = time.time()

    def _blob(self, name: str) -> bytes:
        check_name(name)
        try:
            return self._blobs[name]
        except KeyError:
            raise BlobNotFound(f"no blob {name} in memory") from None


class MemoryStaged:
    """Bytes on their way into a `Memory`."""

    def __init__(self, put: Callable[[str, bytes], None]) -> None:
        self._put = put
        self._parts: list[bytes] = []

    def write(self, data: Buffer) -> None:
        """Append a copy of the bytes."""
        self._parts.append(bytes(data))

    def flush(self) -> None:
        """Do nothing: memory is never durable."""

    def commit(self, name: str) -> None:
        """Make the bytes visible under a name."""
        self._put(name, b"".join(self._parts))

    def discard(self) -> None:
        """Forget the bytes."""
        self._parts.clear()
