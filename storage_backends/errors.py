"""What can go wrong with stored bytes. `vna.archive` translates these, in one place.

Messages name the blob and the place; they never hold stored bytes.
"""

from datetime import datetime


class StorageError(Exception):
    """A store could not do what it was asked to."""


class BlobNotFound(StorageError):
    """The store holds nothing under this name."""


class BlobDamaged(StorageError):
    """What is stored no longer gives the bytes it is named by; it is never handed out."""


class FrameNotFound(StorageError):
    """The blob has fewer frames, or was stored without a frame table."""


class NoSpace(StorageError):
    """The store is full; nothing was kept of what was being written."""


class StoreUnavailable(StorageError):
    """The store cannot be reached or refuses to work: read-only, I/O error, missing folder."""


class BlobLocked(StorageError):
    """The blob cannot be deleted before its lock ends; `until` is None under a legal hold without a date."""

    def __init__(self, message: str, until: datetime | None) -> None:
        super().__init__(message)
        self.until = until
