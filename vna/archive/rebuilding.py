"""Rebuilding: an index is made, or brought up to date, from the sealed journal and the blobs.

What the tables keep of an instance follows from its header, which is its event's payload; only for the few whose
described attributes lie in blobs (deflated data sets, values over 256 KiB) are blobs read.

Where the payload was erased, and a later event says so, the event is entered and nothing else: what the tables kept of
the instance is gone with it. A payload that is missing otherwise ends the rebuild.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import cbor2

from storage_backends import BlobStore
from vna.archive.describing import Ahead, Batch, Known, describe_stored, nothing_ahead
from vna.archive.same_history import (
    NOTHING_REMEMBERED,
    ErasedPayloads,
    Remembered,
    check_head,
    check_remembered,
    check_same_history,
)
from vna.archive.translation import storage_errors
from vna.errors import Damaged, StartRefused
from vna.events import DETAILED, Event, EventRecord, InstanceStored, Link
from vna.index import Index, JournalReader, Past, Replayer
from vna.journal import PayloadReader, SealedJournal, Unreadable

_BATCH: Final = 2000
"""Events in one transaction: what a rebuild that is killed has to do again."""

Told = Callable[[int], None]
"""Is told the position that is reached."""


class Rebuilder:
    """Enters what happened into one index."""

    def __init__(self, replayer: Replayer, blobs: BlobStore, ahead: Ahead = nothing_ahead) -> None:
        """Take the index and the blobs; `ahead` describes instances before they are entered."""
        self._replayer, self._blobs, self._ahead = replayer, blobs, ahead

    def from_journal(self, journal: SealedJournal, after: int, told: Told) -> int:
        """Enter what is sealed behind a position; return the position reached.

        Raises:
            Damaged: the sealed journal, a payload or a blob that is needed is damaged or missing.
            StartRefused: the journal does not follow what the index holds.
            VnaError: a process that describes died.
        """
        erased = ErasedPayloads(lambda: journal.erasures(after))
        with storage_errors():
            return self._enter_all(self._sealed(journal, after), after, told, erased)

    def from_index(self, tail: JournalReader, after: int, told: Told, upto: int | None = None) -> int:
        """Enter what another index holds behind a position, up to one or all of it; return the position reached.

        Raises:
            Damaged, StartRefused, VnaError: as `from_journal`.
        """
        if after == 0:
            self._replayer.name(tail.archive())
        with storage_errors():
            return self._enter_all(_unsealed(tail, after, upto), after, told, ErasedPayloads(tail.erasures))

    def _sealed(self, journal: SealedJournal, after: int) -> Iterator[Batch]:
        for stretch in journal.stretches(after):
            if after == 0 and stretch.before.position == 0:
                self._replayer.name(stretch.archive)
            links = (link for link in stretch.links if link.event.position > after)
            while batch := list(islice(links, _BATCH)):
                yield _batch(batch, stretch.bases)

    def _enter_all(self, batches: Iterable[Batch], reached: int, told: Told, erased: ErasedPayloads) -> int:
        for batch, known in self._ahead(batches):
            reader = PayloadReader(batch.bases)
            past = [self._past(link, record, reader, known, erased) for link, record in batch.events]
            self._replayer.enter(past, batch.bases)
            reached = batch.events[-1][0].event.position
            told(reached)
        return reached

    def _past(
        self, link: Link, record: EventRecord, reader: PayloadReader, known: Known, erased: ErasedPayloads
    ) -> Past:
        event = record.event
        if not isinstance(event, InstanceStored):
            return Past(link, record, None, _detail(event, link, reader))
        if link.payload is None:
            if erased.says(link.event, event.key.study):
                return Past(link, record, None)
            raise Damaged(f"event {record.position}: its payload is missing from the journal, and no event erased it")
        if record.position in known:
            return Past(link, record, known[record.position])
        try:
            plain = reader.checked(link.payload, link.event.payload_digest)
        except Unreadable as exc:
            raise Damaged(f"the payload of event {record.position}: {exc}") from exc
        return Past(link, record, describe_stored(event, plain, self._blobs))


def _unsealed(tail: JournalReader, after: int, upto: int | None) -> Iterator[Batch]:
    links = tail.links(after=after, upto=tail.mark().position if upto is None else upto)
    while batch := list(islice(links, _BATCH)):
        yield _batch(batch, tail.bases({link.payload.base for link in batch if link.payload is not None}))


def _batch(links: Sequence[Link], bases: Mapping[bytes, bytes]) -> Batch:
    """Return events as a batch, with those bases that its payloads name.

    Raises:
        StartRefused: an event is of a kind or form that this release does not know.
    """
    named = {link.payload.base for link in links if link.payload is not None}
    found = {digest: bases[digest] for digest in named if digest in bases}
    return Batch([(link, _record(link)) for link in links], found)


def _record(link: Link) -> EventRecord:
    try:
        return link.event.record()
    except ValueError as exc:
        raise StartRefused(f"event {link.event.position}: {exc}") from exc


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


def catch_up(
    index: Index, journal: SealedJournal, rebuild: Callable[[int], int], remembered: Remembered = NOTHING_REMEMBERED
) -> int:
    """Bring an index that is behind the sealed journal up to it, and return how many events that were.

    Args:
        rebuild: enters what is sealed behind a position, and returns the position reached.
        remembered: how far the journal was sealed once, by what is not in the store.

    Raises:
        StartRefused: index and journal are two histories, or the end of both is lost; nothing may be accepted then.
    """
    check_head(index)
    with storage_errors():
        sealed, archive = journal.mark(), journal.archive()
    position = index.journal.mark().position
    if position and archive is not None and archive != index.journal.archive():
        raise StartRefused("two histories: the journal in the store is that of another archive than the index")
    if position >= sealed.position:
        check_same_history(index, sealed)
        entered = 0
    else:
        entered = rebuild(position) - position
    check_remembered(index, remembered)
    return entered
