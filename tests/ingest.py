"""What is sent while something breaks: instances of all sizes, and a book of what was sent and acknowledged."""

import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance import oddities, phantoms
from conformance.corpus import Instance, ct_instances, small_studies
from conformance.requests import store, store_proposals
from conformance.upper_layer import Aborted, Address, Association, PeerClosed, Refused
from exchange import unique_keys

BROKEN = (OSError, PeerClosed, Aborted, Refused)
"""What a sender sees at worst of a process that dies: its association is gone, and for a moment no new one is had."""


def mixture(first: int) -> Iterator[Instance]:
    """Yield instances of all sizes without end: tiny ones, slices, private bulk, and some of 9 MB that are spooled."""
    small, slices = small_studies(100_000, first=first), ct_instances(100_000, first=first, label="kill")
    for number in itertools.count(first):
        yield next(small)
        yield next(slices)
        yield oddities.encoded(oddities.encapsulated_pdf(study=number, size=9_000_000 if number % 20 == 7 else 300_000))
        yield oddities.encoded(phantoms.jpeg_multiframe(study=number, number=number + 1))


def kinds() -> list[Instance]:
    """Return one instance of each SOP Class and transfer syntax that `mixture` yields."""
    return list({(i.sop_class_uid, i.transfer_syntax): i for i in itertools.islice(mixture(0), 60)}.values())


@dataclass(frozen=True, slots=True)
class Sent:
    """One instance that was sent: its unique keys, and the SHA-256 of its bytes."""

    keys: dict[str, str]
    sha256: str

    @classmethod
    def of(cls, instance: Instance) -> "Sent":
        """Note an instance."""
        return cls(unique_keys(instance), hashlib.sha256(instance.data).hexdigest())


@dataclass(slots=True)
class Book:
    """Everything sent by SOP Instance UID, which of it was acknowledged, and what was refused."""

    sent: dict[str, Sent] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def add(self, other: "Book") -> None:
        """Enter another one's lines."""
        self.sent |= other.sent
        self.acknowledged |= other.acknowledged
        self.refused += other.refused


class Sender:
    """Sends over one association after the other, in a process of its own, and keeps its book in memory shared with
    the process that forked it.
    """

    def __init__(self, address: Address, instances: Iterator[Instance], proposals: list[Instance]) -> None:
        self._address, self._instances = address, instances
        self._proposals = store_proposals(proposals)
        self._lines = os.memfd_create("book")

    def send(self, count: int, *, reconnects: int = 0) -> None:
        """Send so many instances; what breaks is sent again over a new association, so often."""
        waiting = itertools.islice(self._instances, count)
        instance = next(waiting)
        for left in range(reconnects, -1, -1):
            try:
                with Association.open(self._address, self._proposals) as association:
                    while instance is not None:
                        self._send(association, instance)
                        instance = next(waiting, None)
                    return
            except BROKEN:
                if not left:
                    return

    def book(self) -> Book:
        """Read what was written down; closes the book."""
        book = Book()
        with os.fdopen(self._lines, "rb") as lines:
            lines.seek(0)
            for what, uid, *rest in map(json.loads, lines):
                if what == "sent":
                    book.sent[uid] = Sent(*rest)
                elif what == "stored":
                    book.acknowledged.add(uid)
                else:
                    book.refused += rest
        return book

    def _send(self, association: Association, instance: Instance) -> None:
        sent = Sent.of(instance)
        self._write("sent", instance.sop_instance_uid, sent.keys, sent.sha256)
        answer = store(association, instance)
        if answer.status == 0:
            self._write("stored", instance.sop_instance_uid)
        else:
            self._write("refused", instance.sop_instance_uid, f"{answer.status:04X} {answer.comment}")

    def _write(self, *line: object) -> None:
        os.write(self._lines, json.dumps(line).encode() + b"\n")
