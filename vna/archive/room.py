"""Room to write: intake stops at a free-space watermark, so that commits always still fit."""

import time
from dataclasses import dataclass

from storage_backends import BlobStore
from vna.errors import OutOfResources

_FRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class Space:
    """Room in the store, in bytes: `kept_free` of it are never filled."""

    free: int
    total: int
    kept_free: int


class Room:
    """Watches the free space of the store."""

    def __init__(self, blobs: BlobStore, *, min_free_percent: float, min_free_bytes: int) -> None:
        self._blobs = blobs
        self._percent, self._bytes = min_free_percent, min_free_bytes
        self._looked_at = float("-inf")
        self._shortage: str | None = None

    def check(self) -> None:
        """Refuse intake when the store is nearly full.

        Raises:
            OutOfResources: less is free than the watermark asks for.
        """
        shortage = self.shortage()
        if shortage is not None:
            raise OutOfResources(shortage)

    def shortage(self) -> str | None:
        """Say what is short, or None when there is room; looks at most twice a second."""
        now = time.monotonic()
        if now - self._looked_at > _FRESH_S:
            self._shortage, self._looked_at = self._look(), now
        return self._shortage

    def space(self) -> Space | None:
        """Return how much room there is now, None when the store knows no bound."""
        free, total = self._blobs.free_bytes(), self._blobs.total_bytes()
        if free is None or total is None:
            return None
        return Space(free, total, min(self._bytes, int(total * self._percent / 100)))

    def _look(self) -> str | None:
        space = self.space()
        if space is None or space.free >= space.kept_free:
            return None
        return f"store below its free-space watermark: {space.free >> 20} MiB free, {space.kept_free >> 20} MiB kept"
