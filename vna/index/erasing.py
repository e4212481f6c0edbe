"""What an index keeps of payloads that are to be erased: where they are, and that they go."""

from collections.abc import Mapping

import orjson
from sqlalchemy import Delete, Engine, Select, bindparam, delete, exists, select, update

from vna.events import InstanceStored, KeptPayload
from vna.index import tables
from vna.index.appending import LOCK
from vna.index.statements import Cursor, Statements
from vna.index.tombstone_tables import tombstone

_PAYLOAD = tables.payload.c
_OF_OWNER = (_PAYLOAD.owner == bindparam("whose"), _PAYLOAD.position < bindparam("before"))
_POSITIONS = select(_PAYLOAD.position).where(*_OF_OWNER).order_by(_PAYLOAD.position)
_BASES = select(_PAYLOAD.base).where(*_OF_OWNER).distinct()
_ERASE = delete(tables.payload).where(*_OF_OWNER)
_ERASE_BASE = delete(tables.header_base).where(
    tables.header_base.c.digest == bindparam("which"),
    ~exists().where(_PAYLOAD.base == tables.header_base.c.digest),
)

_GONE = select(tombstone.c.id, tombstone.c.owners, tombstone.c.study_uid).where(
    tombstone.c.elimination == bindparam("which")
)
_OF_NOTHING = (
    *_OF_OWNER,
    exists().where(tables.event.c.position == _PAYLOAD.position, tables.event.c.kind == InstanceStored.kind),
    ~exists().where(tables.version.c.id == _PAYLOAD.position),
)
"""Payloads of instances that the index does not know any more: a part of their study was eliminated."""
_POSITIONS_OF_NOTHING = select(_PAYLOAD.position).where(*_OF_NOTHING).order_by(_PAYLOAD.position)
_BASES_OF_NOTHING = select(_PAYLOAD.base).where(*_OF_NOTHING).distinct()
_ERASE_OF_NOTHING = delete(tables.payload).where(*_OF_NOTHING)
_ROWS = (
    select(_PAYLOAD.position, _PAYLOAD.salt, _PAYLOAD.base, _PAYLOAD.data)
    .where(_PAYLOAD.owner == bindparam("whose"))
    .order_by(_PAYLOAD.position)
)
_REPACK = (
    update(tables.payload)
    .where(_PAYLOAD.position == bindparam("at"))
    .values(base=bindparam("new_base"), data=bindparam("new_data"))
)


def forget_erased(cursor: Cursor, elimination: int) -> None:
    """Delete the payloads of what an elimination destroyed: no file holds them any more."""
    for number, owners, study in cursor.all(_GONE, {"which": elimination}):
        for owner in orjson.loads(owners):
            _erase(cursor, {"whose": owner, "before": number}, _BASES, _ERASE)
        _erase(cursor, {"whose": study, "before": number}, _BASES_OF_NOTHING, _ERASE_OF_NOTHING)


def _erase(cursor: Cursor, which: Mapping[str, str | int], bases: Select[tuple[bytes]], erase: Delete) -> None:
    """Delete some payloads, and the bases that no other payload needs."""
    named = [row[0] for row in cursor.all(bases, which)]
    cursor.do(erase, which)
    for base in named:
        cursor.do(_ERASE_BASE, {"which": base})


class ErasureTable:
    """The payloads of one index, to be erased."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._reading, self._statements = reading, Statements(writing)

    def close(self) -> None:
        """Give the connection to the database back."""
        self._statements.close()

    def positions(self, owner: str, *, before: int) -> list[int]:
        """Return the events before a position that keep a payload of this owner, in order."""
        with self._reading.connect() as connection:
            return list(connection.execute(_POSITIONS, {"whose": owner, "before": before}).scalars())

    def erase(self, owner: str, *, before: int) -> None:
        """Delete these payloads, and the bases that no other payload needs."""
        which: dict[str, str | int] = {"whose": owner, "before": before}
        with self._statements.transaction() as cursor:
            cursor.all(LOCK, {})
            _erase(cursor, which, _BASES, _ERASE)

    def of_nothing(self, study: str, *, before: int) -> list[int]:
        """Return the events before a position that keep a header of this study which no row is made of any more."""
        with self._reading.connect() as connection:
            return list(connection.execute(_POSITIONS_OF_NOTHING, {"whose": study, "before": before}).scalars())

    def rows(self, owner: str) -> dict[int, KeptPayload]:
        """Return all payloads of an owner, by position, in order."""
        with self._reading.connect() as connection:
            rows = connection.execute(_ROWS, {"whose": owner}).all()
        return {row.position: KeptPayload(owner, bytes(row.salt), bytes(row.base), bytes(row.data)) for row in rows}

    def repack(self, payloads: Mapping[int, tuple[bytes, bytes]], base_data: Mapping[bytes, bytes]) -> None:
        """Keep payloads, by position, against other bases: for each its base and data; and these, compressed."""
        with self._statements.transaction() as cursor:
            cursor.all(LOCK, {})
            for digest, data in base_data.items():
                cursor.insert(tables.header_base, {"digest": digest, "data": data}, unless_there=True)
            for position, (base, data) in payloads.items():
                cursor.do(_REPACK, {"at": position, "new_base": base, "new_data": data})
