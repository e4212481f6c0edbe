"""Replaying: events that happened before are entered again, so that an index is what the journal says.

Rows of tables that applying an event never looks at are written together at the end of their transaction: half of the
statements that a stored instance costs.

A batch is one transaction: its events follow the head of the index one by one, each gives the hash it had, and its
effect is applied as it was then. So after any crash the index stands between two batches, and goes on from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Table, bindparam, update

from vna.dicom.describe import Description
from vna.errors import StartRefused
from vna.events import DestructionAttested, Eliminated, EventRecord, Link, link_hash
from vna.index import tables
from vna.index.appending import ADVANCE, LOCK, insert_event, insert_payload
from vna.index.database import writer_engine
from vna.index.projection import Projection
from vna.index.schema import migrate
from vna.index.statements import Cursor, Parameters, Statements

_NAME = (
    update(tables.archive)
    .where(tables.archive.c.id == 1, tables.archive.c.position == 0)
    .values(uid=bindparam("new_uid"))
)


_CHECKPOINT_PAGES = 20_000
"""80 MB: a page that many transactions write goes from SQLite's log to the database once. An eighth of the time."""
_UNREAD = (tables.event, tables.payload, tables.term_form, tables.blob_use, tables.flag)
"""Tables that no effect of an event depends on, but for an elimination."""


@dataclass(frozen=True, slots=True)
class Past:
    """An event that happened, taken out of its link, with what its payload says of an instance where it stored one.

    Without a description its payload is erased: what was stored has no records then. `detail` is the
    map that the payload of another event holds, None where there is none or it is erased.
    """

    link: Link
    record: EventRecord
    description: Description | None
    detail: Mapping[str, Any] | None = None


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
                position, head, eliminated_at = cursor.all(LOCK, {})[0]
                self._projection.see(eliminated_at)
                self._projection.hiding.forget()
                for digest, data in bases.items():
                    cursor.insert(tables.header_base, {"digest": digest, "data": data}, unless_there=True)
                later = _Later(self._statements, cursor)
                for each in past:
                    _check_follows(int(position), bytes(head), each.link)
                    self._enter(later, each)
                    position, head = each.link.event.position, each.link.head
                later.write()
                cursor.do(ADVANCE, {"to": position, "new_head": head})
        except BaseException:
            self._projection.forget()
            raise

    def _enter(self, cursor: "_Later", past: Past) -> None:
        event, kept = past.link.event, past.link.payload
        insert_event(cursor, event, past.link.head)
        if kept is not None:
            insert_payload(cursor, event.position, kept)
        if isinstance(past.record.event, Eliminated | DestructionAttested):
            cursor.write()
        self._projection.apply(cursor, past.record, past.description, past.detail)


class _Later(Cursor):
    """The cursor of one transaction, which keeps rows that nobody reads in it for its end."""

    def __init__(self, statements: Statements, cursor: Cursor) -> None:
        super().__init__(statements, cursor.of_driver)
        self._kept: dict[Table, list[Parameters]] = {table: [] for table in _UNREAD}

    def insert(self, table: Table, row: Parameters, *, unless_there: bool = False) -> bool:
        """Insert one row, or keep it for the end."""
        if unless_there or table not in self._kept:
            return super().insert(table, row, unless_there=unless_there)
        self._kept[table].append(row)
        return True

    def write(self) -> None:
        """Insert what was kept until now."""
        for table, rows in self._kept.items():
            self.insert_many(table, rows)
            rows.clear()


def open_replay(url: str) -> Replayer:
    """Open an index for replaying, creating or migrating its schema first.

    Raises:
        StartRefused: the schema is newer than this release, or the database cannot be opened.
    """
    migrate(url)
    return Replayer(writer_engine(url, checkpoint_pages=_CHECKPOINT_PAGES))


def _check_follows(position: int, head: bytes, link: Link) -> None:
    if link.event.position != position + 1 or link_hash(head, link.event.encode()) != link.head:
        number = link.event.position
        raise StartRefused(f"two histories: event {number} of the journal does not follow {position} of the index")
