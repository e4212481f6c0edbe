"""An archive whose store has replicas, in parts that can be damaged and taken away."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import cbor2
from sqlalchemy import func, select

from conformance import phantoms
from databases import connected
from sending import Sending
from storage_backends import Backend, BlobStore, Memory, Staged, StoreUnavailable
from storage_backends.contract import put
from vna.archive import Archive, Pace, Replicator, Room, Scrubber, Spool, Stored
from vna.events import Event, event_from_body
from vna.index import open_index, tables

FAST = 1e12
"""Bytes a second that no test waits for."""


class Away(Memory):
    """A store that can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False

    def stage(self) -> Staged:
        self._answer()
        return super().stage()

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self._answer()
        return super().read(name, offset, length)

    def size(self, name: str) -> int:
        self._answer()
        return super().size(name)

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailable("it is away")


class Replicated:
    """An archive on an index, a store and replicas."""

    def __init__(
        self, url: str, folder: Path, main: Backend, replicas: Mapping[str, Backend], *, mirrored: bool = True
    ) -> None:
        self.url, self.index = url, open_index(url)
        stores = {name: BlobStore(backend) for name, backend in replicas.items()}
        self.blobs = BlobStore(main, replicas=stores, mirrored=mirrored)
        room = Room(self.blobs, min_free_percent=0, min_free_bytes=0)
        self.archive = Archive(self.index, self.blobs, Spool(folder / "spool"), room)
        self.sending = Sending(self.archive)

    def close(self) -> None:
        """Close the archive."""
        self.archive.close()

    def store(self, *numbers: int) -> list[Stored]:
        """Store small slices, each with pixels of its own."""
        return [self.sending.store(phantoms.ct_slice(number=number, size=16)) for number in numbers]

    def backend(self, store: str) -> Backend:
        """Return where the files of a store lie."""
        return self.blobs.at(store).backend

    def names(self, store: str = "") -> list[str]:
        """Return the names of the files in a store, in order."""
        return sorted(self.backend(store).names())

    def rows(self) -> dict[tuple[str, str], int]:
        """Return how many blobs the index knows, by store and state."""
        wanted = select(tables.blob.c.store, tables.blob.c.state, func.count()).group_by(
            tables.blob.c.store, tables.blob.c.state
        )
        with connected(self.url) as connection:
            return {(store, state): count for store, state, count in connection.execute(wanted)}

    def events(self, *kinds: type[Event]) -> list[Event]:
        """Return what the journal holds of these kinds, in order."""
        wanted = select(tables.event.c.kind, tables.event.c.schema_version, tables.event.c.body)
        with connected(self.url) as connection:
            rows = connection.execute(wanted.order_by(tables.event.c.position)).all()
        found = [event_from_body(row.kind, row.schema_version, cbor2.loads(row.body)) for row in rows]
        return [event for event in found if isinstance(event, kinds)]

    def scrub(self, store: str = "") -> None:
        """Go through a store once more, whenever that was done last."""
        with connected(self.url) as connection:
            connection.execute(tables.scrub.delete().where(tables.scrub.c.store == store))
        Scrubber(self.archive.healer, store, Pace(FAST)).run(threading.Event())

    def replicate(self, store: str = "second") -> None:
        """Copy to a replica what it lacks."""
        Replicator(self.archive.healer, store).run(threading.Event())


def altered(backend: Backend, name: str) -> None:
    """Flip a bit in the middle of a file."""
    data = bytearray(backend.read(name))
    data[len(data) // 2] ^= 1
    put(backend, name, data)


def truncated(backend: Backend, name: str) -> None:
    """Cut the end of a file off."""
    put(backend, name, backend.read(name)[:-7])


def missing(backend: Backend, name: str) -> None:
    """Lose a file."""
    backend.delete(name)


DAMAGES: tuple[Callable[[Backend, str], None], ...] = (altered, truncated, missing)
