"""Writing blobs beside the rest of a receive: what is held is left alone, and nothing is left behind."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import phantoms
from sending import Sending
from storage_backends import BlobStore, Buffer, Memory, MemoryContent, Staged
from vna.archive import Archive, Room, Spool
from vna.archive.writing import BlobWriter
from vna.dicom.scan import scan
from vna.index import Index
from vna.metrics import Metrics

EXPLICIT_LE = "1.2.840.10008.1.2.1"


class WatchedStaged:
    """Bytes on their way into a `Watched`."""

    def __init__(self, staged: Staged, watched: "Watched") -> None:
        self._staged, self._watched = staged, watched

    def write(self, data: Buffer) -> None:
        assert self._watched.gate.wait(30)
        self._staged.write(data)
        self._watched.done["write"] += 1

    def flush(self) -> None:
        self._watched.done["flush"] += 1

    def commit(self, name: str) -> None:
        self._watched.done["commit"] += 1
        self._staged.commit(name)

    def discard(self) -> None:
        self._watched.done["discard"] += 1
        self._staged.discard()


class Watched(Memory):
    """A store in memory that counts what is done to staged bytes; nothing is written before its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.done: Counter[str] = Counter()
        self.gate = threading.Event()
        self.gate.set()

    def stage(self) -> WatchedStaged:  # type: ignore[override]
        self.done["stage"] += 1
        return WatchedStaged(super().stage(), self)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def sending(watched: Watched, index: Index, tmp_path: Path) -> Iterator[Sending]:
    blobs = BlobStore(watched)
    opened = Archive(index, blobs, Spool(tmp_path / "spool"), Room(blobs, min_free_percent=0, min_free_bytes=0))
    yield Sending(opened)
    opened.close()


def test_what_was_staged_is_always_given_back(sending: Sending, watched: Watched) -> None:
    sending.store(phantoms.ct_slice())
    sending.store(phantoms.ct_slice())

    assert watched.done["stage"] == watched.done["discard"] == 2


@pytest.mark.parametrize("size", [32, 512])
def test_what_is_held_is_not_stored_again(sending: Sending, watched: Watched, size: int) -> None:
    sending.store(phantoms.ct_slice(size=size))
    sending.store(phantoms.ct_slice(size=size))

    assert watched.done["commit"] == 1


def test_a_small_instance_that_is_held_is_not_brought_to_disk_again(sending: Sending, watched: Watched) -> None:
    sending.store(phantoms.ct_slice(size=32))
    sending.store(phantoms.ct_slice(size=32))

    assert watched.done["flush"] == 1


def test_the_content_is_kept_until_the_helper_is_done_with_it(watched: Watched, index: Index) -> None:
    data = phantoms.data_set_bytes(phantoms.ct_slice())
    writer = BlobWriter(BlobStore(watched), index.reader, Metrics())
    watched.gate.clear()
    opener = threading.Timer(0.1, watched.gate.set)

    with writer.begin(MemoryContent(memoryview(data)), scan(data, EXPLICIT_LE)):
        opener.start()

    assert watched.done["write"] > 0
    assert watched.done["discard"] == 1
    opener.join()
    writer.close()
    index.close()


def test_a_helper_takes_part_only_while_nothing_else_is_written(watched: Watched, index: Index) -> None:
    data = phantoms.data_set_bytes(phantoms.ct_slice())
    content, scanned = MemoryContent(memoryview(data)), scan(data, EXPLICIT_LE)
    writer = BlobWriter(BlobStore(watched), index.reader, Metrics())

    with writer.begin(content, scanned) as alone, writer.begin(content, scanned) as beside:
        assert alone.helper is not None
        assert beside.helper is None
        beside.identify("1.2")
        assert beside.finish().fresh
    with writer.begin(content, scanned) as alone_again:
        assert alone_again.helper is not None

    writer.close()
    index.close()
