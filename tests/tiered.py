"""An archive with tiers, in memory, whose stores count what is written: one is nearline and one is offline."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import func, select

from conformance import phantoms
from databases import connected
from sending import Sending
from storage_backends import Backend, BlobStore, Codec, Memory, Staged
from vna.archive import Archive, Room, Spool, Stored, Sweeper, Traits
from vna.index import open_index, tables
from vna.index.tier_tables import placement
from vna.model import Availability

TRAITS = {"cold": Traits(Availability.NEARLINE), "deep": Traits(Availability.OFFLINE, "DEEP_ARCHIVE")}


class Counting(Memory):
    """A store that counts the files and bytes that become visible in it."""

    def __init__(self) -> None:
        super().__init__()
        self.files, self.bytes = 0, 0

    def stage(self) -> Staged:
        return _CountingStaged(super().stage(), self)

    def commit_name(self, staged: Staged, name: str) -> None:
        """Make a file visible."""
        staged.commit(name)
        self.files += 1


class _CountingStaged:
    def __init__(self, staged: Staged, counting: Counting) -> None:
        self._staged, self._counting, self._size = staged, counting, 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._size += len(data)
        self._staged.write(data)

    def flush(self) -> None:
        self._staged.flush()

    def commit(self, name: str) -> None:
        self._counting.commit_name(self._staged, name)
        self._counting.bytes += self._size

    def discard(self) -> None:
        self._staged.discard()


class Tiered:
    """An archive on an index, with a main store called `hot`, the tiers `cold` and `deep`, and perhaps a replica."""

    def __init__(
        self, url: str, folder: Path, *, replicas: Mapping[str, Backend] | None = None, mirrored: bool = False
    ) -> None:
        self.url, self.folder, self.index = url, folder, open_index(url)
        tiers = {"cold": BlobStore(Counting(), codec=Codec.ZSTD), "deep": BlobStore(Counting())}
        copies = {name: BlobStore(backend) for name, backend in (replicas or {}).items()}
        self.blobs = BlobStore(Counting(), tiers=tiers, replicas=copies, mirrored=mirrored)
        self.archive = self.opened()
        self.sending = Sending(self.archive)

    def opened(self) -> Archive:
        """Open an archive on the same parts."""
        rooms = {name: Room(store, min_free_percent=0, min_free_bytes=0) for name, store in self.blobs.tiers.items()}
        room = Room(self.blobs, min_free_percent=0, min_free_bytes=0, tiers=rooms)
        archive = Archive(self.index, self.blobs, Spool(self.folder / "spool"), room)
        archive.tiers.know("hot", TRAITS)
        return archive

    def close(self) -> None:
        """Close the archive."""
        self.archive.close()

    def store(self, *numbers: int, study: int = 0) -> list[Stored]:
        """Store small slices of a study, each with pixels of its own."""
        return [self.sending.store(slice_of(number, study)) for number in numbers]

    def backend(self, store: str = "") -> Backend:
        """Return where the files of a store lie."""
        return self.blobs.at(store).backend

    def names(self, store: str = "") -> list[str]:
        """Return the names of the files in a store, in order."""
        return sorted(self.backend(store).names())

    def rows(self) -> dict[tuple[str, str], int]:
        """Return how many blobs the index knows, by store and state."""
        blob = tables.blob.c
        wanted = select(blob.store, blob.state, func.count()).group_by(blob.store, blob.state)
        with connected(self.url) as connection:
            return {(store, state): count for store, state, count in connection.execute(wanted)}

    def sweep(self) -> None:
        """Sweep without grace, of the stores those parts where something is."""
        with connected(self.url) as connection:
            rows = {bytes(digest).hex() for digest in connection.execute(select(tables.blob.c.digest)).scalars()}
        names = {name for store in self.blobs.stores for name in self.names(store)}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("vna.archive.sweeping.PREFIXES", sorted({each[:2] for each in (*rows, *names)}))
            Sweeper(self.index, self.blobs, 0).sweep(threading.Event())

    def placements(self) -> list[tuple[str, bool, int]]:
        """Return store, whether a study is kept there, and how many copies were promised."""
        wanted = select(placement.c.store, placement.c.kept, placement.c.copies).order_by(placement.c.store)
        with connected(self.url) as connection:
            return [(store, bool(kept), copies) for store, kept, copies in connection.execute(wanted)]

    def written(self, store: str = "") -> tuple[int, int]:
        """Return how many files, and bytes, became visible in a store so far."""
        backend = self.backend(store)
        assert isinstance(backend, Counting)
        return backend.files, backend.bytes


def slice_of(number: int, study: int = 0) -> Dataset:
    """Return a small slice of a study."""
    return phantoms.ct_slice(number=number, size=16, study=study)
