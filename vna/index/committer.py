"""The committer: one commit at a time, in journal order; whatever waits goes into one transaction.

The first statement of every transaction locks the position row, which serialises writers on both
databases, gives dense positions in commit order, and makes the decision on what an arrival amounts
to safe. Each entry has a savepoint: a bad one fails alone.

There is no committer thread: of the threads that submit, the one that gets the lock commits for all
that wait by then (a thread hand-over costs more than the statements of one entry).
"""

import logging
import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Engine, bindparam, select

from vna.errors import OutOfResources, VnaError
from vna.events import (
    Arrival,
    ChainedEvent,
    Compare,
    Decision,
    Event,
    EventRecord,
    InstanceRestored,
    InstanceStored,
    JournalMark,
    KeptPayload,
    ReceivedAgain,
    Refuse,
    RefuseGone,
    SweepBegan,
    link_hash,
)
from vna.index import tables
from vna.index.appending import ADVANCE, LOCK, insert_event, insert_payload
from vna.index.arriving import examine
from vna.index.deciding import Decider, Known
from vna.index.due import says_something
from vna.index.eliminating import due_elimination
from vna.index.entries import (
    EliminateEntry,
    Entry,
    EventEntry,
    NeedsBlobs,
    NeedsComparison,
    NeedsHeader,
    Payload,
    Recorded,
    Refused,
    RefusedEliminated,
    Result,
    Spared,
    StoreEntry,
    SweepEntry,
    TierEntry,
    TooFewCopies,
)
from vna.index.faults import Faults, reason
from vna.index.history import History
from vna.index.notes import due_note
from vna.index.placing import tier_event
from vna.index.projection import Projection
from vna.index.statements import Cursor, Statements
from vna.index.sweeping import needless
from vna.model import EliminatedAgain, Outcome, RejectedAgain

log = logging.getLogger(__name__)

_HASH = select(tables.event.c.hash).where(tables.event.c.position == bindparam("at"))
_RECORDED = select(tables.event.c.position).where(
    tables.event.c.origin == bindparam("origin"), tables.event.c.origin_sequence == bindparam("sequence")
)


class _Ticket:
    """One submission waiting for its turn."""

    __slots__ = ("done", "entry", "outcome")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.done = False
        self.outcome: Result | Exception = OutOfResources("the index was interrupted; send it again")


class _Transaction:
    """The state of one transaction: where the journal stands, and what was appended."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        position, head, self.eliminated_at = cursor.all(LOCK, {})[0]
        self.start: int = position
        self.position: int = position
        self.head: bytes = bytes(head)
        self.receipts = set[ReceivedAgain]()

    @property
    def mark(self) -> JournalMark:
        """Where the journal stands with what was appended."""
        return JournalMark(self.position, self.head)

    def hash_at(self, position: int) -> bytes | None:
        """Return the head after the event at a position; None if there is no such event."""
        found = self.cursor.scalar(_HASH, {"at": position})
        return None if found is None else bytes(found)


class Committer:
    """Appends events to the journal and applies them, for all threads of one process."""

    def __init__(
        self,
        engine: Engine,
        projection: Projection,
        rejected_again: RejectedAgain = RejectedAgain.REFUSE,
        eliminated_again: EliminatedAgain = EliminatedAgain.REFUSE,
    ) -> None:
        self._projection = projection
        self._decider = Decider(rejected_again, eliminated_again)
        self._statements = Statements(engine)
        self._faults = Faults(engine)
        self.origin = uuid.uuid4().hex
        self.history = History()
        self._compared = 0
        self._lock = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._sequence = 0

    def close(self) -> None:
        """Give the connection to the database back."""
        self._statements.close()

    def next_sequence(self) -> int:
        """Return a number for the next event of this origin."""
        with self._guard:
            self._sequence += 1
            return self._sequence

    def submit(self, entry: Entry) -> Result:
        """Record one entry durably, with whatever else waits, and return what became of it.

        Raises:
            Held: a hold stands over what would go; nothing was recorded.
            NotPlausible: it contradicts what is known; nothing was recorded.
            OutOfResources: the database is full or unreachable; nothing was recorded.
        """
        [outcome] = self.submit_all([entry])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def submit_all(self, entries: Sequence[Entry]) -> list[Result | Exception]:
        """Record entries in one transaction; return what became of each, the error where nothing was recorded."""
        tickets = [_Ticket(entry) for entry in entries]
        with self._guard:
            self._waiting.extend(tickets)
        with self._lock:
            if tickets and not tickets[-1].done:
                with self._guard:
                    batch, self._waiting = self._waiting, []
                self._commit(batch)
        return [ticket.outcome for ticket in tickets]

    def _commit(self, batch: Sequence[_Ticket]) -> None:
        try:
            self._transact(batch)
        except self._faults.of_entry as failure:
            self._projection.forget()
            for ticket in batch:
                ticket.outcome = failure
        except VnaError as failure:
            log.error("nothing is recorded: %s", failure)
            for ticket in batch:
                ticket.outcome = failure
        except self._faults.of_database as failure:
            log.error("commit failed entries=%d reason=%s", len(batch), reason(failure))
            self._projection.forget()
            self._settle_unknown(batch, failure)
        finally:
            for ticket in batch:
                ticket.done = True

    def _transact(self, batch: Sequence[_Ticket]) -> None:
        with self._statements.transaction() as cursor:
            transaction = _Transaction(cursor)
            self._compare(transaction)
            self._projection.see(transaction.eliminated_at)
            self._projection.hiding.forget()
            for ticket in batch:
                ticket.outcome = self._in_savepoint(transaction, ticket.entry, alone=len(batch) == 1)
            if transaction.position > transaction.start:
                cursor.do(ADVANCE, {"to": transaction.position, "new_head": transaction.head})
        self.history.saw(transaction.mark)

    def _compare(self, transaction: _Transaction) -> None:
        """See that the database is still the one it was, thoroughly when the connection is a new one."""
        connection = self._statements.connections
        if connection == self._compared:
            self.history.check(lambda: transaction.mark)
        else:
            self.history.check(lambda: transaction.mark, transaction.hash_at, self.history.sealed())
            self._compared = connection

    def _in_savepoint(self, transaction: _Transaction, entry: Entry, *, alone: bool) -> Result | Exception:
        """Record one entry; a failure of its own is returned, and undone without touching the others."""
        if alone:
            return self._record(transaction, entry)
        before = transaction.position, transaction.head
        transaction.cursor.execute("SAVEPOINT entry")
        try:
            result = self._record(transaction, entry)
        except self._faults.of_entry as failure:
            transaction.cursor.execute("ROLLBACK TO SAVEPOINT entry")
            transaction.position, transaction.head = before
            self._projection.forget()
            return failure
        transaction.cursor.execute("RELEASE SAVEPOINT entry")
        return result

    def _settle_unknown(self, batch: Sequence[_Ticket], failure: Exception) -> None:
        """After a failed COMMIT: what the journal holds was committed, the rest was not."""
        for ticket in batch:
            try:
                with self._statements.reading() as cursor:
                    ask = {"origin": self.origin, "sequence": ticket.entry.origin_sequence}
                    position = cursor.scalar(_RECORDED, ask)
            except self._faults.of_database:
                position = None
            if position is None or not isinstance(ticket.outcome, Recorded):
                ticket.outcome = OutOfResources(f"the index cannot record this now ({reason(failure)})")

    def _record(self, transaction: _Transaction, entry: Entry) -> Result:
        if isinstance(entry, EventEntry):
            if not says_something(transaction.cursor, entry):
                return Recorded(None)
            return Recorded(self._append(transaction, entry, entry.event, entry.payload))
        if isinstance(entry, SweepEntry):
            swept = needless(transaction.cursor, entry.blobs, entry.stores)
            return Recorded(self._append(transaction, entry, SweepBegan(swept), None) if swept else None)
        if isinstance(entry, TierEntry):
            found = tier_event(transaction.cursor, entry, transaction.position)
            if isinstance(found, NeedsBlobs | TooFewCopies):
                return found
            return Recorded(None if found is None else self._append(transaction, entry, found, None))
        if isinstance(entry, EliminateEntry):
            going = due_elimination(transaction.cursor, entry)
            if isinstance(going, Spared):
                return going
            return Recorded(self._append(transaction, entry, going, entry.payload))
        return self._record_arrival(transaction, entry)

    def _record_arrival(self, transaction: _Transaction, entry: StoreEntry) -> Result:
        if entry.base_at is not None and entry.base_at < transaction.eliminated_at:
            return NeedsHeader(transaction.eliminated_at)
        tombstones = self._projection.tombstones if transaction.eliminated_at else None
        known = Known(transaction.cursor, self._projection.hiding, tombstones)
        decision = self._decider.decide(known, entry.arrival, is_note=entry.note is not None)
        if isinstance(decision, Compare):
            return NeedsComparison(decision.digests)
        if isinstance(decision, RefuseGone):
            return RefusedEliminated(decision.elimination)
        if isinstance(decision, Refuse):
            return Refused(decision.rejections)
        blobs = examine(transaction.cursor, entry)
        if isinstance(blobs, NeedsBlobs):
            return blobs
        for event in blobs.made_good(decision.outcome):
            self._append_beside(transaction, entry, event)
        position = self._record_decided(transaction, entry, decision)
        note = due_note(transaction.cursor, self._projection.hiding, entry, decision)
        if note is not None:
            self._append_beside(transaction, entry, note)
        return Recorded(position, decision)

    def _record_decided(self, transaction: _Transaction, entry: StoreEntry, decision: Decision) -> int | None:
        if decision.outcome is Outcome.ALREADY_STORED:
            return self._receipt(transaction, entry)
        restored = _restored_event(entry.arrival, decision.rejections)
        if decision.outcome is Outcome.RESTORED:
            return self._append(transaction, entry, restored, None)
        if decision.readmitted:
            self._append_beside(transaction, entry, restored)
        event = _stored_event(entry.arrival, decision.outcome, decision.version)
        return self._append(transaction, entry, event, entry.payload)

    def _append_beside(self, transaction: _Transaction, entry: StoreEntry, event: Event) -> None:
        self._append(transaction, replace(entry, origin_sequence=self.next_sequence()), event, None)

    def _receipt(self, transaction: _Transaction, entry: StoreEntry) -> int | None:
        arrival = entry.arrival
        receipt = ReceivedAgain(arrival.key.study, arrival.source.name, arrival.association)
        if not entry.receipt_due or receipt in transaction.receipts:
            return None
        position = self._append(transaction, entry, receipt, None)
        transaction.receipts.add(receipt)
        return position

    def _append(self, transaction: _Transaction, entry: Entry, event: Event, payload: Payload | None) -> int:
        position = transaction.position + 1
        record = EventRecord(
            position=position,
            origin=self.origin,
            origin_sequence=entry.origin_sequence,
            time=entry.time,
            actor=entry.actor,
            event=event,
            payload_digest=payload.digest if payload else None,
        )
        chained = ChainedEvent.of(record)
        head = link_hash(transaction.head, chained.encode())
        insert_event(transaction.cursor, chained, head)
        if payload is not None:
            _insert_payload(transaction.cursor, position, payload)
        description = entry.description if isinstance(entry, StoreEntry) else None
        detail = entry.detail if isinstance(entry, EventEntry) else None
        self._projection.apply(transaction.cursor, record, description, detail)
        transaction.position, transaction.head = position, head
        return position


def _stored_event(arrival: Arrival, outcome: Outcome, version: int) -> InstanceStored:
    return InstanceStored(
        key=arrival.key,
        sop_class_uid=arrival.sop_class_uid,
        transfer_syntax=arrival.transfer_syntax,
        digest=arrival.digest,
        size=arrival.size,
        source=arrival.source.name,
        issuer=arrival.issuer,
        outcome=outcome,
        version=version,
        recipe=arrival.recipe,
        blobs=arrival.blobs,
    )


def _restored_event(arrival: Arrival, rejections: tuple[int, ...]) -> InstanceRestored:
    return InstanceRestored(arrival.key, rejections, arrival.source.name, arrival.association)


def _insert_payload(cursor: Cursor, position: int, payload: Payload) -> None:
    cursor.insert(tables.header_base, {"digest": payload.base, "data": payload.base_data}, unless_there=True)
    insert_payload(cursor, position, KeptPayload(payload.owner, payload.salt, payload.base, payload.data))
