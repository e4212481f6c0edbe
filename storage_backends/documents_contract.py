"""The suite every place for documents must pass.

class TestMemoryDocuments(DocumentsContract):
    @pytest.fixture
    def documents(self) -> Documents:
        return MemoryDocuments()
"""
# ruff: noqa: S101  (these are tests)

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage_backends.documents import Documents
from storage_backends.errors import BlobNotFound

NAME = "journal/000000000001.cbor.zst"
OTHER = "journal/heads/000000000007.cbor"
DEEP = "payloads/000000000001-000000000007/1.2.840.1.cbor.zst"
_WRITERS = 8


class DocumentsContract:
    """What is true of every place for documents."""

    @pytest.fixture
    def documents(self) -> Documents:
        """Return an empty place; each kind's test says which."""
        raise NotImplementedError

    @pytest.mark.parametrize("data", [b"", b"bytes", bytes(300_000)], ids=["empty", "some", "many"])
    def test_what_was_created_is_read(self, documents: Documents, data: bytes) -> None:
        """A document is all its bytes."""
        assert documents.create_exclusively(DEEP, data)

        assert documents.read(DEEP) == data

    def test_a_name_is_given_once(self, documents: Documents) -> None:
        """The first writer's document stays as it is."""
        documents.create_exclusively(NAME, b"first")

        assert not documents.create_exclusively(NAME, b"second")
        assert documents.read(NAME) == b"first"

    def test_of_writers_at_once_one_succeeds(self, documents: Documents) -> None:
        """And its bytes are those that stand there."""
        ready = threading.Barrier(_WRITERS)

        def create(number: int) -> bool:
            ready.wait(timeout=30)
            return documents.create_exclusively(NAME, b"%d" % number)

        with ThreadPoolExecutor(_WRITERS) as threads:
            made = list(threads.map(create, range(_WRITERS)))

        assert sum(made) == 1
        assert documents.read(NAME) == b"%d" % made.index(True)

    def test_names_are_listed_by_prefix_in_order(self, documents: Documents) -> None:
        """A prefix may end within a component."""
        for name in (DEEP, OTHER, NAME):
            documents.create_exclusively(name, b"x")

        assert documents.names() == [NAME, OTHER, DEEP]
        assert documents.names("journal/") == [NAME, OTHER]
        assert documents.names("journal/0000") == [NAME]
        assert documents.names("payloads/000000000001-") == [DEEP]
        assert documents.names("payloads/000000000002-") == []
        assert documents.names("nothing/") == []
        assert documents.names("journal/", after=NAME) == [OTHER]
        assert documents.names(after=OTHER) == [DEEP]

    def test_a_deleted_document_is_gone_and_its_name_is_free(self, documents: Documents) -> None:
        """Deleting again is fine."""
        documents.create_exclusively(NAME, b"x")

        documents.delete(NAME)
        documents.delete(NAME)

        assert documents.names() == []
        with pytest.raises(BlobNotFound):
            documents.read(NAME)
        assert documents.create_exclusively(NAME, b"y")

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "/journal",
            "../journal/1",
            "journal/../1",
            "journal//1",
            ".x",
            "staging/1",
            "0af/1",
            "blobs/1",
            "a/b/c/d",
            "a\n",
        ],
    )
    def test_what_is_not_a_name_is_refused(self, documents: Documents, name: str) -> None:
        """No name leads out of the store, nor among the blobs."""
        with pytest.raises(ValueError, match="not the name of a document"):
            documents.create_exclusively(name, b"x")
        for ask in (documents.read, documents.delete):
            with pytest.raises(ValueError, match="not the name of a document"):
                ask(name)
