"""What an index keeps of payloads that are to be erased: where they are, and that they go."""

from sqlalchemy import Engine, bindparam, delete, exists, select

from vna.index import tables
from vna.index.appending import LOCK
from vna.index.statements import Statements

_PAYLOAD = tables.payload.c
_OF_OWNER = (_PAYLOAD.owner == bindparam("whose"), _PAYLOAD.position < bindparam("before"))
_POSITIONS = select(_PAYLOAD.position).where(*_OF_OWNER).order_by(_PAYLOAD.position)
_BASES = select(_PAYLOAD.base).where(*_OF_OWNER).distinct()
_ERASE = delete(tables.payload).where(*_OF_OWNER)
_ERASE_BASE = delete(tables.header_base).where(
    tables.header_base.c.digest == bindparam("which"),
    ~exists().where(_PAYLOAD.base == tables.header_base.c.digest),
)


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
        which = {"whose": owner, "before": before}
        with self._statements.transaction() as cursor:
            cursor.all(LOCK, {})
            bases = [row[0] for row in cursor.all(_BASES, which)]
            cursor.do(_ERASE, which)
            for base in bases:
                cursor.do(_ERASE_BASE, {"which": base})
