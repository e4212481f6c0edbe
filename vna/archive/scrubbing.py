"""Scrubbing: every blob of a store is read again and compared with its digest, steadily, round after round.

A round goes through the blobs in the order of their digests, each time the same, so that the blob whose check is
oldest is always the next one, without a write for each. How far it is stands in a working row (vna.index.scrubbing):
after a restart it goes on there.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final

from vna.archive.healing import Healer, Health, store_name
from vna.archive.kept import blob_ref
from vna.archive.translation import storage_errors
from vna.errors import Damaged
from vna.events import BlobEntry
from vna.index import BlobState, Round, index_errors, place_key
from vna.metrics.families import SCRUBBED, SCRUBBED_BYTES

LEAST_COST_BYTES: Final = 64 << 10
"""What a blob counts for at least: finding and opening a small one takes as long as reading so much."""
REST: Final = timedelta(days=7)
"""A round begins this long after the one before it began, or later: a small store is not read all the time."""

_PAGE: Final = 100
_KEPT_EVERY_S: Final = 10
_TURN_S: Final = 120
"""After this long a round is left to whoever keeps house by then."""
_SHORTEST_WAIT_S: Final = 0.1
_ACTOR: Final = "scrub"


class Pace:
    """Spreads reading over time: so many bytes a second, however fast the store is."""

    def __init__(self, bytes_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now; `clock` gives seconds."""
        self._bytes_per_s, self.clock = bytes_per_s, clock
        self._due = clock()

    def spend(self, size_bytes: float, stopping: Event) -> bool:
        """Wait as long as so many bytes are to take; return true, at once, when it is time to stop."""
        now = self.clock()
        self._due = max(self._due, now) + size_bytes / self._bytes_per_s
        if self._due - now < _SHORTEST_WAIT_S:
            return stopping.is_set()
        return stopping.wait(self._due - now)


class Scrubber:
    """Goes through one store of an archive, the store itself or a replica."""

    def __init__(
        self, healer: Healer, store: str, pace: Pace, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take the place of nobody: one at a time may go through a store."""
        self._healer, self._store, self._pace, self._now = healer, store, pace, now
        self._index, self._metrics = healer.index, healer.metrics
        self._kept_at = float("-inf")

    def run(self, stopping: Event) -> None:
        """Go on with the round that was begun, or begin one if it is time, for two minutes or until `stopping` is set.

        Raises:
            OutOfResources: the store or the index cannot be used; the round goes on from there next time.
        """
        with index_errors():
            found = self._index.rounds.all().get(self._store, Round(self._store))
        if not found.is_running:
            if not self._is_due(found):
                return
            found = replace(found, round_began=self._stamp(), upto=b"", checked=0, checked_bytes=0, damaged=0)
        self._go_through(found, stopping)

    def _is_due(self, found: Round) -> bool:
        last = found.last_round_began
        return last is None or abs(self._now() - datetime.fromisoformat(last)) >= REST  # a clock may be set back

    def _go_through(self, found: Round, stopping: Event) -> None:
        turn_ends = self._pace.clock() + _TURN_S
        try:
            while page := self._page(found):
                for blob, state in page:
                    sound = self._check(blob, state, stopping)
                    if sound is None:
                        return
                    found = _passed(found, blob, sound=sound)
                    if self._pace.clock() >= turn_ends:
                        return
                    self._keep_now_and_then(found)
            began, ended = found.round_began, self._stamp()
            found = replace(found, round_began="", upto=b"", last_round_began=began, last_round_ended=ended)
        finally:
            self._keep(found)

    def _page(self, found: Round) -> list[tuple[BlobEntry, BlobState]]:
        with index_errors():
            return self._index.blobs.page(self._store, after=found.upto, most=_PAGE)

    def _check(self, blob: BlobEntry, state: BlobState, stopping: Event) -> bool | None:
        """Return whether a blob was found right; None when it is time to stop, and it has not been read to its end."""
        try:
            stopped = self._read(blob, stopping)
        except Damaged:
            self._healer.refuse_empty(self._store)
            return self._healer.examine(blob, _ACTOR) is Health.RIGHT
        if stopped:
            return None
        if state is BlobState.BAD:  # somebody has put the file back
            self._healer.examine(blob, _ACTOR)
        self._metrics.count(SCRUBBED, store_name(self._store))
        self._metrics.count(SCRUBBED_BYTES, store_name(self._store), by=blob.stored_size)
        return True

    def _read(self, blob: BlobEntry, stopping: Event) -> bool:
        """Read a blob at the pace set; return whether it is time to stop."""
        stored_share = blob.stored_size / max(1, blob.plain_size)
        with storage_errors():
            for chunk in self._healer.blobs.at(self._store).stream(blob_ref(blob)):
                if self._pace.spend(len(chunk) * stored_share, stopping):
                    return True
        return self._pace.spend(max(0, LEAST_COST_BYTES - blob.stored_size), stopping)

    def _keep_now_and_then(self, found: Round) -> None:
        if self._pace.clock() - self._kept_at >= _KEPT_EVERY_S:
            self._keep(found)

    def _keep(self, found: Round) -> None:
        with index_errors():
            self._index.rounds.keep(found)
        self._kept_at = self._pace.clock()

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="seconds")


def _passed(found: Round, blob: BlobEntry, *, sound: bool) -> Round:
    return replace(
        found,
        upto=place_key(blob),
        checked=found.checked + 1,
        checked_bytes=found.checked_bytes + blob.stored_size,
        damaged=found.damaged + (not sound),
    )
