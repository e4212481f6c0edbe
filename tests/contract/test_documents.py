"""Documents in memory and in a folder keep the contract."""

from pathlib import Path

import pytest

from storage_backends import Documents, Filesystem, FilesystemDocuments, MemoryDocuments, StoreUnavailable
from storage_backends.documents_contract import NAME, DocumentsContract


class TestMemoryDocuments(DocumentsContract):
    @pytest.fixture
    def documents(self) -> Documents:
        return MemoryDocuments()


class TestFilesystemDocuments(DocumentsContract):
    @pytest.fixture
    def documents(self, tmp_path: Path) -> Documents:
        return FilesystemDocuments(tmp_path / "store")

    def test_nothing_half_written_is_left(self, tmp_path: Path) -> None:
        documents = FilesystemDocuments(tmp_path)
        documents.create_exclusively(NAME, b"x")
        documents.create_exclusively(NAME, b"y")

        assert list((tmp_path / "staging").iterdir()) == []

    def test_looking_makes_nothing(self, tmp_path: Path) -> None:
        assert FilesystemDocuments(tmp_path / "store").names() == []
        assert not (tmp_path / "store").exists()

    def test_a_place_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")

        with pytest.raises(StoreUnavailable, match="cannot create journal"):
            FilesystemDocuments(tmp_path / "file").create_exclusively(NAME, b"x")

    def test_documents_and_blobs_share_a_folder(self, tmp_path: Path) -> None:
        blobs, documents = Filesystem(tmp_path), FilesystemDocuments(tmp_path)
        staged = blobs.stage()
        staged.write(b"blob")
        staged.commit("0a" * 32 + ".raw")
        documents.create_exclusively(NAME, b"x")

        assert list(blobs.names()) == ["0a" * 32 + ".raw"]
        assert documents.names() == [NAME]
        assert blobs.clear_staging() == 0
