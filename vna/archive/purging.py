"""Purging: what remains of what was eliminated in stores and in the database, and what each of them attests then."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from storage_backends import CODECS, BlobNotFound, BlobStore, StorageError, answers
from vna.archive.healing import store_name
from vna.archive.sweeping import Sweeper
from vna.events import BlobEntry, BlobPlace
from vna.index import Index

Attested = tuple[str, int, int]
"""How it was destroyed, how many files went, and their bytes."""


class PlaceBusy(Exception):
    """A place cannot attest now; the message says what it waits for."""


class Purger:
    """Purges the stores and the database of one archive."""

    def __init__(self, index: Index, blobs: BlobStore) -> None:
        self._index, self._blobs = index, blobs

    def places(self, prefix: str) -> list[str]:
        """Return what the stores are called as places, each behind a prefix."""
        return [prefix + store_name(name) for name in self._blobs.stores]

    def stores(self, objects: Iterable[Mapping[str, Any]]) -> "list[StorePurge]":
        """Return the stores that are to be rid of the blobs of these objects (`vna.archive.destruction.Went`)."""
        listed = {blob["sha256"]: blob for each in objects for blob in each["blobs"]}
        sweep = _Sweep(self._index, self._blobs, listed)
        known = [*self._blobs.stores]
        lost = sorted({each["store"] for blob in listed.values() for each in blob["places"]} - set(known))
        return [StorePurge(store_name(name), name, sweep) for name in (*known, *lost)]

    def database(self) -> Attested:
        """Rid the database of what it keeps of rows that are gone.

        Raises:
            PlaceBusy: it cannot be done now.
        """
        purged = self._index.purge()
        if purged.problem:
            raise PlaceBusy(purged.problem)
        return purged.method, 0, purged.size


@dataclass(frozen=True, slots=True)
class StorePurge:
    """One store on the way to be rid of some blobs; `name` is what it is called."""

    name: str
    store: str
    sweep: "_Sweep"

    def attest(self) -> Attested:
        """Delete what nothing else needs, and say that nothing of it is left here.

        Raises:
            PlaceBusy: something is left.
        """
        return self.sweep.attest(self.store)


class _Sweep:
    """Blobs of which nothing is to be left where nothing else needs them; swept once, in all stores."""

    def __init__(self, index: Index, blobs: BlobStore, listed: Mapping[str, Mapping[str, Any]]) -> None:
        self._index, self._blobs, self._listed = index, blobs, listed
        self._going: Sequence[str] | None = None
        self._away: dict[str, str] = {}
        self._is_busy = False

    def attest(self, store: str) -> Attested:
        if store not in self._blobs.stores:
            if any(entry.store == store for entry in self._index.tombstones.places(list(self._listed))):
                raise PlaceBusy(f"{store_name(store)} is not in the settings, and files were known to lie there")
            return "no file is known there, and it is not in the settings", 0, 0
        going = self._swept()
        if self._is_busy:
            raise PlaceBusy("another sweep is at it")
        if store in self._away:
            raise PlaceBusy(self._away[store])
        left = self._found(going, store)
        if store in self._away or left:
            raise PlaceBusy(self._away.get(store) or self._what_waits(left))
        went = [each for digest in going for each in self._listed[digest]["places"] if each["store"] == store]
        how = f"deleted in {self._blobs.at(store).backend.location}; the medium was not overwritten"
        return how, len(went), sum(int(each["stored_size"]) for each in went)

    def _what_waits(self, left: Sequence[BlobEntry]) -> str:
        locks = [lock for blob in left if (lock := self._index.locks.known(blob)) is not None]
        if not locks:
            return f"files not deleted yet: {len(left)}"
        if any(lock.held for lock in locks):
            return f"files locked by a legal hold: {len(left)}"
        last = datetime.fromtimestamp(max(lock.until_s for lock in locks), UTC)
        return f"files locked until {last.isoformat(timespec='seconds')}: {len(left)}"

    def _swept(self) -> Sequence[str]:
        if self._going is None:
            used = self._index.tombstones.used(list(self._listed))
            self._going = [digest for digest in sorted(self._listed) if digest not in used]
            found = self._found(self._going)
            self._is_busy = Sweeper(self._index, self._blobs, 0).take_out(found) is None
        return self._going

    def _found(self, digests: Sequence[str], store: str | None = None) -> list[BlobEntry]:
        """Return what there is of blobs, in one store or all: what the index knows, and files that it does not know."""
        found = [each for each in self._index.tombstones.places(digests) if store is None or each.store == store]
        known = {each.place for each in found}
        for name in self._blobs.stores if store is None else (store,):
            try:
                found += _files(self._blobs.at(name), digests, name, known)
            except StorageError as exc:
                self._away[name] = str(exc)
        return found


def _files(store: BlobStore, digests: Iterable[str], name: str, known: Container[BlobPlace]) -> Iterator[BlobEntry]:
    """Yield what there is of blobs in a store that the index does not know.

    Raises:
        StorageError: the store does not say.
    """
    places = (BlobPlace(digest, codec, name) for digest in digests for codec in CODECS)
    unknown = (f"{place.digest}.{place.codec}" for place in places if place not in known)
    for file, size in answers(store.backend, store.backend.size, unknown):
        if isinstance(size, int):
            digest, _, codec = file.partition(".")
            yield BlobEntry(digest, codec, 0, size, name)
        elif not isinstance(size, BlobNotFound):
            raise size
