"""Bringing studies to stores, and taking them away from there: copied, read back, recorded; checked, recorded, deleted.

    place      copies what the store lacks, a batch at a time, each recorded when it is there and read back; then one
               transaction sees that all of the study lies there, and says so
               what was to be deleted there, and a lock keeps, is taken back into use: locked anew, so that nobody can
               delete it, read back, and then recorded
    displace   reads back what stays; one transaction sees that it is enough, and says that the study is not kept here;
               then the sweep takes what nothing needs here any more

Cut short at any step nothing is lost and nothing is there twice: what was copied counts when it is done again, and what
was said to go is found by the sweep. Wherever rows and files may have changed meanwhile, the transaction decides
(vna.index.placing, vna.index.placements).
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Final

from storage_backends import MAIN, LockedBucket, PixelShape
from vna.archive.healing import Healer, Health
from vna.archive.kept import Shelf, blob_ref
from vna.archive.recording import record_if_due, time_stamp
from vna.archive.room import Room
from vna.archive.sweeping import Sweeper
from vna.archive.tier_stores import TierStores, codec_name
from vna.archive.translation import storage_errors
from vna.dicom.frames import pixel_shape
from vna.dicom.scan import scan
from vna.errors import Damaged, NotFound, OutOfResources, TooFewVerified
from vna.events import BlobEntry, BlobsRetaken
from vna.index import (
    BlobState,
    CopyEntry,
    DisplaceEntry,
    Lying,
    NeedsBlobs,
    PlaceEntry,
    TooFewCopies,
    index_errors,
)
from vna.model import Availability

_AT_ONCE: Final = 2
_BATCH: Final = 32
_ROUNDS: Final = 5
_WAIT_S: Final = 0.2
_TELL_SHAPE: Final = frozenset({"dense", "smallest"})
"""Codecs whose files say how pixels lie in them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done: blobs copied and the bytes they take where they are now; blobs deleted and the bytes they took."""

    copied: int = 0
    copied_bytes: int = 0
    deleted: int = 0
    deleted_bytes: int = 0

    def __add__(self, more: "Moved") -> "Moved":
        return Moved(
            self.copied + more.copied,
            self.copied_bytes + more.copied_bytes,
            self.deleted + more.deleted,
            self.deleted_bytes + more.deleted_bytes,
        )


class Placer:
    """Moves the blobs of one archive."""

    def __init__(self, healer: Healer, shelf: Shelf, room: Room) -> None:
        self._healer, self._index, self._shelf, self._room = healer, healer.index, shelf, room
        self._sweeper = Sweeper(healer.index, healer.blobs, 0)
        self.blobs, self.stores = healer.blobs, TierStores(healer.blobs)
        self.stopping = Event()
        """Set while work is to be broken off between two batches."""

    def lying(self, study: str) -> Lying:
        """Return where a study lies.

        Raises:
            NotFound: it is not held.
        """
        with index_errors():
            found = self._index.placements.lying(study)
        if not found.known:
            raise NotFound(f"no study {study} is held")
        return found

    def shortage(self, store: str) -> str | None:
        """Say what is short in a store, None where there is room, or no telling."""
        is_watched = store == MAIN or store in self.stores.names.tiers
        return self._room.at(store).shortage() if is_watched else None

    def room(self, store: str) -> int | None:
        """Return how many bytes a store takes before it is full, or at its watermark; None where there is no telling.

        Raises:
            OutOfResources: it cannot be used.
        """
        if store != MAIN and store not in self.stores.names.tiers:
            return None
        with storage_errors():
            space = self._room.at(store).space()
        return None if space is None else max(0, space.free - space.kept_free)

    def place(self, study: str, store: str, actor: str) -> Moved:
        """Bring all of a study to a store.

        Raises:
            NotFound: it is not held.
            Damaged: of some blob there is no sound copy.
            OutOfResources: a store or the index cannot be used, or is full; do it again.
        """
        moved = Moved()
        for _ in range(_ROUNDS):
            self._take_back(self.lying(study), store, actor)
            moved += self._copy_all(lacking(self.lying(study), store), store, actor)
            with index_errors():
                number, names = self._index.committer.next_sequence(), self.stores.names
                result = self._index.committer.submit(PlaceEntry(number, time_stamp(), actor, study, store, names))
            if not isinstance(result, NeedsBlobs):
                return moved
            self._sweeper.take_up()
            self.stopping.wait(_WAIT_S)
        raise OutOfResources(f"study {study} changes while it is brought to {self.stores.label(store)}; do it again")

    def displace(self, study: str, store: str, copies: int, actor: str) -> Moved:
        """Keep a study in a store no longer, if so many sound copies of each blob, and one in any case, stay elsewhere.

        Raises:
            NotFound: it is not held.
            TooFewVerified: too few would stay.
            Held: a hold stands over it, and what stays is offline.
            OutOfResources: a store or the index cannot be used; do it again.
        """
        copies, found = max(1, copies), self.lying(study)
        kept = self.stores.kept(found.placings)
        staying = kept - {store}
        self._read_back(found, staying, copies)
        soonest = min(map(self.stores.availability, staying), default=Availability.OFFLINE)
        with index_errors():
            entry = DisplaceEntry(
                self._index.committer.next_sequence(),
                time_stamp(),
                actor,
                study,
                store,
                copies,
                self.stores.names,
                unless_held=soonest is Availability.OFFLINE,
            )
            result = self._index.committer.submit(entry)
        if isinstance(result, TooFewCopies):
            raise _too_few(result.least, copies)
        return self._take_out([blob for blob, _ in _at(found, store)])

    def reencode(self, study: str, store: str, actor: str) -> Moved:
        """Write the blobs of a study in a store anew that are not in its codec.

        Raises:
            NotFound, Damaged, OutOfResources: as `place`.
        """
        codec, found = self.stores.codec(store), self.lying(study)
        here = [blob for blob, state in _at(found, store) if state is BlobState.PRESENT]
        done = {blob.digest for blob in here if codec_name(blob.codec) == codec}
        others = [blob for blob in here if codec_name(blob.codec) != codec]
        moved = self._copy_all({blob.digest: [blob] for blob in others if blob.digest not in done}, store, actor)
        return moved + self._take_out(others)

    def _copy_all(self, missing: Mapping[str, Sequence[BlobEntry]], store: str, actor: str) -> Moved:
        """Copy blobs from one of their places each, and record those that have arrived, whatever became of others."""
        moved, digests = Moved(), sorted(missing)
        for start in range(0, len(digests), _BATCH):
            if self.stopping.is_set():
                raise OutOfResources("broken off: do it again")
            with index_errors():
                began = self._index.reader.position()
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="place") as threads:
                copies = [threads.submit(self._copy, missing[d], store) for d in digests[start : start + _BATCH]]
            arrived = tuple(copy.result() for copy in copies if copy.exception() is None)
            if arrived:
                self._record(CopyEntry(self._index.committer.next_sequence(), time_stamp(), actor, arrived, began))
                moved += Moved(len(arrived), sum(blob.stored_size for blob in arrived))
            _raise_first(copies)
        return moved

    def _take_back(self, found: Lying, store: str, actor: str) -> None:
        """Use again what is to be deleted in a store that locks, and which only its lock has kept from that."""
        bucket = self.blobs.at(store).backend
        if not isinstance(bucket, LockedBucket):
            return
        missing = lacking(found, store)
        going = [blob for blob, state in _at(found, store) if state is BlobState.DELETING and blob.digest in missing]
        for start in range(0, len(going), _BATCH):
            if self.stopping.is_set():
                return
            back = tuple(blob.place for blob in going[start : start + _BATCH] if self._is_locked(blob, bucket))
            if back:
                record_if_due(self._index, BlobsRetaken(back), actor)

    def _is_locked(self, blob: BlobEntry, bucket: LockedBucket) -> bool:
        """Lock a file for the days ahead, if it is there still, and tell whether it is sound.

        From its lock on no sweep can delete it, whatever it has marked before.
        """
        try:
            with storage_errors():
                bucket.renew(f"{blob.digest}.{blob.codec}")
                self.blobs.at(blob.store).verify(blob_ref(blob))
        except Damaged:
            return False
        return True

    def _copy(self, places: Sequence[BlobEntry], store: str) -> BlobEntry:
        """Bring a blob to a store from the nearest place that has it sound, if there is room for more."""
        shortage = self.shortage(store)
        if shortage is not None:
            raise OutOfResources(shortage)
        for blob in sorted((b for b in places if b.store in self.stores.every), key=self._near):
            shape = None if codec_name(blob.codec) in _TELL_SHAPE else self._shape(blob.digest)
            for _ in range(2):
                try:
                    return self._healer.reencode(blob, store, shape)
                except OutOfResources as exc:
                    raise OutOfResources(f"store {self.stores.label(store)}: {exc}") from exc
                except Damaged:
                    if self._healer.examine(blob, "tiers") is Health.DAMAGED:
                        break
        raise Damaged(f"no store has a sound copy of blob {places[0].digest if places else ''}")

    def _shape(self, digest: str) -> PixelShape | None:
        """Return how pixels lie in a blob, from the header of an instance that is made of it."""
        with index_errors():
            held = self._index.reader.held(self._index.sweeping.users(digest)[:1])
        for kept in self._shelf.fetch(held):
            holes = kept.recipe.holes(kept.sizes)
            return pixel_shape(scan(kept.header, kept.held.transfer_syntax, holes=holes))
        return None

    def _read_back(self, found: Lying, staying: frozenset[str], copies: int) -> None:
        """See that of each blob so many copies are sound in the stores that stay, reading them.

        Raises:
            TooFewVerified: they are not.
        """
        for places in found.blobs.values():
            sound: set[str] = set()
            for blob in sorted((b for b, s in places if s is BlobState.PRESENT and b.store in staying), key=self._near):
                if len(sound) < copies and blob.store not in sound and self._is_sound(blob):
                    sound.add(blob.store)
            if len(sound) < copies:
                raise _too_few(len(sound), copies)

    def _is_sound(self, blob: BlobEntry) -> bool:
        try:
            return self._healer.is_sound(blob, "tiers")
        except OutOfResources as exc:
            log.warning("a copy cannot be read back now store=%s reason=%s", self.stores.label(blob.store), exc)
            return False

    def _near(self, blob: BlobEntry) -> int:
        return self.stores.nearest_first.index(blob.store)

    def _take_out(self, blobs: Sequence[BlobEntry]) -> Moved:
        swept = self._sweeper.take_out(blobs) if blobs else None
        return Moved(deleted=swept.blobs, deleted_bytes=swept.stored_bytes) if swept else Moved()

    def _record(self, entry: CopyEntry) -> None:
        with index_errors():
            self._index.committer.submit(entry)


def lacking(found: Lying, store: str) -> dict[str, list[BlobEntry]]:
    """Return the blobs of a study that are not present in a store, by digest, each with the places where it is."""
    present = {digest: [b for b, s in places if s is BlobState.PRESENT] for digest, places in found.blobs.items()}
    return {digest: places for digest, places in present.items() if all(b.store != store for b in places)}


def _at(found: Lying, store: str) -> Iterator[tuple[BlobEntry, BlobState]]:
    for places in found.blobs.values():
        yield from ((blob, state) for blob, state in places if blob.store == store)


def _raise_first(copies: "Sequence[Future[BlobEntry]]") -> None:
    for copy in copies:
        copy.result()


def _too_few(left: int, copies: int) -> TooFewVerified:
    sound = "1 sound copy" if left == 1 else f"{left} sound copies"
    return TooFewVerified(f"too few would be left elsewhere: {sound}, and {copies} have to be")
