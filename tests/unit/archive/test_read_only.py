"""A store that turns read-only or fails: nothing is taken and nothing forgotten, until it can be written again."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.phantoms import ct_slice, data_set_bytes
from sending import Sending
from storage_backends import BlobStore, Filesystem
from vna.archive import Archive, Room, Spool
from vna.errors import OutOfResources
from vna.index import open_index


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one place for all tests, because making the folders of a store takes longer than each of them."""
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def archive(folder: Path) -> Iterator[Archive]:
    blobs = BlobStore(Filesystem(folder / "blobs"))
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    yield opened
    opened.close()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO], ids=["read-only", "failing"])
@pytest.mark.parametrize("call", ["open", "fsync", "rename"])
def test_a_store_that_cannot_be_written_for_a_while(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    sending, count = Sending(archive), archive.counts().instances
    before, meanwhile = ct_slice(number=count + 1, size=64), ct_slice(number=count + 2, size=64)
    key = sending.store(before).key
    really = getattr(os, call)

    def fail(first: object, *more: int) -> object:
        if call == "open" and not more[0] & os.O_CREAT:
            return really(first, *more)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OutOfResources, match="the store cannot be used"):
            sending.store(meanwhile)
        assert sending.bytes_of(key) == data_set_bytes(before)

    assert list((folder / "blobs" / "staging").iterdir()) == []
    assert archive.counts().instances == count + 1
    assert sending.bytes_of(sending.store(meanwhile).key) == data_set_bytes(meanwhile)
