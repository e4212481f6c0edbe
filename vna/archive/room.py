"""Room to write: intake stops at a free-space watermark, so that commits always still fit."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from storage_backends import BlobStore, StorageError
from vna.errors import OutOfResources

_FRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class Space:
    """Room in the store, in bytes: `kept_free` of it are never filled."""

    free: int
    total: int
    kept_free: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """How much of a disk is never filled: a share of it in percent, and no more than so many bytes."""

    percent: float = 0
    bytes: int = 0

    def kept_free(self, total: int) -> int:
        """Return how many bytes that is, of a disk of `total`."""
        return min(self.bytes, int(total * self.percent / 100))

    def check(self, name: str, *, free: int, total: int) -> None:
        """Refuse to fill a disk further.

        Raises:
            OutOfResources: less is `free` than is kept free.
        """
        kept = self.kept_free(total)
        if free < kept:
            raise OutOfResources(f"{name} below its free-space watermark: {free >> 20} MiB free, {kept >> 20} MiB kept")


class Room:
    """Watches the free space of a store; the one of the main store knows those of the tiers, by name."""

    def __init__(
        self,
        blobs: BlobStore,
        *,
        min_free_percent: float,
        min_free_bytes: int,
        name: str = "store",
        tiers: "Mapping[str, Room] | None" = None,
    ) -> None:
        self._blobs, self._name, self._tiers = blobs, name, dict(tiers or {})
        self._watermark = Watermark(min_free_percent, min_free_bytes)
        self._looked_at = float("-inf")
        self._shortage: str | None = None

    def at(self, store: str) -> "Room":
        """Return the room in a tier, or for an empty name that in the main store.

        Raises:
            KeyError: there is no such tier.
        """
        return self._tiers[store] if store else self

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
        return Space(free, total, self._watermark.kept_free(total))

    def _look(self) -> str | None:
        try:
            space = self.space()
            if space is not None:
                self._watermark.check(self._name, free=space.free, total=space.total)
        except (OutOfResources, StorageError) as exc:
            return str(exc)
        return None
