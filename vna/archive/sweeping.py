"""The sweep: what nothing needs any more is deleted here, and nowhere else.

    1. begin    one transaction marks `deleting` what nothing needs and what is older than the grace time: rows that
                no version uses, and files that the index does not know (leftovers of arrivals that were refused or
                failed), which get a row by that
    2. delete   the files go
    3. end      one transaction removes the rows

Whether something is needed is decided inside the first transaction, behind the lock on the position of the journal:
an arrival commits its use either before that, and the blob is not marked, or after that, and finds it marked. Then it
waits until the row is gone, and writes its bytes again.

What remains is an arrival that has its file in place already, and comes to its transaction only when all is over: the
file went with the sweep, and no row is there to tell. So it says where the journal stood before it wrote
(`StoreEntry.began`), and the transaction does not believe it of what a sweep has ended with behind that position: the
arrival writes again. No clock is asked for any of this. The grace time only spares arrivals the trouble: their files
are young.

One sweep at a time does all this, in whatever process or node (`SweepReader.alone`): a second one, late with deleting
what both have found marked, would take what was written since. Whoever dies between two steps leaves rows that are
`deleting`; the next one goes on from there, within a minute where a node runs. What Object Lock keeps from going stays
`deleting` too, and is tried again when its lock has ended.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final

from storage_backends import CODECS, MAIN, PREFIXES, Backend, BlobLocked, BlobStore, Listed, StorageError, answers
from vna.archive.recording import record, time_stamp
from vna.events import BlobEntry, BlobPlace, SweepEnded
from vna.index import BlobRow, BlobState, Index, KnownLock, StoreNames, SweepEntry, index_errors

_log = logging.getLogger(__name__)

_ACTOR: Final = "sweep"
_HELD_S: Final = 3600.0
"""How soon it is tried again to delete a file under a lock without an end."""
_MOST_LOCKED: Final = 100_000
_BATCH: Final = 100
"""Digests marked at a time. Who needs one of them meanwhile waits for all: in a bucket these are some seconds."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep deleted: blobs, each counted for every store it lay in, and the bytes they took there."""

    blobs: int = 0
    stored_bytes: int = 0

    def __add__(self, more: "Swept") -> "Swept":
        return Swept(self.blobs + more.blobs, self.stored_bytes + more.stored_bytes)


class Sweeper:
    """Sweeps the stores of one archive. Owns the index it is given; close it when done."""

    def __init__(self, index: Index, blobs: BlobStore, grace_s: float) -> None:
        """Take index and store, with the replicas and tiers it has; what lies in others that it had is left alone.

        Args:
            grace_s: what was written in the last so many seconds stays.
        """
        self._index, self._blobs, self._grace_s = index, blobs, grace_s
        self._stores = blobs.stores
        self._names = StoreNames((MAIN, *blobs.replicas), tuple(blobs.tiers))
        self._away: set[str] = set()
        self._locked: dict[BlobPlace, float] = {}

    def close(self) -> None:
        """Close index and store."""
        self._index.close()
        self._blobs.close()

    def sweep(self, stopping: Event) -> Swept | None:
        """Delete what nothing needs; None if another sweep is at it. What `stopping` cuts short the next one does.

        A store that cannot be used is left out, and logged.

        Raises:
            OutOfResources: the index is unreachable.
        """
        self._away.clear()
        with index_errors(), self._index.sweeping.alone() as check_alone:
            if check_alone is None:
                return None
            swept = self._finish(check_alone)
            for prefix in PREFIXES:
                for blobs in _batches(self.needless(prefix, time.time())):
                    if stopping.is_set():
                        return swept
                    self.begin(blobs)
                    swept += self._finish(check_alone)
            return swept

    def take_up(self) -> Swept | None:
        """Finish what a sweep that died has begun; None if one is at it. Costs next to nothing where there is nothing.

        Raises:
            OutOfResources: the index is unreachable.
        """
        self._away.clear()
        with index_errors():
            if not self._index.sweeping.deleting():
                return Swept()
            with self._index.sweeping.alone() as check_alone:
                return None if check_alone is None else self._finish(check_alone)

    def take_out(self, blobs: Sequence[BlobEntry]) -> Swept | None:
        """Delete these blobs where nothing needs them; None if another sweep is at it: that is left to a later one.

        Raises:
            OutOfResources: the index is unreachable.
        """
        self._away.clear()
        with index_errors(), self._index.sweeping.alone() as check_alone:
            if check_alone is None:
                return None
            swept = self._finish(check_alone)
            for batch in _batches(sorted(blobs, key=_place_order)):
                self.begin(batch)
                swept += self._finish(check_alone)
            return swept

    def needless(self, prefix: str, now: float) -> list[BlobEntry]:
        """Return what nothing seems to need of one part of the stores, and is old enough at a time, by digest.

        Args:
            prefix: one of the `PREFIXES`.
            now: in seconds since 1970.
        """
        found: list[BlobEntry] = []
        for name in self._stores.keys() - self._away:
            try:
                files = {(digest, codec): each for digest, codec, each in _files(self._stores[name], prefix)}
            except StorageError as exc:
                self._leave_out(name, exc)
                continue
            listed = self._index.sweeping.rows(name, prefix, is_tier=name in self._names.tiers)
            rows = {(row.entry.digest, row.entry.codec): row for row in listed}
            for key in files.keys() | rows.keys():
                file, row = files.get(key), rows.get(key)
                is_old = file is None or file.modified <= now - self._grace_s
                if is_old and (row is None or _is_needless(row)):
                    found.append(row.entry if row else BlobEntry(*key, 0, file.size if file else 0, name))
        return sorted(found, key=_place_order)

    def begin(self, blobs: Sequence[BlobEntry]) -> None:
        """Mark those of the blobs that nothing needs now."""
        committer = self._index.committer
        committer.submit(SweepEntry(committer.next_sequence(), time_stamp(), _ACTOR, tuple(blobs), self._names))

    def delete(self) -> dict[BlobPlace, int]:
        """Delete the files of all that is marked, and return that with its bytes; only to be called alone."""
        marked = self._index.sweeping.deleting()
        deleted: dict[BlobPlace, int] = {}
        for name in self._stores.keys() - self._away:
            due = {place: size for place, size in marked.items() if place.store == name and not self._is_locked(place)}
            try:
                deleted.update(self._gone(self._stores[name].backend, due))
            except StorageError as exc:
                self._leave_out(name, exc)
        return deleted

    def end(self, places: Sequence[BlobPlace]) -> None:
        """Remove the rows of what was deleted."""
        record(self._index, SweepEnded(tuple(places)), _ACTOR)

    def _gone(self, backend: Backend, due: Mapping[BlobPlace, int]) -> Iterator[tuple[BlobPlace, int]]:
        """Delete files of one store, and yield those that went; when this ends nothing more is on its way.

        Raises:
            StorageError: the store cannot be used; what went after that is still marked, and deleted once more.
        """
        files = {f"{place.digest}.{place.codec}": place for place in due}
        with closing(answers(backend, backend.delete, files)) as answered:
            for file, refused in answered:
                place = files[file]
                if refused is None:
                    yield place, due[place]
                elif isinstance(refused, BlobLocked):
                    self._wait_for(place, due[place], refused.until)
                else:
                    raise refused

    def _is_locked(self, place: BlobPlace) -> bool:
        return self._locked.get(place, 0) > time.time()

    def _wait_for(self, place: BlobPlace, size: int, until: datetime | None) -> None:
        """Try again when a lock has ended, and meanwhile have it in the status."""
        until_s = 0 if until is None else int(until.timestamp())
        self._locked[place] = until_s + 1 if until_s > time.time() else time.time() + _HELD_S
        if len(self._locked) > _MOST_LOCKED:
            self._locked.pop(next(iter(self._locked)))
        blob = BlobEntry(place.digest, place.codec, 0, size, place.store)
        self._index.locks.note([KnownLock(blob, until_s, held=until is None)])
        _log.debug("a file is locked, and deleted when that ends store=%s digest=%s", place.store, place.digest)

    def _leave_out(self, store: str, failure: StorageError) -> None:
        self._away.add(store)
        _log.error("a store cannot be swept now store=%s reason=%s", store or "main", failure)

    def _finish(self, check_alone: Callable[[], None]) -> Swept:
        check_alone()
        deleted = self.delete()
        places = list(deleted)
        for start in range(0, len(places), _BATCH):
            self.end(places[start : start + _BATCH])
        return Swept(len(deleted), sum(deleted.values()))


def _files(store: BlobStore, prefix: str) -> Iterator[tuple[str, str, Listed]]:
    """Yield digest and codec of every file; those of a codec unknown here are left alone."""
    for listed in store.backend.listing(prefix):
        digest, _, codec = listed.name.partition(".")
        if codec in CODECS:
            yield digest, codec, listed


def _place_order(blob: BlobEntry) -> tuple[str, str, str]:
    return blob.digest, blob.store, blob.codec


def _is_needless(row: BlobRow) -> bool:
    return not row.needed and row.state is not BlobState.DELETING


def _batches(blobs: Sequence[BlobEntry]) -> Iterator[list[BlobEntry]]:
    """Cut a list into batches, none between two places of one digest: an arrival waits for all of them at once."""
    batch: list[BlobEntry] = []
    digests = 0
    for blob in blobs:
        if batch and blob.digest != batch[-1].digest:
            digests += 1
            if digests % _BATCH == 0:
                yield batch
                batch = []
        batch.append(blob)
    if batch:
        yield batch
