"""Commitments that are owed: asked for, perhaps decided, and not yet told to who asked (PS3.4 Annex J)."""

import cbor2
from sqlalchemy import bindparam, delete, update

from vna.events import CommitmentAnswered, CommitmentEvent, CommitmentRequested, CommitmentSettled, EventRecord
from vna.index import tables
from vna.index.statements import Cursor

_ANSWER = (
    update(tables.commitment)
    .where(tables.commitment.c.id == bindparam("which"))
    .values(failed=bindparam("reasons"), sealed=bindparam("sealed_upto"))
)
_SETTLE = delete(tables.commitment).where(tables.commitment.c.id == bindparam("which"))


def apply_commitment_event(cursor: Cursor, record: EventRecord, event: CommitmentEvent) -> None:
    """Put the effect of one event into the table of what is owed."""
    match event:
        case CommitmentRequested():
            row = {
                "id": record.position,
                "transaction_uid": event.transaction,
                "source": event.source,
                "ae_title": event.ae_title,
                "time": record.time,
                "instances": cbor2.dumps(event.instances),
            }
            cursor.insert(tables.commitment, row)
        case CommitmentAnswered():
            reasons = cbor2.dumps(event.failed)
            cursor.do(_ANSWER, {"which": event.request, "reasons": reasons, "sealed_upto": event.sealed})
        case CommitmentSettled():
            cursor.do(_SETTLE, {"which": event.request})
