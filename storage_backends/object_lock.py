"""A store in a bucket with Object Lock: what is stored is locked at once, and for as long as somebody renews it.

The lock rolls: each renewal sets it so many days ahead, and it is never set to the day on which a retention period will
end, because such a day may come sooner than it was thought to. What is not renewed can be deleted when its lock ends.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from storage_backends.access import Access
from storage_backends.backend import Listed, Staged
from storage_backends.content import Buffer
from storage_backends.errors import StoreUnavailable
from storage_backends.object_store import ObjectStore, blob_path, open_service, open_versions
from storage_backends.versions import Protection, Versions


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """How a store is locked: "governance" or "compliance", and for how many days ahead."""

    mode: str
    days: int


def open_locked_bucket(url: str, access: Access, lock: ObjectLock) -> "LockedBucket":
    """Open `s3://BUCKET/PREFIX` with Object Lock; the bucket is not asked yet.

    Raises:
        StoreUnavailable: something is missing that the service needs.
        ValueError: the service is none with Object Lock.
    """
    versions = open_versions(url, access)
    if versions is None:
        raise ValueError("only S3 has Object Lock")
    service, location = open_service(url, access)
    return LockedBucket(ObjectStore(service, location, spool=access.spool, versions=versions), versions, lock)


class LockedBucket:
    """Blobs as objects that cannot be deleted for some time."""

    def __init__(
        self,
        store: ObjectStore,
        versions: Versions,
        lock: ObjectLock,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the store of a bucket; it is not asked yet."""
        self.store, self.versions, self.lock, self._now = store, versions, lock, now
        self._is_checked = False

    @property
    def location(self) -> str:
        """The URL, which holds no secrets."""
        return self.store.location

    @property
    def at_once(self) -> int:
        """As any bucket."""
        return self.store.at_once

    def stage(self) -> "StagedLocked":
        """Begin to write.

        Raises:
            StoreUnavailable: the bucket has no Object Lock, or does not answer.
        """
        self.check()
        return StagedLocked(self.store.stage(), self.renew)

    def check(self) -> None:
        """Refuse a bucket that cannot lock.

        Raises:
            StoreUnavailable: the bucket has no Object Lock, or does not answer.
        """
        if not self._is_checked and not self.versions.control.has_lock():
            raise StoreUnavailable(f"{self.location} has no Object Lock, which has to be turned on with its making")
        self._is_checked = True

    def renew(self, name: str) -> Protection:
        """Lock a blob for the days ahead, and return how it is locked then; a lock that ends later stays as it is.

        Raises:
            BlobNotFound: there is nothing under this name.
            StoreUnavailable: the service does not.
        """
        control, path = self.versions.control, self.versions.path(blob_path(name))
        until = (self._now() + timedelta(days=self.lock.days)).replace(microsecond=0)
        standing = control.protection(path)
        if standing.until is not None and standing.until >= until:
            return standing
        control.protect(path, self.lock.mode, until)
        return replace(standing, until=until)

    def hold(self, name: str, *, is_held: bool) -> None:
        """Set or take away the legal hold of a blob.

        Raises:
            BlobNotFound: there is nothing under this name.
            StoreUnavailable: the service does not.
        """
        self.versions.control.hold(self.versions.path(blob_path(name)), is_held=is_held)

    def protection(self, name: str) -> Protection:
        """Return how a blob is locked.

        Raises:
            BlobNotFound: there is nothing under this name.
            StoreUnavailable: the service does not say.
        """
        return self.versions.control.protection(self.versions.path(blob_path(name)))

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return self.store.read(name, offset, length)

    def size(self, name: str) -> int:
        """Return the stored size in bytes."""
        return self.store.size(name)

    def names(self) -> Iterator[str]:
        """Yield the name of every blob."""
        return self.store.names()

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every blob of one part."""
        return self.store.listing(prefix)

    def delete(self, name: str) -> None:
        """Remove all versions of a blob.

        Raises:
            BlobLocked: it is locked still.
        """
        self.store.delete(name)

    def free_bytes(self) -> int | None:
        """Return None: a bucket knows no bound."""
        return None

    def total_bytes(self) -> int | None:
        """Return None: a bucket knows no bound."""
        return None


class StagedLocked:
    """Bytes on their way into a bucket with Object Lock."""

    def __init__(self, staged: Staged, renew: Callable[[str], Protection]) -> None:
        self._staged, self._renew = staged, renew

    def write(self, data: Buffer) -> None:
        """Append bytes."""
        self._staged.write(data)

    def flush(self) -> None:
        """Do what can be done early."""
        self._staged.flush()

    def commit(self, name: str) -> None:
        """Send the bytes, and lock them; who dies between the two leaves an object that a later renewal locks."""
        self._staged.commit(name)
        self._renew(name)

    def discard(self) -> None:
        """Forget the bytes."""
        self._staged.discard()
