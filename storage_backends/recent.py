"""Plain chunks that were read a moment ago: who reads one frame often reads the next one in its chunk, or it again."""

import threading
from collections import OrderedDict

from storage_backends.content import Plain

Key = tuple[str, int]
"""Name of a blob, and number of a chunk. What is under a name never changes."""


class RecentChunks:
    """Up to so many bytes of chunks, those used last. Thread-safe."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._lock = threading.Lock()
        self._chunks: OrderedDict[Key, Plain] = OrderedDict()

    def get(self, key: Key) -> Plain | None:
        """Return a chunk if it is here."""
        with self._lock:
            if key not in self._chunks:
                return None
            self._chunks.move_to_end(key)
            return self._chunks[key]

    def put(self, key: Key, chunk: Plain) -> None:
        """Keep a chunk, and forget those that were not used for longest."""
        with self._lock:
            self._held += len(chunk) - len(self._chunks.pop(key, b""))
            self._chunks[key] = chunk
            while self._held > self._most:
                _, forgotten = self._chunks.popitem(last=False)
                self._held -= len(forgotten)
