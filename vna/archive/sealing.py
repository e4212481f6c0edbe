"""Sealing: what the index holds of the journal goes into segments in the store, where it no longer hangs on the index.

Until then an event lives in the index alone. Sealing reads events that are committed and never change, and creates
each segment exclusively, so it may run in any process at any time, in several at once, and be killed at any step.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from vna.archive.same_history import ChainCheck, ErasedPayloads, check_same_history, payload_problem
from vna.archive.translation import storage_errors
from vna.errors import Damaged
from vna.events import JournalMark, KeptPayload, Link
from vna.index import Index, index_errors
from vna.journal import MARK_BYTES, PayloadFile, PayloadReader, SealedJournal, Segment, SigningKey

SEGMENT_BYTES: Final = 4 * 2**20
"""A segment ends once its events, not compressed, have this many bytes."""


class Sealer:
    """Seals the journal of one archive. Thread-safe; owns the index it is given; close it when done."""

    def __init__(
        self, index: Index, journal: SealedJournal, *, note: Callable[[JournalMark], None] = lambda _mark: None
    ) -> None:
        """Take the parts; `note` is told how far the journal is sealed, each time that it has become more."""
        self._index, self._journal, self._note = index, journal, note
        self._sealed: JournalMark | None = None
        self._counted = _Counted(0, 0)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def seal(self) -> JournalMark:
        """Seal what is committed by now, and return how far the journal is sealed then.

        Raises:
            Damaged: an event in the index, or its payload, is not what was committed; nothing is sealed from there on.
            StartRefused: the sealed journal is not that of this index.
            OutOfResources: the store or the index is full or unreachable; what is sealed stays so.
        """
        with self._lock, index_errors(), storage_errors():
            mark = self.sealed()
            reader = self._index.journal
            upto = reader.mark().position
            if mark.position < upto:
                check_same_history(self._index, mark)
            while mark.position < upto:
                links = _within(reader.links(after=mark.position, upto=upto), SEGMENT_BYTES)
                self._check(mark, upto, links)
                mark = self._append(mark, links)
                self._note(mark)
        return mark

    def archive(self) -> str:
        """Return the uid of the archive."""
        with index_errors():
            return self._index.journal.archive()

    def has_a_segment(self) -> bool:
        """Return whether what is not sealed fills a segment; reads what has come since it was asked last.

        Raises:
            OutOfResources: the store or the index is unreachable.
        """
        with index_errors():
            sealed, upto = self.sealed().position, self._index.journal.mark().position
            counted = self._counted
            if counted.sealed != sealed:
                counted = _Counted(sealed, sealed)
            size = counted.size + self._index.journal.body_bytes(after=counted.upto, upto=upto)
        self._counted = _Counted(sealed, max(upto, sealed), size)
        return size >= SEGMENT_BYTES

    def sealed(self) -> JournalMark:
        """Return how far the journal is sealed; what another process has sealed is noticed when this one seals."""
        if self._sealed is None:
            with storage_errors():
                self._sealed = self._journal.mark()
        return self._sealed

    def sign(self, key: SigningKey, now: datetime) -> JournalMark:
        """Put a signed head of what is sealed into the store, unless there is one for it; return what is signed."""
        mark = self.sealed()
        with index_errors(), storage_errors():
            if mark.position:
                time = now.astimezone(UTC).isoformat(timespec="seconds")
                key.sign_into(self._journal.documents, self._index.journal.archive(), mark, time)
        return mark

    def signed_on(self) -> date | None:
        """Return the day (UTC) of the latest signed head; None if there is none, or it cannot be read."""
        with storage_errors():
            head = self._journal.signed_head()
        return None if head is None else datetime.fromisoformat(head.time).date()

    def _check(self, before: JournalMark, upto: int, links: Sequence[Link]) -> None:
        """See that events are still what was committed: what is sealed is there for good, and is believed."""
        if not links:
            raise _altered(f"event {before.position + 1} and all behind it are missing in the index, up to {upto}")
        erased = ErasedPayloads(self._index.journal.erasures)
        chain, reader = ChainCheck(before, erased), PayloadReader(self._bases(links))
        for link in links:
            problem = chain.problem(link) or payload_problem(link, reader, erased)
            if problem is not None:
                raise _altered(problem)

    def _bases(self, links: Sequence[Link]) -> dict[bytes, bytes]:
        return self._index.journal.bases({link.payload.base for link in links if link.payload is not None})

    def _append(self, before: JournalMark, links: Sequence[Link]) -> JournalMark:
        segment, payloads = self._segment(before, links)
        made = self._journal.append(segment, payloads)
        self._sealed = JournalMark(segment.last, segment.after) if made else self._journal.mark()
        return self._sealed

    def _segment(self, before: JournalMark, links: Sequence[Link]) -> tuple[Segment, list[PayloadFile]]:
        archive, first, last = self._index.journal.archive(), links[0].event.position, links[-1].event.position
        by_owner: dict[str, dict[int, KeptPayload]] = {}
        for link in links:
            if link.payload is not None:
                by_owner.setdefault(link.payload.owner, {})[link.event.position] = link.payload
        bases = self._bases(links)
        files = []
        for owner, payloads in by_owner.items():
            named = {kept.base: bases[kept.base] for kept in payloads.values() if kept.base in bases}
            files.append(PayloadFile(archive, owner, first, last, named, payloads))
        segment = Segment(
            archive=archive,
            first=first,
            last=last,
            before=before.chain_hash,
            after=links[-1].head,
            events=tuple(link.event for link in links),
            marks=b"".join(link.head[:MARK_BYTES] for link in links),
            owners={owner: tuple(payloads) for owner, payloads in by_owner.items()},
        )
        return segment, files


def _altered(problem: str) -> Damaged:
    return Damaged(
        f"{problem}; nothing is sealed from there on: put the index back from a backup, or `vna rebuild --into` a new "
        "one from what is sealed"
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many bytes the events behind `sealed` up to `upto` have."""

    sealed: int
    upto: int
    size: int = 0


def _within(links: Iterator[Link], size_bytes: int) -> list[Link]:
    """Take links until their events have this many bytes."""
    taken, size = [], 0
    for link in links:
        taken.append(link)
        size += len(link.event.body)
        if size >= size_bytes:
            break
    return taken
