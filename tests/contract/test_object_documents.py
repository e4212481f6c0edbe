"""Documents in a bucket keep the contract: over a store in memory, and over a real S3 service."""

import itertools
from collections.abc import Iterator

import obstore
import pytest
from obstore.store import MemoryStore

import s3_server
from faulty_service import Answer, Fault, faulty_service
from storage_backends import (
    Access,
    BlobNotFound,
    Documents,
    ObjectDocuments,
    StoreUnavailable,
    open_bucket,
    open_bucket_documents,
)
from storage_backends.documents_contract import NAME, OTHER, DocumentsContract

_PREFIXES = itertools.count(1)


class TestInMemory(DocumentsContract):
    @pytest.fixture
    def documents(self) -> Documents:
        return ObjectDocuments(MemoryStore(), "memory")


@pytest.fixture(autouse=True, scope="module")
def _credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def bucket(s3: str) -> str:
    return s3_server.new_bucket(s3)


class TestS3(DocumentsContract):
    @pytest.fixture
    def documents(self, bucket: str, s3: str) -> Documents:
        return open_bucket_documents(f"s3://{bucket}/prefix{next(_PREFIXES)}", Access(endpoint=s3))

    def test_documents_and_blobs_share_a_bucket(self, bucket: str, s3: str) -> None:
        url = f"s3://{bucket}/prefix{next(_PREFIXES)}"
        blobs, documents = open_bucket(url, Access(endpoint=s3)), open_bucket_documents(url, Access(endpoint=s3))
        staged = blobs.stage()
        staged.write(b"blob")
        staged.commit("0a" * 32 + ".raw")
        documents.create_exclusively(NAME, b"x")

        assert list(blobs.names()) == ["0a" * 32 + ".raw"]
        assert documents.names() == [NAME]

    def test_a_document_whose_answer_was_lost_was_made(self, bucket: str, s3: str) -> None:
        """The service makes it and answers 500; sent again, it is refused because of itself."""
        with faulty_service(s3) as service:
            documents = open_bucket_documents(
                f"s3://{bucket}/prefix{next(_PREFIXES)}", Access(endpoint=service.endpoint)
            )
            documents.try_exclusiveness()
            with service.faults(lambda _method, number: None if number else Fault.FAILED_AFTERWARDS):
                assert documents.create_exclusively(NAME, b"x")
            assert service.seen == ["PUT", "PUT", "GET"]
            assert documents.names() == [NAME]


class Overwriting(ObjectDocuments):
    """Documents in a service that does not know the condition."""

    def _create(self, name: str, data: bytes) -> bool:
        obstore.put(self._service, name, data)
        return True


def test_a_service_that_overwrites_is_found_out_before_anything_is_made() -> None:
    memory = MemoryStore()

    with pytest.raises(StoreUnavailable, match="If-None-Match"):
        Overwriting(memory, "memory").create_exclusively(NAME, b"x")

    assert obstore.list(memory).collect() == []


def test_a_service_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    documents, puts = ObjectDocuments(MemoryStore(), "memory"), []
    put = obstore.put
    monkeypatch.setattr(obstore, "put", lambda *args, **named: (puts.append(args[1]), put(*args, **named)))

    documents.create_exclusively(NAME, b"x")
    documents.create_exclusively(OTHER, b"x")

    assert puts[2:] == [NAME, OTHER]


def test_of_a_service_that_does_not_answer_nothing_is_said_to_be_missing() -> None:
    with faulty_service("http://127.0.0.1:9") as service:
        documents = open_bucket_documents("s3://bucket/prefix", Access(endpoint=service.endpoint, timeout_s=0.3))
        with service.faults(lambda _method, _number: Answer(404)), pytest.raises(StoreUnavailable):
            documents.read(NAME)
        with service.faults(lambda _method, _number: Answer(500)):
            for ask in (documents.read, documents.delete, documents.names):
                with pytest.raises(StoreUnavailable):
                    ask(NAME)
        empty = Answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        with service.faults(lambda _method, number: empty if number % 2 else Answer(404)), pytest.raises(BlobNotFound):
            documents.read(NAME)
