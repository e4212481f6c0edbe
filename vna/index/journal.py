"""The journal as the index holds it: events with their heads and payloads, read in order."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, bindparam, func, select
from sqlalchemy.exc import DBAPIError, NoResultFound

from vna.events import ERASING_KINDS, GENESIS, ChainedEvent, Erasures, JournalMark, KeptPayload, Link
from vna.index import tables
from vna.index.database import reader_engine, sqlite_path
from vna.index.schema import migrate

_PAGE = 1000
_EVENT = tables.event.c
_PAYLOAD = tables.payload.c
_LINKS = (
    select(
        *(_EVENT.position, _EVENT.origin, _EVENT.origin_sequence, _EVENT.time, _EVENT.actor, _EVENT.kind),
        *(_EVENT.schema_version, _EVENT.body, _EVENT.payload_digest, _EVENT.hash),
        *(_PAYLOAD.owner, _PAYLOAD.salt, _PAYLOAD.base, _PAYLOAD.data),
    )
    .outerjoin_from(tables.event, tables.payload, _EVENT.position == _PAYLOAD.position)
    .where(_EVENT.position > bindparam("after"), _EVENT.position <= bindparam("upto"))
    .order_by(_EVENT.position)
    .limit(_PAGE)
)
_ERASURES = (
    select(_EVENT.position, _EVENT.kind, _EVENT.body).where(_EVENT.kind.in_(ERASING_KINDS)).order_by(_EVENT.position)
)
_BODY_BYTES = select(func.coalesce(func.sum(func.length(_EVENT.body)), 0)).where(
    _EVENT.position > bindparam("after"), _EVENT.position <= bindparam("upto")
)
_BASES = select(tables.header_base).where(tables.header_base.c.digest.in_(bindparam("digests", expanding=True)))


class JournalReader:
    """Reads the journal in one index; every method opens a connection, reads a page, and closes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close the connections, where they are its own."""
        self._engine.dispose()

    def archive(self) -> str:
        """Return the uid of the archive."""
        with self._engine.connect() as connection:
            return str(connection.execute(select(tables.archive.c.uid)).scalar_one())

    def mark(self) -> JournalMark:
        """Return where the journal stands."""
        with self._engine.connect() as connection:
            position, head = connection.execute(select(tables.archive.c.position, tables.archive.c.head)).one()
        return JournalMark(position, bytes(head))

    def mark_at(self, position: int) -> JournalMark | None:
        """Return the head of the chain after an event; None if there is no such event."""
        if position == 0:
            return JournalMark(0, GENESIS)
        with self._engine.connect() as connection:
            found = connection.execute(select(_EVENT.hash).where(_EVENT.position == position)).scalar_one_or_none()
        return None if found is None else JournalMark(position, bytes(found))

    def links(self, *, after: int, upto: int) -> Iterator[Link]:
        """Go through the events behind position `after` up to `upto`, in order, in pages."""
        while after < upto:
            with self._engine.connect() as connection:
                rows = connection.execute(_LINKS, {"after": after, "upto": upto}).all()
            for row in rows:
                yield _link(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].position

    def erasures(self) -> Erasures:
        """Return whose payloads were erased; reads all events."""
        found = Erasures()
        with self._engine.connect() as connection:
            found.update(connection.execute(_ERASURES))
        return found

    def body_bytes(self, *, after: int, upto: int) -> int:
        """Return how many bytes the events behind position `after` up to `upto` have, not compressed."""
        with self._engine.connect() as connection:
            return int(connection.execute(_BODY_BYTES, {"after": after, "upto": upto}).scalar_one())

    def bases(self, digests: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the compressed header bases of these digests."""
        found: dict[bytes, bytes] = {}
        wanted = sorted(digests)
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), _PAGE):
                rows = connection.execute(_BASES, {"digests": wanted[start : start + _PAGE]}).all()
                found.update((bytes(row.digest), bytes(row.data)) for row in rows)
        return found


def open_journal(url: str) -> JournalReader:
    """Open the journal in an index of this release's schema, migrating it first.

    Raises:
        StartRefused: the schema is newer than this release, or the database cannot be opened.
    """
    migrate(url)
    return JournalReader(reader_engine(url))


def position_of(url: str) -> int | None:
    """Return where the journal in an index stands; None where none can be read. Nothing is made or migrated."""
    file = sqlite_path(url)
    if file is not None and not Path(file).is_file():
        return None
    reader = JournalReader(reader_engine(url))
    try:
        return reader.mark().position
    except (DBAPIError, NoResultFound):
        return None
    finally:
        reader.close()


def _link(row: Any) -> Link:
    digest = None if row.payload_digest is None else bytes(row.payload_digest)
    envelope = (row.position, row.origin, row.origin_sequence, row.time, row.actor, row.kind, row.schema_version)
    kept = None if row.owner is None else KeptPayload(row.owner, bytes(row.salt), bytes(row.base), bytes(row.data))
    return Link(ChainedEvent(*envelope, bytes(row.body), digest), bytes(row.hash), kept)
