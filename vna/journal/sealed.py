"""The sealed journal: segments and payload files in a store, each made once and never changed.

A seal is: the payload files, then the segment. The segment is what counts; payload files without it are the rest of
a seal that was cut short or lost the race, and go with the next one. Two that seal at once harm nothing: both begin
where the last segment ends, so both want the same name, and one gets it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from storage_backends import BlobNotFound, Documents
from vna.errors import Damaged
from vna.events import GENESIS, Erasures, JournalMark, KeptPayload, Link
from vna.journal.names import (
    HEADS,
    PAYLOADS_SUFFIX,
    SEGMENTS,
    first_of_segment,
    generation_of_payloads,
    owner_of_payloads,
    payloads_from,
    payloads_name,
    position_of_head,
    range_of_payloads,
    segment_name,
)
from vna.journal.packing import Unreadable
from vna.journal.payloads import PayloadFile
from vna.journal.segment import Segment
from vna.journal.signing import SignedHead, read_head


class Broken(Damaged):
    """The sealed journal is not what it should be; the message names the document and `vna fsck`."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The events of one segment with the heads after them and the payloads that are there, and those one's bases."""

    archive: str
    before: JournalMark
    links: Sequence[Link]
    bases: Mapping[bytes, bytes]


class SealedJournal:
    """The sealed journal of one archive, read and added to."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents

    def firsts(self) -> list[int]:
        """Return the positions at which segments begin, in order."""
        names = map(first_of_segment, self.documents.names(SEGMENTS))
        return [first for first in names if first is not None]

    def mark(self) -> JournalMark:
        """Return how far the journal is sealed.

        Raises:
            Broken: the last segment cannot be read.
        """
        firsts = self.firsts()
        if not firsts:
            return JournalMark(0, GENESIS)
        segment = self.segment(firsts[-1])
        return JournalMark(segment.last, segment.after)

    def archive(self) -> str | None:
        """Return the uid of the archive this is the journal of; None before the first segment."""
        firsts = self.firsts()
        return self.segment(firsts[-1]).archive if firsts else None

    def signed_head(self) -> SignedHead | None:
        """Return the signed head of the highest position; None if there is none, or it cannot be read."""
        names = [name for name in self.documents.names(HEADS) if position_of_head(name) is not None]
        try:
            return read_head(self.documents.read(names[-1])) if names else None
        except Unreadable:
            return None

    def segment(self, first: int) -> Segment:
        """Return the segment that begins at a position.

        Raises:
            Broken: it is missing or cannot be read.
        """
        name = segment_name(first)
        try:
            return Segment.unpack(self.documents.read(name))
        except (BlobNotFound, Unreadable) as exc:
            raise Broken(f"{name}: {exc}; `vna fsck` says what can be done") from exc

    def stretches(self, after: int = 0) -> Iterator[Stretch]:
        """Go through what is sealed, segment by segment, beginning with the one that holds the event after `after`.

        Raises:
            Broken: a segment is missing, does not follow the one before, or does not give its hashes; a payload file
                cannot be read. One that is not there at all is left out: its links have no payload.
        """
        firsts = self.firsts()
        start = max((number for number, first in enumerate(firsts) if first <= after + 1), default=0)
        expected: JournalMark | None = JournalMark(0, GENESIS) if start == 0 else None
        for first in firsts[start:]:
            segment = self.segment(first)
            expected = expected or JournalMark(segment.first - 1, segment.before)
            if (segment.first, segment.before) != (expected.position + 1, expected.chain_hash):
                raise Broken(f"{segment_name(first)} does not follow position {expected.position}")
            if segment.last > after:
                yield self._stretch(segment, expected)
            expected = JournalMark(segment.last, segment.after)

    def append(self, segment: Segment, payloads: Sequence[PayloadFile]) -> bool:
        """Seal a segment; return whether it was this one that did, and not another at the same time.

        Raises:
            storage_backends.StorageError: nothing is sealed.
        """
        for file in payloads:
            self.documents.create_exclusively(payloads_name(segment.first, segment.last, file.owner), file.pack())
        made = self.documents.create_exclusively(segment_name(segment.first), segment.pack())
        self.clear_leftovers(segment.first, segment.last if made else self.segment(segment.first).last)
        return made

    def clear_leftovers(self, first: int, last: int) -> None:
        """Remove payload files of other tries to seal from `first` on: the segment that counts ends at `last`."""
        for name in self.documents.names(payloads_from(first)):
            if range_of_payloads(name) != (first, last):
                self.documents.delete(name)

    def erase(self, segment: Segment, owners: Iterable[tuple[str, PayloadFile | None]]) -> tuple[int, int]:
        """Remove what the events of a segment keep of some owners.

        Args:
            owners: each with what is kept of it, in a file that takes the place of the one before; or with nothing.

        Returns:
            of how many owners there was something, and the bytes removed.
        """
        names: dict[str, list[str]] = {}
        for name in self.documents.names(payloads_name(segment.first, segment.last, "").removesuffix(PAYLOADS_SUFFIX)):
            names.setdefault(owner_of_payloads(name), []).append(name)
        files = size = 0
        for owner, left in owners:
            before = sorted(names.get(owner, ()), key=generation_of_payloads)
            if left is not None:
                generation = generation_of_payloads(before[-1]) + 1 if before else 1
                made = payloads_name(segment.first, segment.last, owner, generation)
                self.documents.create_exclusively(made, left.pack())
            for name in before:
                size += len(self.documents.read(name))
                self.documents.delete(name)
            files += bool(before)
        return files, size

    def payload_names(self, segment: Segment, owner: str) -> list[str]:
        """Return the names of the files that are there of what a segment keeps of an owner, the oldest first.

        There are two at most: while the younger one, of which something was erased, is taking the other one's place.
        """
        begin = payloads_name(segment.first, segment.last, owner).removesuffix(PAYLOADS_SUFFIX)
        names = [name for name in self.documents.names(begin) if owner_of_payloads(name) == owner]
        return sorted(names, key=generation_of_payloads)

    def erasures(self, after: int) -> Erasures:
        """Return whose payloads were erased behind a position.

        Raises:
            Broken: a segment is missing or cannot be read.
        """
        firsts = self.firsts()
        behind = [
            first
            for first, following in zip(firsts, [*firsts[1:], None], strict=True)
            if following is None or following > after
        ]
        found = Erasures()
        for first in behind:
            found.update(self.segment(first).events)
        return found

    def payloads(self, segment: Segment) -> Iterator[PayloadFile]:
        """Go through the payload files of a segment that are there.

        Raises:
            Broken: one cannot be read.
        """
        for owner in segment.owners:
            file = self._payload_file(segment, owner)
            if file is not None:
                yield file

    def _payload_file(self, segment: Segment, owner: str) -> PayloadFile | None:
        name = payloads_name(segment.first, segment.last, owner)
        try:
            return PayloadFile.unpack(self.documents.read(name))
        except BlobNotFound:
            younger = self.payload_names(segment, owner)
            if not younger:
                return None
            name = younger[-1]
        except Unreadable as exc:
            raise Broken(f"{name}: {exc}; `vna fsck` says what can be done") from exc
        try:
            return PayloadFile.unpack(self.documents.read(name))
        except Unreadable as exc:
            raise Broken(f"{name}: {exc}; `vna fsck` says what can be done") from exc

    def _stretch(self, segment: Segment, before: JournalMark) -> Stretch:
        heads = segment.heads()
        if len(heads) != segment.last - segment.first + 1 or heads[-1] != segment.after:
            raise Broken(f"{segment_name(segment.first)} does not give its hashes; `vna fsck` says what can be done")
        kept: dict[int, KeptPayload] = {}
        bases: dict[bytes, bytes] = {}
        for file in self.payloads(segment):
            kept.update(file.payloads)
            bases.update(file.bases)
        links = [Link(event, head, kept.get(event.position)) for event, head in zip(segment.events, heads, strict=True)]
        return Stretch(segment.archive, before, links, bases)
