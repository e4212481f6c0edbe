"""A bucket with Object Lock whose clock can be set: what S3 answers, over a store in memory, one version an object."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import obstore
from obstore.store import MemoryStore

from storage_backends import (
    BlobLocked,
    BlobNotFound,
    LockedBucket,
    ObjectLock,
    ObjectStore,
    Protection,
    StoreUnavailable,
)
from storage_backends.access import Access
from storage_backends.versions import ObjectVersion, Versions


class LockingService:
    """Objects, their locks, and the time."""

    def __init__(self) -> None:
        self.service, self.now = MemoryStore(), datetime.now(UTC).replace(microsecond=0)
        self.locks: dict[str, Protection] = {}
        self.knows_legal_holds, self.calls = True, 0

    def bucket(self, days: int = 100) -> LockedBucket:
        versions = Versions("bucket", "", Access(), control=self)
        store = ObjectStore(self.service, "memory", versions=versions)
        return LockedBucket(store, versions, ObjectLock("compliance", days), now=lambda: self.now)

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)

    def keeps_versions(self) -> bool:
        return True

    def has_lock(self) -> bool:
        return True

    def versions(self, path: str) -> Iterator[ObjectVersion]:
        if self._is_there(path):
            yield ObjectVersion("the only one", is_marker=False)

    def delete(self, path: str, version: str) -> None:
        del version
        protection = self.locks.get(path, Protection())
        if protection.holds_at(self.now):
            raise BlobLocked(f"{path} is {protection}", None if protection.is_held else protection.until)
        obstore.delete(self.service, path)
        self.locks.pop(path, None)

    def protect(self, path: str, mode: str, until: datetime) -> None:
        del mode
        self.calls += 1
        before = self.protection(path)
        if before.until is not None and until < before.until:
            raise StoreUnavailable("403 AccessDenied: a lock is never shortened")
        self.locks[path] = Protection(until, before.is_held)

    def hold(self, path: str, *, is_held: bool) -> None:
        self.calls += 1
        if not self.knows_legal_holds:
            raise StoreUnavailable("501 NotImplemented: cannot set the legal hold")
        self.locks[path] = Protection(self.protection(path).until, is_held)

    def protection(self, path: str) -> Protection:
        if not self._is_there(path):
            raise BlobNotFound(f"there is no {path}")
        return self.locks.get(path, Protection())

    def _is_there(self, path: str) -> bool:
        try:
            obstore.head(self.service, path)
        except FileNotFoundError:
            return False
        return True
