"""An archive in memory-backed parts, and a web client on its REST interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from conformance import phantoms
from described import checked_client
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.index import open_index


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive that holds one slice."""
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), blobs, Spool(tmp_path / "spool"), room)
    Sending(opened).store(phantoms.ct_slice(number=1, size=16))
    yield opened
    opened.close()


@pytest.fixture
def web(archive: Archive) -> TestClient:
    return checked_client(archive)
