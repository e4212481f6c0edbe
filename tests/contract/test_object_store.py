"""The store in a bucket keeps the contract: over a store in memory, and over a real S3 service."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

import s3_server
from storage_backends import Access, Backend, ObjectStore, open_bucket
from storage_backends.contract import NAMES, BackendContract


class TestInMemory(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        return ObjectStore(MemoryStore(), "memory", spool=tmp_path)


@pytest.fixture(scope="module")
def bucket(s3: str) -> ObjectStore:
    """One bucket for all tests, as making one takes longer than each of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.CREDENTIALS.items():
            patch.setenv(name, value)
        return open_bucket(f"s3://{s3_server.new_bucket(s3)}/some/prefix", Access(endpoint=s3))


class TestS3(BackendContract):
    @pytest.fixture
    def backend(self, bucket: ObjectStore) -> Backend:
        for name in NAMES:
            bucket.delete(name)
        return bucket
