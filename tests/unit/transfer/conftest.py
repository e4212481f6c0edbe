"""An archive in memory-backed parts, and somewhere for what arrives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.index import open_index


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def archive(spool: Spool, tmp_path: Path) -> Iterator[Archive]:
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), blobs, spool, room)
    yield opened
    opened.close()
