"""Versions and locks of the objects in a bucket of S3.

In a bucket that keeps versions, deleting an object hides it and deletes nothing. Whoever must be able to say that
something is gone deletes each version by its id, delete markers too, and that is what `Versions.delete` does.

Object Lock is a date until which a version cannot be deleted by anybody ("compliance"), or only with a permission that
this archive never uses ("governance"), and a legal hold beside it, without a date. A lock is only ever extended here.
"""

import importlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from storage_backends.access import Access
from storage_backends.errors import BlobLocked

_FRESH_S: Final = 60.0
"""How long it is believed whether a bucket keeps versions."""

_WITHOUT_END: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, or a delete marker."""

    version: str
    is_marker: bool


@dataclass(frozen=True, slots=True)
class Protection:
    """How an object is locked: until when, with a time zone, and whether there is a legal hold on it."""

    until: datetime | None = None
    is_held: bool = False

    def holds_at(self, now: datetime) -> bool:
        """Tell whether the object cannot be deleted at a time."""
        return self.is_held or (self.until is not None and self.until > now)

    def __str__(self) -> str:
        hold = "under legal hold" if self.is_held else ""
        lock = f"locked until {self.until.isoformat(timespec='seconds')}" if self.until else ""
        return " and ".join(filter(None, (hold, lock))) or "not locked"


class BucketControl(Protocol):
    """What a service is asked; `storage_backends.bucket_control` asks a real one."""

    def keeps_versions(self) -> bool:
        """Tell whether what is replaced or deleted in the bucket stays as an older version."""
        ...

    def has_lock(self) -> bool:
        """Tell whether the bucket has Object Lock."""
        ...

    def versions(self, path: str) -> Iterator[ObjectVersion]:
        """Yield every version and delete marker of one object."""
        ...

    def delete(self, path: str, version: str) -> None:
        """Delete one version of an object for good, or raise BlobLocked."""
        ...

    def protect(self, path: str, mode: str, until: datetime) -> None:
        """Lock the latest version of an object until a time."""
        ...

    def hold(self, path: str, *, is_held: bool) -> None:
        """Set or take away the legal hold of the latest version of an object."""
        ...

    def protection(self, path: str) -> Protection:
        """Return how the latest version of an object is locked."""
        ...


class Versions:
    """The versions of what one archive has in a bucket, below a prefix. Thread-safe."""

    def __init__(self, bucket: str, prefix: str, access: Access, control: BucketControl | None = None) -> None:
        """Ask nothing yet, nor load what asks, unless that is given."""
        self._bucket, self._prefix, self._access = bucket, prefix.strip("/"), access
        self._lock = threading.Lock()
        self._made = control
        self._kept, self._asked_at = False, float("-inf")

    @property
    def control(self) -> BucketControl:
        """What asks the service.

        Raises:
            StoreUnavailable: it cannot be made.
        """
        with self._lock:
            if self._made is None:
                module = importlib.import_module("storage_backends.bucket_control")  # takes 0.4 s, seldom needed
                self._made = module.Control(self._bucket, self._access)
            return self._made

    def are_kept(self) -> bool:
        """Tell whether the bucket keeps versions; asked again each minute.

        Raises:
            StoreUnavailable: it does not say.
        """
        if time.monotonic() - self._asked_at > _FRESH_S:
            self._kept, self._asked_at = self.control.keeps_versions(), time.monotonic()
        return self._kept

    def delete(self, path: str) -> None:
        """Delete all there is of one object; one that is not there is fine.

        Raises:
            BlobLocked: a lock refuses it; what was not locked is gone.
            StoreUnavailable: the service does not.
        """
        locked: list[BlobLocked] = []
        for each in list(self.control.versions(self.path(path))):
            try:
                self.control.delete(self.path(path), each.version)
            except BlobLocked as exc:
                locked.append(exc)
        if locked:
            raise max(locked, key=lambda exc: exc.until or _WITHOUT_END)

    def path(self, below: str) -> str:
        """Return the whole key of something below the prefix."""
        return f"{self._prefix}/{below}" if self._prefix else below
