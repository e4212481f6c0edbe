"""A segment: a run of events of the journal, sealed.

The file is a zstd frame around a CBOR sequence (vna.journal.packing):

    head    {"format": "vna-journal", "version": 1, "archive": uid, "first": n, "last": m, "before": 32 bytes}
    n..m    one array for each event, as the chain hashes it (vna.events.chain)
    tail    {"after": 32 bytes, "marks": 4 bytes for each event, "owners": {owner: [position, ...], ...}}

`before` is the head of the chain before event n, `after` that after event m: a segment can be checked alone, and
joined to its neighbours without reading them. The head comes first, so that a reader knows what follows; the tail is
there, so that a file that was cut off is known. Packing a segment anew (another zstd level, another version of this
format) does not change the chain, which is over the events alone.

`marks` are the first four bytes of the head after each event: they prove nothing, but say which event it is that was
altered. `owners` says in which payload files lies what the events keep beside the chain: every event with a payload
digest stands there once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from vna.events import ChainedEvent, chained_event, link_hash
from vna.journal.packing import MALFORMED, Unreadable, octets, pack, unpack

FORMAT: Final = "vna-journal"
VERSION: Final = 1
MARK_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment taken apart; nothing is said of whether its events give its hashes, which `verify` finds out."""

    archive: str
    first: int
    last: int
    before: bytes
    after: bytes
    events: tuple[ChainedEvent, ...]
    marks: bytes
    owners: Mapping[str, tuple[int, ...]]

    def pack(self) -> bytes:
        """Return the file."""
        head = {"format": FORMAT, "version": VERSION, "archive": self.archive}
        head |= {"first": self.first, "last": self.last, "before": self.before}
        owners = {owner: list(places) for owner, places in self.owners.items()}
        tail = {"after": self.after, "marks": self.marks, "owners": owners}
        return pack([cbor2.dumps(head), *(event.encode() for event in self.events), cbor2.dumps(tail)])

    @classmethod
    def unpack(cls, data: bytes) -> "Segment":
        """Take a file apart.

        Raises:
            Unreadable: it is no segment of a version this release knows.
        """
        items = unpack(data)
        if len(items) < 2 or not isinstance(items[0], dict) or items[0].get("format") != FORMAT:
            raise Unreadable("it is no segment of a journal")
        if items[0].get("version") != VERSION:
            raise Unreadable(f"it has version {items[0].get('version')}, this release reads {VERSION}")
        try:
            return _segment(items[0], items[1:-1], items[-1])
        except MALFORMED as exc:
            raise Unreadable("its head, its tail or one of its events is not what it should be") from exc

    def mark_of(self, position: int) -> bytes:
        """Return the mark of an event."""
        at = (position - self.first) * MARK_BYTES
        return self.marks[at : at + MARK_BYTES]

    def heads(self) -> list[bytes]:
        """Return the head of the chain after each event, computed from `before`."""
        heads, head = [], self.before
        for event in self.events:
            head = link_hash(head, event.encode())
            heads.append(head)
        return heads


def _segment(head: dict[str, Any], events: Sequence[Any], tail: dict[str, Any]) -> Segment:
    hashes = (head["before"], tail["after"])
    if not all(isinstance(value, bytes) and len(value) == 32 for value in hashes):
        raise ValueError("a head of the chain has 32 bytes")
    return Segment(
        archive=str(head["archive"]),
        first=int(head["first"]),
        last=int(head["last"]),
        before=head["before"],
        after=tail["after"],
        events=tuple(map(chained_event, events)),
        marks=octets(tail["marks"]),
        owners={str(owner): tuple(map(int, places)) for owner, places in tail["owners"].items()},
    )
