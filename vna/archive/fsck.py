"""fsck: index, sealed journal and stores are compared, each with the others, beside a node that may be running.

    journal            every document of it, and what the index holds of it (vna.archive.history_check)
    row  -> file       every blob the index knows is there, in every store; its size, or in depth its bytes, are right
    file -> row        every file that a store holds is known to the index
    version -> row     every blob that an instance is made of is known to the index

A repair never deletes and never overwrites but what is damaged with what is right: it heals what another store has a
sound copy of, marks the rest as damaged, so that the next identical receive heals it, enters files that instances need
and whose bytes are right, and seals. What nothing needs is left to the sweep.

Files and rows are not read in one moment, and a node may be writing: whatever seems wrong is looked at once more.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import time
from typing import Final

from storage_backends import (
    CODECS,
    MAIN,
    PREFIXES,
    BlobDamaged,
    BlobNotFound,
    BlobRef,
    BlobStore,
    Codec,
    Listed,
    StorageError,
)
from vna.archive.discrepancies import Discrepancy, Kind, Plan, Tally
from vna.archive.healing import Healer, Health, store_name
from vna.archive.history_check import HistoryCheck
from vna.archive.kept import blob_ref
from vna.archive.recording import record_if_due
from vna.archive.sealing import Sealer
from vna.archive.translation import storage_errors
from vna.errors import OutOfResources
from vna.events import BlobEntry, BlobPlace, BlobsEntered, InstanceStored
from vna.index import BlobRow, BlobState, LostUse, index_errors
from vna.journal import SealedJournal

_ACTOR: Final = "fsck"
_REPAIRABLE: Final = "--repair enters it into the index"
_SEND_AGAIN: Final = "send the instance again to get it back"
_HISTORY_SHARE: Final = 0.3
"""Of the work in depth, about: the tables are made a second time from the journal."""


class Fsck:
    """One check of an archive; to be run once. Close it when done."""

    def __init__(self, healer: Healer, sealer: Sealer, journal: SealedJournal, plan: Plan) -> None:
        """Take the parts; index and store of the healer, and the sealer, are closed with it."""
        self._healer, self._sealer, self._plan = healer, sealer, plan
        self._history = HistoryCheck(healer, sealer, journal, plan)
        self._index = healer.index
        self._stores = healer.blobs.stores
        self.tally = Tally()
        self._begun, self._away = set[str](), set[str]()

    def close(self) -> None:
        """Close index and stores."""
        self._sealer.close()
        self._index.close()
        self._healer.blobs.close()

    def run(self, told: Callable[[float], None]) -> Iterator[Discrepancy]:
        """Go through what is found.

        Args:
            told: is told the share that is done, up to 1.

        Raises:
            OutOfResources: a store or the index cannot be read.
        """
        begin = _HISTORY_SHARE if self._plan.deep else 0.0
        with index_errors(), storage_errors():
            yield from self._history.run(self.tally, lambda share: told(share * begin))
            self._refuse_empty(MAIN)
            for number, prefix in enumerate(PREFIXES):
                for store in [each for each in self._stores if each not in self._away]:
                    yield from self._compare_or_leave(store, prefix)
                told(begin + (1 - begin) * (number + 1) / len(PREFIXES))
            for use in self._index.sweeping.lost_uses():
                yield self._lost(use)

    def _refuse_empty(self, store: str) -> None:
        """Refuse to take all that should lie in a store for missing where nothing lies there at all.

        Raises:
            OutOfResources: it is empty, and should not be; or it cannot be read.
        """
        if next(self._stores[store].backend.names(), None) is None and any(
            self._listed(store, prefix) for prefix in PREFIXES
        ):
            self._healer.refuse_empty(store)

    def _compare_or_leave(self, store: str, prefix: str) -> Iterator[Discrepancy]:
        """Compare a part; a store beside the main one that is away, or goes away meanwhile, is told of and left out."""
        if store == MAIN:
            yield from self._compare(store, prefix)
            return
        try:
            if store not in self._begun:
                self._refuse_empty(store)
                self._begun.add(store)
            yield from self._compare(store, prefix)
        except (StorageError, OutOfResources) as exc:
            self._away.add(store)
            yield Discrepancy(Kind.AWAY, store_name(store), f"{exc}; the rest was compared without it")

    def _compare(self, store: str, prefix: str) -> Iterator[Discrepancy]:
        """Compare files and rows of one part of one store."""
        files = {file.name: file for file in self._stores[store].backend.listing(prefix)}
        rows = {f"{row.entry.digest}.{row.entry.codec}": row for row in self._listed(store, prefix)}
        self.tally.files += len(files)
        self.tally.rows += len(rows)
        for name in sorted(files.keys() | rows.keys()):
            row = rows.get(name)
            found = self._row(row, files.get(name)) if row is not None else self._file(store, files[name])
            if found is not None:
                yield found

    def _listed(self, store: str, prefix: str) -> list[BlobRow]:
        return self._index.sweeping.rows(store, prefix, is_tier=store in self._healer.blobs.tiers)

    def _row(self, row: BlobRow, file: Listed | None) -> Discrepancy | None:
        """Check a blob that the index knows."""
        where = _where(row.entry.place)
        if row.state is BlobState.DELETING:
            return Discrepancy(Kind.DELETING, where, "is being deleted", "the sweep of a running node finishes that")
        suspect = row.state is BlobState.BAD or file is None or file.size != row.entry.stored_size
        if (suspect or self._plan.deep) and (problem := self._problem(row)) is not None:
            return self._wrong(row, *problem)
        if not row.needed:
            why = "no study that needs it lies here" if row.used else "no instance needs it"
            return Discrepancy(Kind.UNUSED, where, why, "the sweep of a running node deletes it")
        return None

    def _problem(self, row: BlobRow) -> tuple[Kind, str] | None:
        """Read a blob; a file that was written again since has another size than its row says, and is right."""
        try:
            self._stores[row.entry.store].verify(blob_ref(row.entry))
        except BlobNotFound:
            return None if self._has_changed(row) else (Kind.MISSING, "its file is missing")
        except BlobDamaged:
            return None if self._has_changed(row) else (Kind.DAMAGED, "its file does not give its digest")
        return (Kind.DAMAGED, "is marked as damaged, but right") if row.state is BlobState.BAD else None

    def _has_changed(self, row: BlobRow) -> bool:
        return self._index.sweeping.state(row.entry.place) is not row.state

    def _wrong(self, row: BlobRow, kind: Kind, problem: str) -> Discrepancy:
        """Tell of a blob that is not right, having put it right where that is asked for and can be done."""
        found = self._of_instances(Discrepancy(kind, _where(row.entry.place), problem), row.entry.digest)
        if not self._plan.repair:
            return found
        self._healer.refuse_empty(row.entry.store)
        health = self._healer.examine(row.entry, _ACTOR)
        if health is Health.DAMAGED:
            hope = f"; {_SEND_AGAIN}" if row.used else ""
            return replace(found, repair=f"marked as damaged: no other store has a sound copy{hope}")
        done = "healed from another store" if health is Health.HEALED else "found right, and marked so"
        return replace(found, repair=done, is_repaired=True)

    def _file(self, store: str, file: Listed) -> Discrepancy | None:
        """Check a file that the index does not know."""
        digest, _, codec = file.name.partition(".")
        if codec not in CODECS:
            return None
        if file.modified > time() - self._plan.grace_s:
            self.tally.young += 1
            return None
        where = _where(BlobPlace(digest, codec, store))
        users = self._index.sweeping.users(digest)
        is_tier = store in self._healer.blobs.tiers
        if not users or not self._index.sweeping.is_needed(digest, store, is_tier=is_tier):
            problem, repair = "nobody knows this file", "the sweep of a running node deletes it"
            return Discrepancy(Kind.LEFTOVER, where, problem, repair)
        entry = self._entry(users[0], digest)
        if entry is None or not (is_tier or self._index.sweeping.has_row(digest)):
            return None  # told of with the instance that lost it
        found = Discrepancy(Kind.UNKNOWN, where, "instances need it, and the index does not know that it is here")
        return self._entered(found, replace(entry, codec=codec, stored_size=file.size, store=store))

    def _lost(self, use: LostUse) -> Discrepancy:
        """Tell of an instance that is made of a blob which the index has no row of, having looked for its file."""
        entry = self._entry(use.version_id, use.digest)
        main = self._stores[MAIN]
        refs = [BlobRef(use.digest, codec, entry.plain_size, 0) for codec in Codec] if entry else []
        there = next(filter(main.exists, refs), None)
        if entry is not None and there is not None:
            problem = "the index has lost it, and an instance needs it; the file is there"
            found = Discrepancy(Kind.LOST, _where(BlobPlace(use.digest, there.codec.value)), problem)
            size = main.backend.size(there.name)
            return self._entered(found, replace(entry, codec=there.codec.value, stored_size=size, store=MAIN))
        found = Discrepancy(
            Kind.LOST, use.digest, "index and store have lost it, and an instance needs it", _SEND_AGAIN
        )
        return self._of_instances(found, use.digest)

    def _entered(self, found: Discrepancy, entry: BlobEntry) -> Discrepancy:
        """Enter a file into the index if it is asked for and its bytes are right."""
        found = self._of_instances(found, entry.digest)
        if not _is_right(self._stores[entry.store], blob_ref(entry)):
            return replace(found, problem=f"{found.problem}, but does not give its digest", repair=_SEND_AGAIN)
        if not self._plan.repair:
            return replace(found, repair=_REPAIRABLE)
        record_if_due(self._index, BlobsEntered((entry,)), _ACTOR)
        return replace(found, repair="its bytes are right: entered into the index", is_repaired=True)

    def _entry(self, version_id: int, digest: str) -> BlobEntry | None:
        """Return what the event that stored a version said of one of its blobs."""
        for link in self._index.journal.links(after=version_id - 1, upto=version_id):
            event = link.event.record().event
            if isinstance(event, InstanceStored):
                return next((blob for blob in event.blobs if blob.digest == digest), None)
        return None

    def _of_instances(self, found: Discrepancy, digest: str) -> Discrepancy:
        users = self._index.sweeping.users(digest)
        held = self._index.reader.held(users[:1])
        return replace(found, instances=len(users), study=held[0].key.study if held else "")


def _is_right(store: BlobStore, ref: BlobRef) -> bool:
    try:
        store.verify(ref)
    except (BlobDamaged, BlobNotFound):
        return False
    return True


def _where(place: BlobPlace) -> str:
    return f"{store_name(place.store)}/{place.digest}.{place.codec}"
