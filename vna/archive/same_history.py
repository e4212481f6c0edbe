"""Whether what the index holds of the journal is what happened: nothing of it altered, removed, added or cut off.

This archive never alters an event, but a database can be written past it, be damaged, or be put back from before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cbor2

from vna.errors import StartRefused
from vna.events import GENESIS, ChainedEvent, Erasures, InstanceStored, JournalMark, Link, link_hash
from vna.index import Index
from vna.journal import PayloadReader, Unreadable


@dataclass(frozen=True, slots=True)
class Remembered:
    """How far the journal was sealed once, and the file that says so."""

    mark: JournalMark
    by: str


NOTHING_SEALED: Final = JournalMark(0, GENESIS)
NOTHING_REMEMBERED: Final = Remembered(NOTHING_SEALED, "")


def check_same_history(index: Index, sealed: JournalMark) -> None:
    """Compare the index with the sealed journal where that ends.

    Raises:
        StartRefused: the index does not have this hash there.
    """
    found = index.journal.mark_at(sealed.position)
    if found != sealed:
        what = "has no such event" if found is None else f"has {found.chain_hash.hex()[:16]}"
        raise StartRefused(
            f"two histories: the journal in the store ends at position {sealed.position} with "
            f"{sealed.chain_hash.hex()[:16]}, and there the index {what}; put back the one that is not of this "
            "archive, or `vna rebuild --into` a new index from what is sealed"
        )


def check_head(index: Index) -> None:
    """Compare the head of the journal in the index with the last event there.

    Raises:
        StartRefused: they are not of one chain.
    """
    head = index.journal.mark()
    if index.journal.mark_at(head.position) != head:
        raise StartRefused(
            f"two histories: the index says that its journal ends at position {head.position} with "
            f"{head.chain_hash.hex()[:16]}, and its event there does not; put back a right index, or "
            "`vna rebuild --into` a new one from what is sealed"
        )


def check_remembered(index: Index, remembered: Remembered) -> None:
    """See that the index reaches what was sealed once, and has the same history there.

    Raises:
        StartRefused: it does not: events that were sealed are in neither place any more.
    """
    known, by = remembered.mark, remembered.by
    found = index.journal.mark_at(known.position)
    if found == known:
        return
    if found is not None:
        raise StartRefused(
            f"two histories: by {by} the journal was sealed with {known.chain_hash.hex()[:16]} at position "
            f"{known.position}, and there is {found.chain_hash.hex()[:16]} now; put the right index and journal back"
        )
    ends = index.journal.mark().position
    raise StartRefused(
        f"the journal was sealed up to position {known.position} by {by}, and ends at {ends} now, in the store as in "
        "the index: put the missing segments or the index back, from a backup; only where there is none, "
        f"remove that file to go on with what is left: the files of what happened after {ends} are swept then"
    )


class ErasedPayloads:
    """Whose payloads were erased later, looked up when the first one is missing."""

    def __init__(self, look_up: Callable[[], Erasures]) -> None:
        self._look_up = look_up
        self._found: Erasures | None = None

    def says(self, event: ChainedEvent, owner: str) -> bool:
        """Return whether a later event says that what this one kept of an owner was erased."""
        return self._erasures().of_event(owner, event.position, event.kind, event.body) > 0

    def may_say(self, event: ChainedEvent) -> bool:
        """Return whether a later event may say so, where it is not known whose the payload was."""
        if event.kind == InstanceStored.kind:
            return self.says(event, str(cbor2.loads(event.body)["study"]))
        return self._erasures().last > event.position

    def _erasures(self) -> Erasures:
        if self._found is None:
            self._found = self._look_up()
        return self._found


class ChainCheck:
    """Hashes anew the events that an index holds behind a mark, in order, and looks for their payloads.

    It goes on behind what is wrong with what the index says there, so that each problem is told of once.
    """

    def __init__(self, before: JournalMark, erased: ErasedPayloads) -> None:
        self._position, self._head, self._erased = before.position, before.chain_hash, erased

    def problem(self, link: Link) -> str | None:
        """Return what is wrong with the next event; None where nothing is."""
        event = link.event
        expected, head = self._position + 1, self._head
        self._position, self._head = event.position, link.head
        if event.position != expected:
            return f"event {expected} is missing in the index"
        if link_hash(head, event.encode()) != link.head:
            return f"event {event.position} was altered in the index: it does not give its hash"
        if event.payload_digest is not None and link.payload is None and not self._erased.may_say(event):
            return f"the payload of event {event.position} is missing in the index, and no event erased it"
        return None


def payload_problem(link: Link, reader: PayloadReader, erased: ErasedPayloads) -> str | None:
    """Return what is wrong with the payload of an event; None where nothing is, it is not there, or is just going."""
    if link.payload is None:
        return None
    try:
        reader.checked(link.payload, link.event.payload_digest)
    except Unreadable as exc:
        if erased.may_say(link.event):
            return None
        return f"the payload of event {link.event.position} was altered in the index: {exc}"
    return None
