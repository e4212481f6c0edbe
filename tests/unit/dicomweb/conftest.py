"""An archive in memory-backed parts, and a web client on its DICOMweb services."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.index import open_index
from web import web_client


@pytest.fixture
def blobs() -> BlobStore:
    return BlobStore(Memory())


@pytest.fixture
def archive(blobs: BlobStore, tmp_path: Path) -> Iterator[Archive]:
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), blobs, Spool(tmp_path / "spool"), room)
    yield opened
    opened.close()


@pytest.fixture
def sending(archive: Archive) -> Sending:
    return Sending(archive)


@pytest.fixture
def web(archive: Archive) -> TestClient:
    return web_client(archive)
