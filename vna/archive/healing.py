"""Damage to stored blobs: looked at twice, recorded once, and healed out of another store that has a sound copy.

Whoever reads a blob and finds it damaged (the scrub, a retrieval, `vna verify`) comes here. What no other store can
heal is healed by the next identical receive (vna.index.committer).
"""

import logging
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final

from storage_backends import BlobDamaged as BytesDamaged
from storage_backends import BlobNotFound, BlobStore, PixelShape
from vna.archive.kept import blob_ref
from vna.archive.recording import record_if_due
from vna.archive.translation import storage_errors
from vna.errors import Damaged, OutOfResources, VnaError
from vna.events import BlobDamaged, BlobEntry, BlobHealed
from vna.index import BlobState, Index, index_errors
from vna.metrics import Metrics
from vna.metrics.families import DAMAGED, HEALED

MAIN_STORE: Final = "main"
"""What the store itself is called beside its replicas."""

log = logging.getLogger(__name__)


class Health(Enum):
    """How a blob is that seemed damaged."""

    RIGHT = "right"
    HEALED = "healed"
    DAMAGED = "damaged"


class Healer:
    """Takes care of the blobs of one archive, in the store and its replicas."""

    def __init__(self, index: Index, blobs: BlobStore, metrics: Metrics, spool: Path | None = None) -> None:
        """Work on an index and the store with its replicas; `spool` takes long files on their way between stores."""
        self.index, self.blobs, self.metrics, self._spool = index, blobs, metrics, spool

    def examine(self, blob: BlobEntry, actor: str) -> Health:
        """Read a blob that seemed damaged once more, record what it is, and heal it; return how it is then.

        The second look tells damage from a file that was being replaced while it was read.

        Args:
            actor: who found it, for the journal.

        Raises:
            OutOfResources: the blob cannot be read now, or the index cannot record; it may be right or not.
        """
        problem = self._problem(blob)
        if problem is None:
            self._record_healed(blob, blob.store, actor)
            return Health.RIGHT
        self._record_damage(blob, problem, actor)
        source = self._heal(blob, actor)
        if source is None:
            return Health.DAMAGED
        self._record_healed(blob, source, actor)
        return Health.HEALED

    def sound_place(self, blob: BlobEntry, actor: str) -> BlobEntry | None:
        """Return a place that has the right bytes of a blob that seemed damaged; its own one once it is healed.

        Raises:
            OutOfResources: as `examine`.
        """
        if self.examine(blob, actor) is not Health.DAMAGED:
            return blob
        for other in self._copies(blob):
            try:
                if self._problem(other) is None:
                    return other
            except OutOfResources as exc:
                log.warning("a replica cannot be read store=%s reason=%s", store_name(other.store), exc)
        return None

    def is_sound(self, blob: BlobEntry, actor: str) -> bool:
        """Read a blob back where it is; what is damaged is recorded, and healed.

        Raises:
            OutOfResources: as `examine`.
        """
        return self._problem(blob) is None or self.examine(blob, actor) is not Health.DAMAGED

    def copy(self, blob: BlobEntry, store: str) -> None:
        """Bring a blob from the store it is in to another one, and read it back there.

        Raises:
            Damaged: there is no sound copy where it is, or it does not arrive sound.
            OutOfResources: one of the stores cannot be used.
        """
        source, target = self.blobs.at(blob.store), self.blobs.at(store)
        with storage_errors():
            target.copy_from(source, blob_ref(blob), spool=self._spool)

    def reencode(self, blob: BlobEntry, store: str, shape: PixelShape | None = None) -> BlobEntry:
        """Bring a blob to another store in the codec of that, and read it back there; return what lies there then.

        Raises:
            Damaged, OutOfResources: as `copy`.
        """
        source, target = self.blobs.at(blob.store), self.blobs.at(store)
        with storage_errors():
            ref = target.reencode(blob_ref(blob), source, shape=shape, spool=self._spool)
        return BlobEntry(ref.digest, ref.codec.value, ref.plain_size, ref.stored_size, store)

    def refuse_empty(self, store: str) -> None:
        """Refuse to take a store for damaged that holds nothing at all: it is not mounted, or not the one it was.

        Raises:
            OutOfResources: it is empty, though it should hold something, or cannot be read.
        """
        with storage_errors():
            found = next(self.blobs.at(store).backend.names(), None)
        if found is None:
            where = f"{store_name(store)} at {self.blobs.at(store).backend.location}"
            raise OutOfResources(f"the store {where} is empty, though it should not be: is it mounted?")

    def _problem(self, blob: BlobEntry) -> str | None:
        with storage_errors():
            try:
                self.blobs.at(blob.store).verify(blob_ref(blob))
            except BlobNotFound:
                return "missing"
            except BytesDamaged:
                return "altered"
        return None

    def _heal(self, blob: BlobEntry, actor: str) -> str | None:
        """Write a blob again out of another store, and return its name; None when there is no sound copy."""
        for other in self._copies(blob):
            try:
                self._bring(other, blob)
            except Damaged:
                problem = self._problem(other)
                if problem is not None:
                    self._record_damage(other, problem, actor)
            except VnaError as exc:
                stores = store_name(blob.store), store_name(other.store)
                log.warning("blob not healed digest=%s store=%s source=%s reason=%s", blob.digest, *stores, exc)
            else:
                return other.store
        return None

    def _bring(self, other: BlobEntry, blob: BlobEntry) -> None:
        """Write a blob again out of another place.

        Raises:
            Damaged, OutOfResources: as `copy`.
        """
        if other.codec == blob.codec:
            self.copy(other, blob.store)
            return
        if self.blobs.at(blob.store).codec.value != blob.codec:
            raise OutOfResources(f"store {store_name(blob.store)} has another codec now, and writes no {blob.codec}")
        self.reencode(other, blob.store)

    def _copies(self, blob: BlobEntry) -> Iterator[BlobEntry]:
        """Go through the places that should have a blob too: the store itself, then others by name."""
        with index_errors():
            places = self.index.blobs.places(blob.digest)
        for other, state in sorted(places, key=lambda each: (each[0].codec != blob.codec, each[0].store)):
            if state is BlobState.PRESENT and other.place != blob.place and other.store in self.blobs.stores:
                yield other

    def _record_damage(self, blob: BlobEntry, problem: str, actor: str) -> None:
        if record_if_due(self.index, BlobDamaged(blob.place, problem), actor) is not None:
            store = store_name(blob.store)
            log.warning("blob damaged digest=%s store=%s problem=%s", blob.digest, store, problem)
            self.metrics.count(DAMAGED, store)

    def _record_healed(self, blob: BlobEntry, source: str, actor: str) -> None:
        if record_if_due(self.index, BlobHealed(blob.place, store_name(source)), actor) is not None:
            store, source = store_name(blob.store), store_name(source)
            log.info("blob healed digest=%s store=%s source=%s", blob.digest, store, source)
            self.metrics.count(HEALED, store, source)


def store_name(store: str) -> str:
    """Return what a store is called for people and in the journal's texts."""
    return store or MAIN_STORE
