"""Who reads what: noted in memory by whoever retrieves, and written down for many studies at once.

Never a write for each read: a study counts once a day, and what was noted is written half a minute after the first of
it, and when the archive is closed. What a process that dies has noted is lost, and no more than that.

What counts is what a viewer does when somebody opens a study: it asks for the metadata, once, and then for pixels and
other bulk data, as stored or rendered, by whatever protocol. Metadata count also where they are kept ready or the
viewer has them still (304): its cache may then have the pixels, too. Queries do not count, nor small pictures that are
kept ready, which lists are made of. Nor does what the archive reads by itself: scrub, verification, other copies.

A study that is read from a store that is not online is noted at once as one to be brought back, once in ten minutes.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from threading import Lock, Timer
from typing import Final

from vna.archive.recording import time_stamp
from vna.archive.tier_stores import TierStores
from vna.errors import NotOnline, VnaError
from vna.index import HeldInstance, Index, StoredForm, index_errors
from vna.model import Availability

_WRITE_AFTER_S: Final = 30.0
_ASK_AGAIN_S: Final = 600.0
_MOST: Final = 50_000

log = logging.getLogger(__name__)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


class Accesses:
    """Notes the retrievals of one process."""

    def __init__(self, index: Index, stores: TierStores, today: Callable[[], str] = _today) -> None:
        """Write to an index; `today` gives the day in UTC, ISO 8601."""
        self._index, self.stores, self._today = index, stores, today
        self._lock = Lock()
        self._seen: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._asked: dict[str, float] = {}
        self._timer: Timer | None = None

    def close(self) -> None:
        """Write down what was noted."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self.write()

    def note(self, instances: Sequence[HeldInstance], forms: Sequence[StoredForm]) -> None:
        """Note that instances are retrieved.

        Raises:
            NotOnline: one lies where it cannot be read at once; it was noted as to be brought back.
        """
        self.opened(instances)
        if not self.stores.all_online:
            self._look_where(instances, forms)

    def opened(self, instances: Iterable[HeldInstance]) -> None:
        """Note that somebody looks at instances, of which nothing is read from a store."""
        day = self._today()
        for study in {held.key.study for held in instances}:
            if self._seen.get(study) != day:
                self._note(study, day)

    def write(self) -> None:
        """Write down what was noted; what cannot be written is kept for the next time."""
        with self._lock:
            days, self._waiting = self._waiting, {}
        if not days:
            return
        try:
            with index_errors():
                self._index.placements.note_accesses(days)
        except VnaError as exc:
            log.warning("accesses are not noted now studies=%d reason=%s", len(days), exc)
            with self._lock:
                self._waiting = {**days, **self._waiting}

    def _note(self, study: str, day: str) -> None:
        with self._lock:
            if len(self._seen) >= _MOST:
                self._seen.clear()
            self._seen[study] = self._waiting[study] = day
            if self._timer is None:
                self._timer = Timer(_WRITE_AFTER_S, self._write_later)
                self._timer.daemon = True
                self._timer.start()

    def _write_later(self) -> None:
        with self._lock:
            self._timer = None
        self.write()

    def _look_where(self, instances: Sequence[HeldInstance], forms: Sequence[StoredForm]) -> None:
        for held, form in zip(instances, forms, strict=True):
            farthest = max((self.stores.availability(blob.store) for blob in form.blobs.values()), default=0)
            if farthest == Availability.ONLINE:
                continue
            self._ask_for(held.key.study)
            if farthest == Availability.OFFLINE:
                raise NotOnline(f"study {held.key.study} lies in a store that is offline: it is to be brought back")

    def _ask_for(self, study: str) -> None:
        now = time.monotonic()
        if now - self._asked.get(study, float("-inf")) < _ASK_AGAIN_S:
            return
        with self._lock:
            if len(self._asked) >= _MOST:
                self._asked.clear()
            self._asked[study] = now
        try:
            with index_errors():
                self._index.placements.ask_for(study, time_stamp())
        except VnaError as exc:
            log.warning("a study is not brought back now study=%s reason=%s", study, exc)
            self._asked.pop(study, None)
