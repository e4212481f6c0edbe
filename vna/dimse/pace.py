"""Whether a peer that instances are sent to keeps pace: takes in what it is sent, and answers."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from vna.dimse.upper_layer import Buffer

_Chunk = TypeVar("_Chunk", bound=Buffer)
_LEAST_BYTES_PER_S = 1024


class Pace:
    """The clock of one association: it runs while we wait for the peer, and not while we work ourselves.

    The sending thread says which of the two it is; another one asks whether the peer stands still: it has
    answered nothing and confirmed less than 1 KiB a second for `limit_s` seconds.
    """

    def __init__(self, limit_s: float, acknowledged: Callable[[], int]) -> None:
        """Begin stopped; `acknowledged` says how many bytes the peer has confirmed, from any thread."""
        self._limit_s, self._acknowledged = limit_s, acknowledged
        self._waiting_since: float | None = None
        self._moved_at, self._moved_to = float("-inf"), 0

    def run(self) -> None:
        """Start the clock: it is the peer's turn now."""
        self._waiting_since = time.monotonic()

    def stop(self) -> None:
        """Stop the clock: it is our turn."""
        self._waiting_since = None

    def watched(self, chunks: Iterator[_Chunk]) -> Iterator[_Chunk]:
        """Give chunks to send, with the clock stopped while the next one is made."""
        while True:
            self.stop()
            chunk = next(chunks, None)
            self.run()
            if chunk is None:
                return
            yield chunk

    def stands_still(self) -> bool:
        """Return whether the peer has used up its time."""
        waiting_since = self._waiting_since
        if waiting_since is None:
            return False
        now, acknowledged = time.monotonic(), self._acknowledged()
        if acknowledged - self._moved_to >= _LEAST_BYTES_PER_S * self._limit_s:
            self._moved_at, self._moved_to = now, acknowledged
        return now - max(waiting_since, self._moved_at) > self._limit_s
