"""Bytes of data sets on their way in: bounded in all and for each source, so that nobody fills the spool."""

import threading
from collections import Counter

from vna.errors import OutOfResources


class InFlight:
    """What is on its way into one process; safe to use from all threads."""

    def __init__(self, most_bytes: int, *, most_of_source: int) -> None:
        self._most, self._most_of_source = most_bytes, most_of_source
        self._lock = threading.Lock()
        self._all = 0
        self._of: Counter[str] = Counter()

    def take(self, source: str, size: int) -> None:
        """Count `size` bytes more of a source.

        Raises:
            OutOfResources: that is more than there may be; nothing was counted.
        """
        with self._lock:
            if self._of[source] + size > self._most_of_source:
                raise OutOfResources("too many bytes of this peer are on their way in; send it again")
            if self._all + size > self._most:
                raise OutOfResources("too many bytes are on their way in; send it again")
            self._all += size
            self._of[source] += size

    def give_back(self, source: str, size: int) -> None:
        """Count `size` bytes less."""
        with self._lock:
            self._all -= size
            self._of[source] -= size
            if not self._of[source]:
                del self._of[source]
