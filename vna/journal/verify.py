"""Verifying the sealed journal from the store alone: no index, no node, nothing but the documents.

Every event is hashed anew from the beginning, so whatever was changed shows at the first place that does not fit:

| done to a journal                        | found as                                                |
|------------------------------------------|---------------------------------------------------------|
| event altered                            | the event whose mark differs                            |
| event added, dropped, moved              | the first event that is out of its place                |
| segment cut off or damaged               | a segment that cannot be read                           |
| segment removed, swapped, forged         | a segment that is missing, or does not follow           |
| last segments removed, everything forged | a signed head that the journal does not reach or give   |
| payload altered, removed, of another     | the event whose payload is missing or of another digest |
| payloads erased, as a later event says   | no problem, but an erasure with the event that says so  |

Without a signed head a journal that was forged from some event on, consistently, or that lost its end, is a journal:
that is what signing is for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from storage_backends import BlobNotFound, Documents
from vna.events import GENESIS, ChainedEvent, Erasures, JournalMark, link_hash
from vna.journal.names import (
    HEADS,
    PAYLOADS,
    PAYLOADS_SUFFIX,
    SEGMENTS,
    first_of_segment,
    generation_of_payloads,
    owner_of_payloads,
    payloads_name,
    position_of_head,
    range_of_payloads,
    segment_name,
)
from vna.journal.packing import Unreadable
from vna.journal.payloads import PayloadFile, PayloadReader
from vna.journal.segment import MARK_BYTES, Segment
from vna.journal.signing import SignedHead, read_head

_NOTHING: Final = JournalMark(0, GENESIS)
MOST_PROBLEMS: Final = 1000
"""Problems named one by one; a journal with more is broken all over."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at which position, in which document, and what."""

    position: int
    document: str
    reason: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """Payloads that are not there any more: of how many events, from which document, and the event that says so."""

    document: str
    payloads: int
    event: int


@dataclass(slots=True)
class Report:
    """What a verification found. `problems` are in the order of the journal: the first is the first bad entry.

    `mark` is how far the chain is sound, `signed_upto` the last position of it whose head is signed. `leftovers` are
    documents that belong to nothing: what remains of a seal that was cut short.
    """

    archive: str = ""
    mark: JournalMark = _NOTHING
    segments: int = 0
    payloads: int = 0
    signed_heads: int = 0
    signed_upto: int = 0
    problems: list[Problem] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)


def verify(documents: Documents, public_key: str | None = None) -> Report:
    """Check every document of a sealed journal.

    Args:
        public_key: hex of the key that heads must be signed with; without it any key will do.

    Raises:
        storage_backends.StorageError: the store cannot be read.
    """
    return _Verification(documents).run(public_key)


@dataclass(frozen=True, slots=True)
class _Gone:
    """Payloads of an owner that are not there, all of a file or some of it, and the events that they are of."""

    owner: str
    document: str
    events: tuple[ChainedEvent, ...]
    is_file: bool


class _Verification:
    """One verification: the report, and the chain so far.

    After a segment that is bad the chain goes on from what the next one says of itself: the rest is checked too.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents, self._report = documents, Report()
        self._head = _NOTHING
        self._last: tuple[str, JournalMark] | None = None
        self._is_sound = True
        self._heads: dict[int, bytes] = {}
        self._signed: Mapping[int, SignedHead] = {}
        self._ranges: set[tuple[int, int]] = set()
        self._erased = Erasures()
        self._gone: list[_Gone] = []

    def run(self, public_key: str | None) -> Report:
        signed = self._signed_positions()
        self._signed = self._read_signed(signed, public_key)
        for name in self._documents.names(SEGMENTS):
            first = first_of_segment(name)
            if first is not None:
                self._report.segments += 1
                self._segment(name, first, signed)
            elif name not in signed.values():
                self._report.leftovers.append(name)
        self._compare_signed(signed)
        for name in self._documents.names(PAYLOADS):
            self._payloads_there(name)
        for gone in self._gone:
            self._payloads_gone(gone)
        self._report.problems.sort(key=lambda problem: problem.position)
        return self._report

    def _payloads_there(self, name: str) -> None:
        """Look at the name of a payload file: it belongs to a segment, and should not have been erased."""
        within, owner = range_of_payloads(name), owner_of_payloads(name)
        if within is None or within not in self._ranges:
            self._report.leftovers.append(name)
        elif self._erased.of_owner(owner) > within[1]:
            event = self._erased.of_owner(owner)
            self._problem(within[0], name, f"event {event} says that these payloads were erased, and they are there")

    def _payloads_gone(self, gone: "_Gone") -> None:
        said = [self._erased.of_event(gone.owner, each.position, each.kind, each.body) for each in gone.events]
        for event in sorted(set(said) - {0}):
            self._report.erasures.append(Erasure(gone.document, said.count(event), event))
        missing = [each.position for each, event in zip(gone.events, said, strict=True) if not event]
        if not gone.is_file:
            for position in missing:
                self._problem(position, gone.document, "its payload is missing, and no event says it was erased")
        elif missing:
            reason = f"payloads missing: {len(missing)}, and no event says they were erased"
            self._problem(missing[0], gone.document, reason)

    def _signed_positions(self) -> dict[int, str]:
        positions = {name: position_of_head(name) for name in self._documents.names(HEADS)}
        return {position: name for name, position in positions.items() if position is not None}

    def _problem(self, position: int, document: str, reason: str) -> None:
        if len(self._report.problems) < MOST_PROBLEMS:
            self._report.problems.append(Problem(position, document, reason))

    def _segment(self, name: str, first: int, signed: Mapping[int, str]) -> None:
        try:
            segment = Segment.unpack(self._documents.read(name))
        except Unreadable as exc:
            self._break(first, name, f"the segment cannot be read: {exc}")
            self._head, self._last = JournalMark(-1, GENESIS), None
            return
        before = self._head
        self._join(name, first, segment)
        sound_links = self._events(name, segment, signed)
        self._erased.update(segment.events)
        self._head, self._last = JournalMark(segment.last, segment.after), (name, before)
        self._ranges.add((segment.first, segment.last))
        if self._is_sound:
            self._report.mark = self._head
        for position, reason, document in self._payload_problems(segment, sound_links):
            self._problem(position, document, reason)

    def _break(self, position: int, name: str, reason: str) -> None:
        self._is_sound = False
        self._problem(position, name, reason)

    def _join(self, name: str, first: int, segment: Segment) -> None:
        """Check that a segment is what its name says and follows the one before."""
        self._report.archive = self._report.archive or segment.archive
        if segment.archive != self._report.archive:
            self._break(first, name, f"it is of another archive: {segment.archive}")
        if segment.first != first:
            self._break(first, name, f"it begins at position {segment.first}: it stands under another one's name")
        elif self._head.position >= 0 and first != self._head.position + 1:
            missing = self._head.position + 1
            self._break(missing, segment_name(missing), f"missing: the next segment begins at {first}")
        elif self._head.position >= 0 and segment.before != self._head.chain_hash:
            self._break_between(name, first)

    def _break_between(self, name: str, first: int) -> None:
        """Tell of two segments of which one was forged: the first of them, unless its end is signed."""
        signed = self._signed.get(self._head.position)
        if self._last is None or (signed is not None and signed.mark == self._head):
            self._break(first, name, "it does not follow the segment before: the hashes differ")
            return
        forged, before = self._last
        self._break(before.position + 1, forged, f"it does not lead to {name}: its events were forged, or those there")
        if self._report.mark.position > before.position:
            self._report.mark = before

    def _events(self, name: str, segment: Segment, signed: Mapping[int, str]) -> set[int]:
        """Hash the events; return the positions that can be relied on to say which payloads there must be."""
        head, expected = segment.before, segment.first
        for event in segment.events:
            if event.position != expected:
                self._break(expected, name, f"event {event.position} stands in the place of event {expected}")
                return set()
            head = link_hash(head, event.encode())
            if segment.mark_of(event.position) != head[:MARK_BYTES]:
                self._break(expected, name, "the event was altered: it does not give its hash")
                return {event.position for event in segment.events}
            if expected in signed:
                self._heads[expected] = head
            expected += 1
        if expected != segment.last + 1:
            self._break(expected, name, f"event {expected} is missing: the segment says it reaches {segment.last}")
        elif head != segment.after:
            self._break(segment.last, name, "the events do not give the hash of the segment")
        return {event.position for event in segment.events}

    def _payload_problems(self, segment: Segment, positions: set[int]) -> Iterator[tuple[int, str, str]]:
        """Yield position, reason and document of every payload that is missing or wrong."""
        name = segment_name(segment.first)
        due = {event.position: event.payload_digest for event in segment.events if event.payload_digest is not None}
        for owner, places in segment.owners.items():
            document = payloads_name(segment.first, segment.last, owner)
            wanted = {position: due.pop(position) for position in places if position in due}
            for position in sorted(set(places) & positions - wanted.keys()):
                yield position, "it has no payload, or two owners", name
            yield from ((at, why, document) for at, why in self._of_owner(segment, owner, document, wanted))
        for position in due:
            yield position, "the segment does not say in which file its payload lies", name

    def _of_owner(
        self, segment: Segment, owner: str, document: str, wanted: Mapping[int, bytes]
    ) -> Iterator[tuple[int, str]]:
        first = min(wanted, default=segment.first)
        try:
            file = self._payload_file(segment, owner, document)
        except Unreadable as exc:
            yield first, f"the payloads cannot be read: {exc}"
            return
        there = {} if file is None else file.payloads
        missing = wanted.keys() - there.keys()
        if missing:
            gone = tuple(event for event in segment.events if event.position in missing)
            self._gone.append(_Gone(owner, document, gone, is_file=file is None))
        if file is None:
            return
        if (file.archive, file.owner, file.first, file.last) != (segment.archive, owner, segment.first, segment.last):
            yield first, "the file is that of another segment, owner or archive"
        reader = PayloadReader(file.bases)
        for position, digest in wanted.items():
            if position in there:
                self._report.payloads += 1
                try:
                    reader.checked(there[position], digest)
                except Unreadable as exc:
                    yield position, f"its payload: {exc}"

    def _payload_file(self, segment: Segment, owner: str, document: str) -> PayloadFile | None:
        """Return what is there of an owner's payloads: the first file, or one of which something was erased."""
        try:
            return PayloadFile.unpack(self._documents.read(document))
        except BlobNotFound:
            begin = document.removesuffix(PAYLOADS_SUFFIX)
            younger = [name for name in self._documents.names(begin) if owner_of_payloads(name) == owner]
        if not younger:
            return None
        return PayloadFile.unpack(self._documents.read(max(younger, key=generation_of_payloads)))

    def _read_signed(self, names: Mapping[int, str], public_key: str | None) -> dict[int, SignedHead]:
        """Return the heads that are signed, with the right key, by position; tell of the others."""
        found = {}
        for position, name in sorted(names.items()):
            self._report.signed_heads += 1
            try:
                signed = read_head(self._documents.read(name))
            except Unreadable as exc:
                self._problem(position, name, f"the signed head: {exc}")
                continue
            if public_key is not None and signed.public_key != public_key:
                self._problem(position, name, f"signed with another key: {signed.public_key}")
            else:
                found[position] = signed
        return found

    def _compare_signed(self, names: Mapping[int, str]) -> None:
        """See that the journal gives each head that is signed; what it does not give was forged behind the last one."""
        good = _NOTHING
        for position, signed in self._signed.items():
            name = names[position]
            if signed.mark.position != position or signed.archive != (self._report.archive or signed.archive):
                self._problem(position, name, "the signed head is that of another position or archive")
            elif position not in self._heads:
                self._problem(position, name, "the journal does not reach this signed head: its end is missing")
            elif self._heads[position] == signed.mark.chain_hash:
                good = signed.mark
            else:
                begin = good.position + 1
                reason = f"the journal does not give this signed head: it was forged between {begin} and {position}"
                self._problem(begin, name, reason)
                if self._report.mark.position >= position:
                    self._report.mark = good
        self._report.signed_upto = min(good.position, self._report.mark.position)
