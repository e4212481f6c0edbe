"""Rebuilding: an index is made, or brought up to date, from the sealed journal and the blobs.

What the tables keep of an instance follows from its header, which is its event's payload; only for the few whose
described attributes lie in blobs (deflated data sets, values over 256 KiB) are blobs read.

Where the payload was erased, and a later event says so, the event is entered and nothing else: what the tables kept of
the instance is gone with it. A payload that is missing otherwise ends the rebuild.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import cbor2

from storage_backends import BlobDamaged, BlobNotFound, BlobStore, Codec, StoreUnavailable
from vna.archive.kept import blob_ref
from vna.archive.payload import unpack
from vna.archive.sealing import check_same_history
from vna.archive.translation import storage_errors
from vna.dicom.describe import Description, describe
from vna.dicom.recipe import Recipe, assemble
from vna.dicom.scan import ALWAYS_BULK, scan
from vna.errors import Damaged, StartRefused
from vna.events import DETAILED, BlobEntry, ChainedEvent, Erasures, Event, InstanceStored, Link
from vna.index import Index, JournalReader, Past, Replayer
from vna.journal import PayloadReader, SealedJournal, Unreadable

_BATCH: Final = 2000
"""Events in one transaction: what a rebuild that is killed has to do again."""

Told = Callable[[int], None]
"""Is told the position that is reached."""


class Rebuilder:
    """Enters what happened into one index."""

    def __init__(self, replayer: Replayer, blobs: BlobStore) -> None:
        self._replayer, self._blobs = replayer, blobs

    def from_journal(self, journal: SealedJournal, after: int, told: Told) -> int:
        """Enter what is sealed behind a position; return the position reached.

        Raises:
            Damaged: the sealed journal, a payload or a blob that is needed is damaged or missing.
            StartRefused: the journal does not follow what the index holds.
        """
        erased = _Erased(lambda: journal.erasures(after))
        with storage_errors():
            for stretch in journal.stretches(after):
                if after == 0:
                    self._replayer.name(stretch.archive)
                links = (link for link in stretch.links if link.event.position > after)
                after = self._enter_all(links, stretch.bases, told, erased)
        return after

    def from_index(self, tail: JournalReader, after: int, told: Told) -> int:
        """Enter what another index holds behind a position; return the position reached.

        Raises:
            Damaged, StartRefused: as `from_journal`.
        """
        upto = tail.mark().position
        if after == 0:
            self._replayer.name(tail.archive())
        links, erased = tail.links(after=after, upto=upto), _Erased(tail.erasures)
        with storage_errors():
            while batch := list(islice(links, _BATCH)):
                bases = tail.bases({link.payload.base for link in batch if link.payload is not None})
                after = self._enter_all(batch, bases, told, erased)
        return after

    def _enter_all(
        self, links: Iterable[Link], bases: Mapping[bytes, bytes], told: Told, erased: "_Erased | None" = None
    ) -> int:
        links, reader, reached = iter(links), PayloadReader(bases), 0
        while batch := list(islice(links, _BATCH)):
            past = [self._past(link, reader, erased) for link in batch]
            self._replayer.enter(past, _named(batch, bases))
            reached = batch[-1].event.position
            told(reached)
        return reached

    def _past(self, link: Link, reader: PayloadReader, erased: "_Erased | None") -> Past:
        try:
            record = link.event.record()
        except ValueError as exc:
            raise StartRefused(f"event {link.event.position}: {exc}") from exc
        event = record.event
        if not isinstance(event, InstanceStored):
            return Past(link, record, None, _detail(event, link, reader))
        if link.payload is None:
            if erased is not None and erased.says(link.event, event.key.study):
                return Past(link, record, None)
            raise Damaged(f"event {record.position}: its payload is missing from the journal, and no event erased it")
        try:
            plain = reader.checked(link.payload, link.event.payload_digest)
        except Unreadable as exc:
            raise Damaged(f"the payload of event {record.position}: {exc}") from exc
        return Past(link, record, describe_stored(event, plain, self._blobs))


def _detail(event: Event, link: Link, reader: PayloadReader) -> Mapping[str, Any] | None:
    """Return the map in a payload, of the kinds of which the tables take something; None where it is erased."""
    if link.payload is None or not isinstance(event, DETAILED):
        return None
    try:
        detail = cbor2.loads(reader.checked(link.payload, link.event.payload_digest))
    except (Unreadable, cbor2.CBORDecodeError) as exc:
        raise Damaged(f"the payload of event {link.event.position}: {exc}") from exc
    if not isinstance(detail, dict):
        raise Damaged(f"the payload of event {link.event.position} is no map")
    return detail


class _Erased:
    """Whose payloads were erased later, looked up when the first one is missing."""

    def __init__(self, look_up: Callable[[], Erasures]) -> None:
        self._look_up = look_up
        self._found: Erasures | None = None

    def says(self, event: ChainedEvent, owner: str) -> bool:
        """Return whether a later event says that what this one kept of an owner was erased."""
        if self._found is None:
            self._found = self._look_up()
        return self._found.of_event(owner, event.position, event.kind, event.body) > 0


def describe_stored(event: InstanceStored, payload: bytes, blobs: BlobStore) -> Description:
    """Return the description of an instance as it was when it was stored.

    Raises:
        Damaged: a blob that is needed is damaged or missing.
    """
    entries = {blob.digest: blob for blob in event.blobs}
    parts, recipe = unpack(payload), Recipe.from_cbor(event.recipe)
    header = parts.header if parts.header_blob is None else _read(entries[parts.header_blob], blobs)
    if header:
        sizes = {digest: entry.plain_size for digest, entry in entries.items()}
        scanned = scan(header, event.transfer_syntax, holes=recipe.holes(sizes))
        bulk = {scanned.elements[tag].offset for tag in ALWAYS_BULK & scanned.elements.keys()}
        if all(piece.header_upto in bulk for piece in recipe.pieces):
            return describe(scanned)
    named = {piece.digest for piece in recipe.pieces}
    data = assemble(header, recipe, {digest: _read(entries[digest], blobs) for digest in named})
    return describe(scan(data, event.transfer_syntax))


def _read(blob: BlobEntry, blobs: BlobStore) -> bytes:
    """Return a blob from wherever it lies now: later events, not entered yet, may have moved it.

    Raises:
        storage_backends.BlobNotFound, storage_backends.BlobDamaged: no store has it sound.
    """
    first = blob_ref(blob)
    for store in blobs.stores.values():
        for codec in (first.codec, *(codec for codec in Codec if codec is not first.codec)):
            with suppress(BlobNotFound, BlobDamaged, StoreUnavailable):
                return store.get(replace(first, codec=codec))
    return blobs.get(first)


def catch_up(index: Index, journal: SealedJournal, rebuild: Callable[[int], int]) -> int:
    """Bring an index that is behind the sealed journal up to it, and return how many events that were.

    Args:
        rebuild: enters what is sealed behind a position, and returns the position reached.

    Raises:
        StartRefused: index and journal are two histories; nothing may be accepted then.
    """
    with storage_errors():
        sealed, archive = journal.mark(), journal.archive()
    position = index.journal.mark().position
    if position and archive is not None and archive != index.journal.archive():
        raise StartRefused("two histories: the journal in the store is that of another archive than the index")
    if position >= sealed.position:
        check_same_history(index, sealed)
        return 0
    return rebuild(position) - position


def _named(batch: Sequence[Link], bases: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    wanted = {link.payload.base for link in batch if link.payload is not None}
    return {digest: bases[digest] for digest in wanted if digest in bases}
