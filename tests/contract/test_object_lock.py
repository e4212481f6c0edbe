"""Object Lock, over a service in memory whose clock can be set and over a real S3 service; versions that go for good.

The locks at the real service last for seconds; whoever waits for the end of one asks until it has come.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import s3_server
from locking_service import LockingService
from storage_backends import (
    Access,
    Backend,
    BlobLocked,
    BlobStore,
    Codec,
    LockedBucket,
    Memory,
    MemoryContent,
    ObjectDocuments,
    ObjectLock,
    ObjectStore,
    StoreUnavailable,
    open_bucket,
    open_bucket_documents,
    open_locked_bucket,
)
from storage_backends.bucket_control import Control
from storage_backends.contract import NAME, NAMES, OTHER, BackendContract, put
from storage_backends.lock_contract import LockContract
from storage_backends.object_store import open_service
from storage_backends.versions import Versions


class TestInMemory(LockContract):
    @pytest.fixture
    def bucket(self) -> LockedBucket:
        return LockingService().bucket(days=1)

    def test_a_blob_is_deleted_when_its_lock_has_ended(self) -> None:
        service = LockingService()
        bucket = service.bucket(days=1)
        put(bucket, NAME, b"bytes")
        service.pass_days(1)

        bucket.delete(NAME)

        assert list(bucket.names()) == []

    def test_a_legal_hold_outlasts_the_lock(self) -> None:
        service = LockingService()
        bucket = service.bucket(days=1)
        put(bucket, NAME, b"bytes")
        bucket.hold(NAME, is_held=True)
        service.pass_days(2)

        with pytest.raises(BlobLocked, match="legal hold") as refused:
            bucket.delete(NAME)
        assert refused.value.until is None


class TestContractInMemory(BackendContract):
    """A bucket that locks is a backend like any other; of the locks here none has a length."""

    @pytest.fixture
    def backend(self) -> Backend:
        return LockingService().bucket(days=0)


@pytest.fixture(scope="module")
def access(s3: str) -> Iterator[Access]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.CREDENTIALS.items():
            patch.setenv(name, value)
        yield Access(endpoint=s3)


@pytest.fixture(scope="module")
def lockable(access: Access) -> Control:
    return Control(s3_server.new_versioned_bucket(access.endpoint, lock=True), with_credentials(access))


@pytest.fixture(scope="module")
def versioned(access: Access) -> str:
    return s3_server.new_versioned_bucket(access.endpoint, lock=False)


def with_credentials(access: Access) -> Access:
    given = {"aws_access_key_id": s3_server.ACCESS_KEY, "aws_secret_access_key": s3_server.SECRET_KEY}
    return replace(access, credentials=given)


def locked(control: Control, folder: str, access: Access, lock: ObjectLock) -> LockedBucket:
    """Open a folder of the bucket; one client serves them all, as making one takes longer than each test."""
    versions = Versions("not asked", folder, access, control=control)
    service, location = open_service(f"s3://{control.bucket}/{folder}", access)
    return LockedBucket(ObjectStore(service, location, versions=versions), versions, lock)


@pytest.mark.long
class TestS3(LockContract):
    @pytest.fixture(params=["governance", pytest.param("compliance", marks=pytest.mark.long)])
    def bucket(self, lockable: Control, access: Access, request: pytest.FixtureRequest) -> LockedBucket:
        folder = f"{request.param}/{request.function.__name__}"
        return locked(lockable, folder, access, ObjectLock(request.param, 1))


def ending_in(seconds: float) -> Callable[[], datetime]:
    """Return a clock by which a lock of a day ends so soon."""
    return lambda: datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=seconds)


def test_every_version_goes_when_its_lock_has_ended(lockable: Control, access: Access) -> None:
    opened = locked(lockable, "ended", access, ObjectLock("compliance", 1))
    bucket = LockedBucket(opened.store, opened.versions, opened.lock, now=ending_in(2))
    put(bucket, NAME, b"older")
    put(bucket, NAME, b"newer")

    with pytest.raises(BlobLocked):
        bucket.delete(NAME)
    deadline = time.monotonic() + 30
    while list(lockable.versions(f"ended/blobs/{NAME[:3]}/{NAME}")):
        assert time.monotonic() < deadline
        try:
            bucket.delete(NAME)
        except BlobLocked:
            continue
    bucket.delete(NAME)

    assert list(bucket.names()) == []


def test_a_bucket_without_object_lock_is_refused(versioned: str, access: Access) -> None:
    bucket = open_locked_bucket(f"s3://{versioned}/no/lock", access, ObjectLock("governance", 1))

    with pytest.raises(StoreUnavailable, match="has no Object Lock"):
        bucket.stage()


def test_only_s3_has_object_lock() -> None:
    with pytest.raises(ValueError, match="only S3"):
        open_locked_bucket("gs://bucket/x", Access(), ObjectLock("governance", 1))


@pytest.mark.long
class TestVersioned(BackendContract):
    """A bucket that keeps versions is a backend like any other, and empty after a deletion."""

    @pytest.fixture
    def backend(self, versioned: str, access: Access) -> Backend:
        store = open_bucket(f"s3://{versioned}/archive", access)
        for name in NAMES:
            store.delete(name)
        return store


def leftovers(endpoint: str, bucket: str, prefix: str) -> list[str]:
    """Return every version and delete marker that the service still has."""
    found = s3_server.control_client(endpoint).list_object_versions(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in found.get(kind, ())]


def test_nothing_is_left_of_a_deleted_blob_where_versions_are_kept(versioned: str, access: Access) -> None:
    store = open_bucket(f"s3://{versioned}/gone", access)
    put(store, NAME, b"one")
    put(store, NAME, b"two")
    s3_server.control_client(access.endpoint).delete_object(Bucket=versioned, Key=f"gone/blobs/0a0/{NAME}")
    put(store, NAME, b"three")
    put(store, OTHER, b"stays")
    assert len(leftovers(access.endpoint, versioned, "gone/")) == 5

    store.delete(NAME)

    assert leftovers(access.endpoint, versioned, "gone/") == [f"gone/blobs/fff/{OTHER}"]


def test_nothing_is_left_of_a_deleted_document_where_versions_are_kept(versioned: str, access: Access) -> None:
    documents: ObjectDocuments = open_bucket_documents(f"s3://{versioned}/journal", access)
    documents.create_exclusively("payloads/one", b"a name")

    documents.delete("payloads/one")

    assert leftovers(access.endpoint, versioned, "journal/payloads") == []


def test_a_blob_is_reencoded_into_a_bucket_that_locks(lockable: Control, access: Access) -> None:
    bucket = open_locked_bucket(f"s3://{lockable.bucket}/reencoded", access, ObjectLock("governance", 1))
    source, target = BlobStore(Memory()), BlobStore(bucket, codec=Codec.SMALLEST)
    ref = source.put(MemoryContent(b"content " * 100))

    written = target.reencode(ref, source)

    assert target.get(written) == b"content " * 100
    assert bucket.protection(written.name).until is not None
    for store in (source, target):
        store.close()


def test_who_may_not_reach_the_service_is_told_so(access: Access) -> None:
    nowhere = open_locked_bucket(
        "s3://bucket/x", Access(endpoint="http://127.0.0.1:9", timeout_s=1), ObjectLock("governance", 1)
    )

    with pytest.raises(StoreUnavailable, match="EndpointConnectionError: cannot ask"):
        nowhere.stage()


def test_a_store_that_keeps_no_versions_deletes_as_ever(s3: str, access: Access) -> None:
    store: ObjectStore = open_bucket(f"s3://{s3_server.new_bucket(s3)}/x", access)
    put(store, NAME, b"x")

    store.delete(NAME)

    assert list(store.names()) == []
