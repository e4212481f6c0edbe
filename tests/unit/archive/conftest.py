"""An archive in memory-backed parts, for tests through its own door."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.index import Index, open_index


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = open_index(f"sqlite:///{tmp_path / 'index.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def blobs() -> BlobStore:
    return BlobStore(Memory())


@pytest.fixture
def archive(index: Index, blobs: BlobStore, tmp_path: Path) -> Iterator[Archive]:
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(index, blobs, Spool(tmp_path / "spool"), room)
    yield opened
    opened.close()
