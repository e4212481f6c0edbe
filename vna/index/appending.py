"""The journal's own rows: what locks it, the events and their payloads, and where it stands then."""

from sqlalchemy import bindparam, update

from vna.events import ChainedEvent, KeptPayload
from vna.index import tables
from vna.index.statements import Cursor

LOCK = (
    update(tables.archive)
    .where(tables.archive.c.id == 1)
    .values(position=tables.archive.c.position)
    .returning(tables.archive.c.position, tables.archive.c.head, tables.archive.c.eliminated_at)
)
"""The first statement of every transaction that writes; gives the position and the head to go on from, and the position
at which rows went last: what was remembered of rows before that may be of some that are gone."""
ADVANCE = (
    update(tables.archive).where(tables.archive.c.id == 1).values(position=bindparam("to"), head=bindparam("new_head"))
)


def insert_event(cursor: Cursor, event: ChainedEvent, head: bytes) -> None:
    """Enter an event; `head` is that of the chain after it."""
    row = {
        "position": event.position,
        "origin": event.origin,
        "origin_sequence": event.origin_sequence,
        "time": event.time,
        "actor": event.actor,
        "kind": event.kind,
        "schema_version": event.schema_version,
        "body": event.body,
        "payload_digest": event.payload_digest,
        "hash": head,
    }
    cursor.insert(tables.event, row)


def insert_payload(cursor: Cursor, position: int, payload: KeptPayload) -> None:
    """Enter what the event at a position keeps beside the chain; its base is there already."""
    row = {
        "position": position,
        "owner": payload.owner,
        "salt": payload.salt,
        "base": payload.base,
        "data": payload.data,
    }
    cursor.insert(tables.payload, row)
