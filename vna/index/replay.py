"""Replaying: events that happened before are entered again, so that an index is what the journal says.

A batch is one transaction: its events follow the head of the index one by one, each gives the hash it had, and its
effect is applied as it was then. So after any crash the index stands between two batches, and goes on from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, update

from vna.dicom.describe import Description
from vna.errors import StartRefused
from vna.events import EventRecord, Link, link_hash
from vna.index import tables
from vna.index.appending import ADVANCE, LOCK, insert_event, insert_payload
from vna.index.database import writer_engine
from vna.index.projection import Projection
from vna.index.schema import migrate
from vna.index.statements import Cursor, Statements

_NAME = (
    update(tables.archive)
    .where(tables.archive.c.id == 1, tables.archive.c.position == 0)
    .values(uid=bindparam("new_uid"))
)


@dataclass(frozen=True, slots=True)
class Past:
    """An event that happened, taken out of its link, with what its payload says of an instance where it stored one."""

    link: Link
    record: EventRecord
    description: Description | None


class Replayer:
    """Enters events into one index; nobody else may write to it meanwhile. Close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._statements, self._projection = Statements(engine), Projection()

    def close(self) -> None:
        """Close the connection."""
        self._statements.close()
        self._engine.dispose()

    def name(self, archive: str) -> None:
        """Give an index without an event the uid of the archive it is to hold; one that has some keeps its own."""
        with self._statements.transaction() as cursor:
            cursor.do(_NAME, {"new_uid": archive})

    def enter(self, past: Sequence[Past], bases: Mapping[bytes, bytes]) -> None:
        """Enter events in one transaction.

        Args:
            bases: of the payloads, compressed, by digest; those the index knows may be left out.

        Raises:
            StartRefused: they do not follow what the index holds; nothing is entered.
        """
        try:
            with self._statements.transaction() as cursor:
                position, head = cursor.all(LOCK, {})[0]
                self._projection.hiding.forget()
                for digest, data in bases.items():
                    cursor.insert(tables.header_base, {"digest": digest, "data": data}, unless_there=True)
                for each in past:
                    _check_follows(int(position), bytes(head), each.link)
                    self._enter(cursor, each)
                    position, head = each.link.event.position, each.link.head
                cursor.do(ADVANCE, {"to": position, "new_head": head})
        except BaseException:
            self._projection.forget()
            raise

    def _enter(self, cursor: Cursor, past: Past) -> None:
        event, kept = past.link.event, past.link.payload
        insert_event(cursor, event, past.link.head)
        if kept is not None:
            insert_payload(cursor, event.position, kept)
        self._projection.apply(cursor, past.record, past.description)


def open_replay(url: str) -> Replayer:
    """Open an index for replaying, creating or migrating its schema first.

    Raises:
        StartRefused: the schema is newer than this release, or the database cannot be opened.
    """
    migrate(url)
    return Replayer(writer_engine(url))


def _check_follows(position: int, head: bytes, link: Link) -> None:
    if link.event.position != position + 1 or link_hash(head, link.event.encode()) != link.head:
        number = link.event.position
        raise StartRefused(f"two histories: event {number} of the journal does not follow {position} of the index")
