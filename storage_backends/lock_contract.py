"""The suite every bucket with Object Lock must pass, beside that of `storage_backends.contract`."""
# ruff: noqa: S101  (these are tests)

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from storage_backends.contract import NAME, OTHER, put
from storage_backends.errors import BlobLocked, BlobNotFound
from storage_backends.object_lock import LockedBucket, ObjectLock

AN_HOUR: Final = timedelta(hours=1)


class LockContract:
    """What is true of every bucket with Object Lock."""

    @pytest.fixture
    def bucket(self) -> LockedBucket:
        """Return a bucket that locks for a day; each service's test says which."""
        raise NotImplementedError

    def test_what_is_stored_is_locked_for_the_days_ahead(self, bucket: LockedBucket) -> None:
        """From the commit on, and it can be read."""
        put(bucket, NAME, b"bytes")

        until = bucket.protection(NAME).until
        assert until is not None
        assert abs(until - datetime.now(UTC) - timedelta(days=1)) < AN_HOUR
        assert bucket.read(NAME) == b"bytes"

    def test_what_is_locked_is_not_deleted_and_says_until_when(self, bucket: LockedBucket) -> None:
        """Nothing of it is hidden by the attempt either."""
        put(bucket, NAME, b"bytes")

        with pytest.raises(BlobLocked, match="locked until") as refused:
            bucket.delete(NAME)

        assert refused.value.until == bucket.protection(NAME).until
        assert bucket.read(NAME) == b"bytes"
        assert NAME in list(bucket.names())

    def test_a_lock_is_never_shortened(self, bucket: LockedBucket) -> None:
        """Not by who asks for fewer days, whatever the mode."""
        put(bucket, NAME, b"bytes")
        before = bucket.protection(NAME).until
        bucket.lock = ObjectLock(bucket.lock.mode, 0)

        assert bucket.renew(NAME).until == bucket.protection(NAME).until == before

    def test_a_lock_is_extended(self, bucket: LockedBucket) -> None:
        """Renewing counts the days from now."""
        put(bucket, NAME, b"bytes")
        bucket.lock = ObjectLock(bucket.lock.mode, 30)

        until = bucket.renew(NAME).until

        assert until == bucket.protection(NAME).until
        assert until is not None
        assert until > datetime.now(UTC) + timedelta(days=29)

    def test_a_legal_hold_is_set_and_taken_away_and_the_lock_stays(self, bucket: LockedBucket) -> None:
        """The two have nothing to do with each other."""
        put(bucket, NAME, b"bytes")
        locked = bucket.protection(NAME)

        bucket.hold(NAME, is_held=True)
        held = bucket.protection(NAME)
        bucket.hold(NAME, is_held=False)

        assert (held.is_held, held.until) == (True, locked.until)
        assert bucket.protection(NAME) == locked

    def test_what_is_not_there_has_no_lock(self, bucket: LockedBucket) -> None:
        """Asking says so; deleting it is fine."""
        for ask in (bucket.renew, bucket.protection, bucket.read):
            with pytest.raises(BlobNotFound):
                ask(OTHER)
        bucket.delete(OTHER)
