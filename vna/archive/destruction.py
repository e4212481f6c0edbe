"""Destruction: an item of an elimination goes, everywhere, and each place attests that nothing of it is left.

    1. list      what is to go: every version, its digest, and in which stores its blobs lie
    2. event     `Eliminated`, with that list as its payload, unless a hold or a change forbids it: from here on the
                 index knows nothing of it, and nobody is shown it
    3. seal      so that the journal says so before the first byte goes; and the ledger of tombstones
    4. journal   the payload files of what went, then their rows
    5. stores    blobs that nothing else needs, in the store, in each replica and tier
    6. index     what the database keeps of rows that are gone: free pages, the write-ahead log
    7. derived   documents that were made of it

Each of the last four places attests by itself (`DestructionAttested`), and is done with when it has done so behind the
last item of its elimination. A store that is away attests when it is back. All of it can be cut short anywhere and done
again: what a place still has to do follows from what it has, and not from what was done.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Final

import zstandard

from storage_backends import BlobStore
from vna.archive.certificates import canonical, digest_of
from vna.archive.comments import Comments
from vna.archive.derived import Derived
from vna.archive.erasing import Eraser
from vna.archive.headers import HeaderCodec
from vna.archive.ledger import Ledger, Told
from vna.archive.purging import PlaceBusy, Purger
from vna.archive.receipts import told_version
from vna.archive.recording import record, time_stamp
from vna.archive.sealing import Sealer
from vna.errors import OutOfResources, VnaError
from vna.events import JOURNAL_PLACE, BlobEntry, DestructionAttested, EliminationItem
from vna.index import Buried, EliminateEntry, HeldInstance, Index, Recorded, Spared, index_errors
from vna.journal import SealedJournal
from vna.model import Scope

log = logging.getLogger(__name__)

JOURNAL: Final = JOURNAL_PLACE
INDEX: Final = "index"
DERIVED: Final = "derived"
STORE: Final = "store:"
"""Before the name of a store in the name of its place."""
_ACTOR: Final = "destruction"


@dataclass(frozen=True, slots=True)
class Went:
    """What went with one item: `number` is the position of its event, `manifest` the digest of `objects`.

    `objects` has a map for each version, of UIDs, numbers and digests: study, series, instance, sop_class, version,
    position, transfer_syntax, size, sha256 (the digest of the instance), and blobs, each with sha256, size, and places:
    store, codec, stored_size.
    """

    number: int
    scope: Scope
    time: str
    manifest: str
    objects: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Remaining:
    """How far a destruction is: places that have attested, and those that have not, each with what it waits for."""

    elimination: int
    attested: tuple[str, ...]
    waiting: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether every place has attested."""
        return not self.waiting


@dataclass(frozen=True, slots=True)
class Means:
    """What destroying needs beside index and stores: the sealed journal, what seals it, and the ledger."""

    journal: SealedJournal
    sealer: Sealer
    ledger: Ledger


class Destruction:
    """Destroys what eliminations decided on. Thread-safe."""

    def __init__(self, index: Index, blobs: BlobStore, headers: HeaderCodec, derived: Callable[[], Derived]) -> None:
        """Take the parts; `derived` gives the documents that are kept ready now."""
        self.index, self._comments, self._derived = index, Comments(headers), derived
        self._purger, self._eraser = Purger(index, blobs), Eraser(index, headers)
        self._means: Means | None = None
        self._alone = Lock()
        self._done_upto = 0

    def equip(self, means: Means) -> None:
        """Take what destroying needs; without it nothing is destroyed here."""
        self._means = means

    def buried(self, scope: Scope) -> Buried | None:
        """Return the last tombstone of what a scope is, lies in, or had in it; None where there is none."""
        with index_errors():
            return self.index.tombstones.over(scope)

    def eliminate(self, elimination: int, item: EliminationItem, *, evaluated_at: int, actor: str) -> Recorded | Spared:
        """Let one item of a decided elimination go from the index, with a tombstone; its bytes go with `finish`.

        Args:
            evaluated_at: where the journal stood when it was found that the item may go.

        Returns:
            Spared: it stays: a hold stands over it, something changed since then, or it is not its time.

        Raises:
            OutOfResources: the index or the journal's place is unreachable.
        """
        self._equipped()
        submitted = self._submit(_Going(elimination, item.scope, item.rules, evaluated_at), actor)
        if isinstance(submitted, Recorded):
            log.info("eliminated %s elimination=%d position=%s", item.scope, elimination, submitted.position)
        return submitted

    def destroy(self, elimination: int, item: EliminationItem, *, evaluated_at: int, actor: str) -> Remaining | Spared:
        """Let one item go and destroy it at once: `eliminate`, then `finish`."""
        submitted = self.eliminate(elimination, item, evaluated_at=evaluated_at, actor=actor)
        return submitted if isinstance(submitted, Spared) else self.finish(elimination)

    def follow(self, told: Sequence[Told]) -> list[int]:
        """Let go again what ledgers say was eliminated in another history of this archive; return the positions."""
        positions = []
        for each in told:
            submitted = self._submit(_Going(0, each.scope, each.rules, 0, each.digest), "ledger")
            if not isinstance(submitted, Recorded) or submitted.position is None:
                raise OutOfResources(f"{each.scope} is just changing, and a ledger says that it was eliminated")
            log.warning("eliminated again, as a ledger says: %s position=%d", each.scope, submitted.position)
            positions.append(submitted.position)
        return positions

    def went(self, elimination: int) -> list[Went]:
        """Return what went with an elimination, item by item, in order.

        Raises:
            Damaged: a list cannot be read.
        """
        with index_errors():
            buried = self.index.tombstones.of(elimination)
            listings = self.index.tombstones.listings([each.number for each in buried])
        objects = {each.number: self._objects(each.data, each.base) for each in listings}
        return [
            Went(each.number, each.scope, each.time, each.manifest, objects.get(each.number, ())) for each in buried
        ]

    def remaining(self, elimination: int) -> Remaining:
        """Return how far the destruction of an elimination is; changes nothing."""
        with index_errors():
            attested = self._attested(elimination)
        waiting = {place: "not attested yet" for place in self._places() if place not in attested}
        return Remaining(elimination, tuple(sorted(attested)), waiting)

    def finish(self, elimination: int) -> Remaining:
        """Destroy what is left of an elimination, place by place, and have each attest that can.

        Raises:
            OutOfResources: the index is unreachable, or the journal cannot be sealed, or a ledger cannot be written.
        """
        means, waits = self._equipped(), dict[str, str]()
        with self._alone, index_errors():
            buried = self.index.tombstones.of(elimination)
            if buried:
                means.sealer.seal()
                means.ledger.enter(buried)
                waits = self._finish(elimination, buried, means)
        return self._told(elimination, waits)

    def run(self, stopping: Event) -> None:
        """Finish what is not finished, of all eliminations; next to nothing where there is nothing.

        Raises:
            OutOfResources: as `finish`.
        """
        with index_errors():
            upto = self.index.tombstones.eliminated_at()
            numbers = self.index.tombstones.eliminations(behind=self._done_upto)
        is_done = True
        for number in numbers:
            if stopping.is_set():
                return
            if not self.remaining(number).is_done:
                is_done = self.finish(number).is_done and is_done
        if is_done:
            self._done_upto = upto

    def _equipped(self) -> Means:
        if self._means is None:
            raise OutOfResources("nothing is destroyed here: what seals the journal is missing")
        return self._means

    def _submit(self, going: "_Going", actor: str) -> Recorded | Spared:
        with index_errors():
            held = [each for each in self.index.reader.every_version(going.scope.study) if going.scope.covers(each.key)]
            blobs = self.index.tombstones.blobs_of([each.version_id for each in held])
            objects = [_object(each, blobs[each.version_id]) for each in held]
            detail = {"objects": zstandard.ZstdCompressor().compress(canonical(objects))}
            committer = self.index.committer
            entry = EliminateEntry(
                origin_sequence=committer.next_sequence(),
                time=time_stamp(),
                actor=actor,
                elimination=going.elimination,
                scope=going.scope,
                rules=going.rules,
                manifest=digest_of(objects),
                versions=tuple(each.version_id for each in held),
                evaluated_at=going.evaluated_at,
                payload=self._comments.pack_detail(f"elimination-{going.elimination}", detail),
                ledger=going.ledger,
            )
            submitted = committer.submit(entry)
        if not isinstance(submitted, Recorded | Spared):
            raise TypeError("no answer to an elimination")
        return submitted

    def _objects(self, data: bytes, base: bytes) -> tuple[Mapping[str, Any], ...]:
        packed = self._comments.read_detail(data, base)["objects"]
        return tuple(json.loads(zstandard.ZstdDecompressor().decompress(packed)))

    def _places(self) -> list[str]:
        return [JOURNAL, *self._purger.places(STORE), INDEX, DERIVED]

    def _attested(self, elimination: int) -> set[str]:
        """Return the places that have attested behind the last item of an elimination."""
        last = self.index.tombstones.last_of(elimination)
        return {each.place for each in self.index.eliminations.attestations(elimination) if each.position > last}

    def _finish(self, elimination: int, buried: Sequence[Buried], means: Means) -> dict[str, str]:
        """Have each place attest that can; return what the others wait for."""
        waits: dict[str, str] = {}
        attested = self._attested(elimination)
        for place, work in self._work(elimination, buried, means):
            if place in attested:
                continue
            if JOURNAL in waits:
                waits[place] = f"{JOURNAL} comes first"
                continue
            try:
                method, files, size = work()
            except (VnaError, PlaceBusy) as exc:
                log.warning("destruction not finished elimination=%d place=%s reason=%s", elimination, place, exc)
                waits[place] = str(exc)
                continue
            record(self.index, DestructionAttested(elimination, place, method, files, size), _ACTOR)
        return waits

    def _work(self, elimination: int, buried: Sequence[Buried], means: Means) -> Iterator[tuple[str, "_Work"]]:
        """Yield the places in order, each with what destroys there and says how, and how much."""
        yield JOURNAL, lambda: ("payload files deleted", *self._eraser.erase(means.journal, buried))
        listed = [each for went in self.went(elimination) for each in went.objects]
        purged = self._purger.stores(listed)
        for store in purged:
            yield STORE + store.name, store.attest
        yield INDEX, self._purger.database
        yield DERIVED, lambda: ("documents made of instances deleted, all", *self._derived().clear())

    def _told(self, elimination: int, waits: Mapping[str, str]) -> Remaining:
        """Return how far it is, with what places said; some of them may be in no settings any more."""
        remaining = self.remaining(elimination)
        said = {place: reason for place, reason in waits.items() if place not in remaining.attested}
        return Remaining(elimination, remaining.attested, {**remaining.waiting, **said})


@dataclass(frozen=True, slots=True)
class _Going:
    """What is to go, of which elimination, and by which rules; `ledger` is the digest of the entry that says so."""

    elimination: int
    scope: Scope
    rules: tuple[str, ...]
    evaluated_at: int
    ledger: str = ""


_Work = Callable[[], tuple[str, int, int]]


def _object(held: HeldInstance, entries: Sequence[BlobEntry]) -> dict[str, Any]:
    """Return what a list says of a version, as `Went` has it; `entries` are in order of digest, store and codec."""
    blobs: dict[str, dict[str, Any]] = {}
    for blob in entries:
        listed = blobs.setdefault(blob.digest, {"sha256": blob.digest, "size": blob.plain_size, "places": []})
        listed["places"].append({"store": blob.store, "codec": blob.codec, "stored_size": blob.stored_size})
    return {"study": held.key.study, **told_version(held), "blobs": list(blobs.values())}
