"""Killed at any step, a sweep is finished by the next one; what instances are made of stays."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from conformance.phantoms import ct_slice, data_set_bytes
from dying import deaths
from storage_backends import BlobStore, Filesystem, MemoryContent
from vna import settings
from vna.archive import Arrived
from vna.index import open_index
from vna.model import Source
from vna.node import open_archive, open_sweeper

LEFTOVERS = 3


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_sweep_that_is_killed_at_each_step_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("VNA_STORE__SWEEP_GRACE_S", "0")
    store()
    needed = blobs(tmp_path)
    leave_over(tmp_path)

    killed = deaths("sweep", tmp_path, timeout_s=240)

    with closing(open_sweeper(settings.load())) as sweeper:
        sweeper.sweep(threading.Event())
    assert killed >= 2 * LEFTOVERS
    assert blobs(tmp_path) == needed
    with closing(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}")) as index:
        assert index.sweeping.deleting() == {}
    with closing(open_archive(settings.load())) as archive:
        assert [finding.problem for finding in archive.verify()] == [None]


def store() -> None:
    """Store an instance."""
    ds = ct_slice(size=16)
    arrived = Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID))
    with closing(open_archive(settings.load())) as archive:
        archive.session(Source("PACS"), "test").store(arrived)


def blobs(data_dir: Path) -> set[str]:
    """Return what lies in the store."""
    return set(Filesystem(data_dir / "blobs").names())


def leave_over(data_dir: Path) -> None:
    """Leave files in the store that nobody knows."""
    with closing(BlobStore(Filesystem(data_dir / "blobs"))) as left:
        for number in range(LEFTOVERS):
            left.put(MemoryContent(number.to_bytes(8, "big")))
