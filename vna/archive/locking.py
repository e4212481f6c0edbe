"""The locks of a store with Object Lock: renewed while retention runs, flagged while a hold stands, else left to end.

A lock rolls: it is set so many days ahead, and again when a quarter of them is over. It is never set to the day that
retention ends, which may come sooner after all. What nothing needs any more, and what lies behind its end, is not
renewed: when its lock ends it can be deleted, and what is to be deleted waits for that (`vna.archive.sweeping`).

Who dies between two steps, or loses what is known of the locks, asks the service again.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Final

from storage_backends import BlobStore, LockedBucket, Protection
from vna.archive.holds import Holds
from vna.archive.retention import Retention
from vna.archive.retention_results import NOT_OVERDUE
from vna.archive.translation import storage_errors
from vna.errors import Damaged, OutOfResources, VnaError
from vna.events import BlobEntry
from vna.index import Index, KnownLock, Use, index_errors
from vna.model import StudyUID
from vna.retention import State

_RENEWED_AFTER: Final = 0.25
"""The share of its days after which a lock is renewed."""
_RENEWALS_EVERY: Final = timedelta(hours=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass did: locks renewed, legal holds set, legal holds taken away."""

    renewed: int = 0
    held: int = 0
    let_go: int = 0


class LockKeeper:
    """Keeps the locks of one store. For one thread."""

    def __init__(
        self,
        index: Index,
        bucket: LockedBucket,
        store: str,
        reasons: "Reasons",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the store by its bucket and name; `now` is the time with its zone."""
        self._index, self._bucket, self._store, self._reasons, self._now = index, bucket, store, reasons, now
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    def run(self, stopping: Event) -> Passed:
        """Set and take away legal holds, and renew locks once an hour.

        Raises:
            OutOfResources: no lock can be renewed now, or the index cannot be used; it goes on next time.
        """
        now, held, let_go = self._now(), 0, 0
        try:
            held, let_go = self._follow_holds(now.date(), stopping)
        except OutOfResources as exc:  # locks roll on where a service knows no legal holds
            log.warning("legal holds are not set now store=%s reason=%s", self._store, exc)
        if now < self._renew_at:
            return Passed(0, held, let_go)
        renewed = self._renew(now, stopping)
        if not stopping.is_set():
            self._renew_at = now + min(_RENEWALS_EVERY, timedelta(days=self._bucket.lock.days) / 24)
        return Passed(renewed, held, let_go)

    def _renew(self, now: datetime, stopping: Event) -> int:
        """Renew what is used by something that is to be kept, and return how many that were."""
        days = timedelta(days=self._bucket.lock.days)
        before = int((now + days * (1 - _RENEWED_AFTER)).timestamp())
        self._reasons.begin(now.date())
        renewed, after = 0, None
        while not stopping.is_set():
            with index_errors():
                page = self._index.locks.ending(self._store, before, after)
            if not page:
                with index_errors():
                    self._index.locks.forget_gone()
                break
            locks = [lock for blob in page if (lock := self._renewed(blob)) is not None]
            with index_errors():
                self._index.locks.note(locks)
            renewed, after = renewed + len(locks), page[-1]
        return renewed

    def _renewed(self, blob: BlobEntry) -> KnownLock | None:
        with index_errors():
            users = self._index.locks.users(blob)
        if not any(map(self._reasons.keeps, users)):
            return None
        try:
            with storage_errors():
                return _known(blob, self._bucket.renew(_name(blob)))
        except Damaged as exc:
            log.warning("not locked digest=%s store=%s reason=%s", blob.digest, self._store, exc)
            return None

    def _follow_holds(self, today: date, stopping: Event) -> tuple[int, int]:
        """Flag what a hold stands over, and take the flag from what none does any more."""
        with index_errors():
            flagged = {blob.place: blob for blob in self._index.locks.held(self._store)}
            wanted = {blob.place: blob for blob in self._covered(today)}
        set_, taken = wanted.keys() - flagged.keys(), flagged.keys() - wanted.keys()
        for place in sorted(set_ | taken, key=lambda place: place.digest):
            if stopping.is_set():
                break
            self._flag(wanted.get(place) or flagged[place], is_held=place in set_)
        return len(set_), len(taken)

    def _flag(self, blob: BlobEntry, *, is_held: bool) -> None:
        try:
            with storage_errors():
                self._bucket.hold(_name(blob), is_held=is_held)
                lock = _known(blob, self._bucket.protection(_name(blob)))
        except Damaged as exc:
            log.warning("not flagged digest=%s store=%s reason=%s", blob.digest, self._store, exc)
            return
        with index_errors():
            self._index.locks.note([lock])

    def _covered(self, today: date) -> Iterator[BlobEntry]:
        for study, series in self._reasons.held(today):
            yield from self._index.locks.of_study(self._store, study, series)


class Reasons:
    """Says what is to be kept: retention runs, or a hold stands. For one thread; believed for one pass."""

    def __init__(self, index: Index, retention: Retention, holds: Holds) -> None:
        self._index, self._retention, self._holds = index, retention, holds
        self.begin(datetime.now(UTC).date())

    def begin(self, today: date) -> None:
        """Begin a pass, on a day."""
        self._today = today
        self._over: dict[str, frozenset[tuple[str | None, str | None]]] = {}

    def held(self, today: date) -> Iterator[tuple[str, str | None]]:
        """Go through what a hold stands over on a day: studies, or series of one."""
        for hold in self._holds.standing(today):
            yield from self._holds.covered(hold)

    def keeps(self, use: Use) -> bool:
        """Tell whether an instance is not behind its end, or kept behind it by a hold or a claim."""
        if use.study not in self._over:
            self._over[use.study] = self._ended(use.study)
        parts = {(None, None), (use.series, None), (use.series, use.instance)}
        return not parts & self._over[use.study]

    def _ended(self, study: str) -> frozenset[tuple[str | None, str | None]]:
        """Return what of a study is behind its end, as (series, instance); (None, None) is all of it."""
        today = self._today.isoformat()
        with index_errors():
            stored = self._index.retained.of_study(study)
        if stored is None or not stored.first_end or stored.first_end >= today:
            return frozenset()
        try:
            verdict = self._retention.verdict(StudyUID(study), self._today)
        except VnaError as exc:  # eliminated since, or no profile in force any more
            log.info("not evaluated study=%s reason=%s", study, exc)
            return frozenset()
        if _is_over(verdict.state, verdict.retain_until, self._today):
            return frozenset({(None, None)})
        parts = (part for part in verdict.parts if _is_over(part.state, part.retain_until, self._today))
        return frozenset((part.series_uid, part.instance_uid) for part in parts)


def locked_stores(blobs: BlobStore) -> Iterator[tuple[str, LockedBucket]]:
    """Go through the stores that have Object Lock, with their names."""
    for name, store in blobs.stores.items():
        if isinstance(store.backend, LockedBucket):
            yield name, store.backend


def _is_over(state: State, retain_until: date | None, today: date) -> bool:
    return retain_until is not None and retain_until < today and state.value not in NOT_OVERDUE


def _known(blob: BlobEntry, protection: Protection) -> KnownLock:
    until = protection.until
    return KnownLock(blob, 0 if until is None else int(until.timestamp()), protection.is_held)


def _name(blob: BlobEntry) -> str:
    return f"{blob.digest}.{blob.codec}"
