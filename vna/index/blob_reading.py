"""What the index says of blobs, store by store: pages in the order of their digests, what a replica lacks, how many."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, and_, bindparam, exists, func, or_, select

from vna.events import BlobEntry
from vna.index import tables
from vna.index.entries import BlobState
from vna.index.tier_tables import placement

_DIGEST_BYTES: Final = 32
_WINDOW: Final = 5000
"""Journal positions looked through at a time for what a replica lacks."""

_BLOB = tables.blob.c
_COLUMNS = (_BLOB.digest, _BLOB.codec, _BLOB.plain_size, _BLOB.stored_size, _BLOB.store)
_PAGE = (
    select(*_COLUMNS, _BLOB.state)
    .where(
        _BLOB.store == bindparam("in_store"),
        _BLOB.state != BlobState.DELETING.value,
        or_(
            _BLOB.digest > bindparam("digest"),
            and_(_BLOB.digest == bindparam("digest"), _BLOB.codec > bindparam("codec")),
        ),
        _BLOB.digest >= bindparam("digest"),
    )
    .order_by(_BLOB.digest, _BLOB.codec)
    .limit(bindparam("most"))
)
"""The last condition follows from the one before it, and lets the database begin at the digest."""
_COPY = tables.blob.alias("copy")
_NOT_HERE = exists().where(
    placement.c.study_id == tables.version.c.study_id,
    placement.c.store == bindparam("replica"),
    ~placement.c.kept,
    placement.c.upto >= tables.version.c.id,
)
_LACKING = (
    select(*_COLUMNS)
    .join(tables.blob_use, tables.blob_use.c.digest == _BLOB.digest)
    .join(tables.version, tables.version.c.id == tables.blob_use.c.version_id)
    .outerjoin(
        _COPY,
        and_(_COPY.c.digest == _BLOB.digest, _COPY.c.codec == _BLOB.codec, _COPY.c.store == bindparam("replica")),
    )
    .where(
        tables.blob_use.c.version_id > bindparam("after"),
        tables.blob_use.c.version_id <= bindparam("upto"),
        _BLOB.store == "",
        _BLOB.state == BlobState.PRESENT.value,
        _COPY.c.digest.is_(None),
        ~_NOT_HERE,
    )
    .order_by(tables.blob_use.c.version_id)
)
_IN_PLACE = (_BLOB.digest == bindparam("digest"), _BLOB.codec == bindparam("codec"))
_PLACES = select(*_COLUMNS, _BLOB.state).where(_BLOB.digest == bindparam("digest")).order_by(_BLOB.store, _BLOB.codec)
_STATES = select(_BLOB.store, _BLOB.state).where(*_IN_PLACE)
_COUNTS = select(_BLOB.store, func.count().label("blobs")).group_by(_BLOB.store)
_NOT_PRESENT = select(_BLOB.store, _BLOB.state, func.count()).where(tables.NOT_PRESENT)
_ANY = select(_BLOB.digest).where(_BLOB.store == bindparam("in_store")).limit(1)


@dataclass(frozen=True, slots=True)
class Holding:
    """How many blobs of a store are present, and how many are known to be bad."""

    present: int
    bad: int


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the journal up to a position, and the blobs of it that a replica lacks, oldest first."""

    upto: int
    blobs: tuple[BlobEntry, ...]


class BlobReader:
    """Reads the rows of blobs from one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, store: str, *, after: bytes, most: int) -> list[tuple[BlobEntry, BlobState]]:
        """Return blobs of a store, present or bad, behind one in the order of `place_key`; from the first for b""."""
        where = {"in_store": store, "digest": after[:_DIGEST_BYTES], "codec": after[_DIGEST_BYTES:].decode()}
        with self._engine.connect() as connection:
            rows = connection.execute(_PAGE, {**where, "most": most}).all()
        return [(_entry(row[:-1]), BlobState(row.state)) for row in rows]

    def lacking(self, replica: str, *, after: int) -> Iterator[Window]:
        """Go through what was stored behind a journal position, in windows, for what a replica has no row of."""
        with self._engine.connect() as connection:
            last = int(connection.execute(select(tables.archive.c.position)).scalar_one())
        while after < last:
            upto = min(after + _WINDOW, last)
            with self._engine.connect() as connection:
                found = connection.execute(_LACKING, {"replica": replica, "after": after, "upto": upto}).all()
            yield Window(upto, tuple(dict.fromkeys(map(_entry, found))))
            after = upto

    def states(self, blob: BlobEntry) -> dict[str, BlobState]:
        """Return how a blob stands in each store that has it, by the store's name."""
        where = {"digest": bytes.fromhex(blob.digest), "codec": blob.codec}
        with self._engine.connect() as connection:
            return {store: BlobState(state) for store, state in connection.execute(_STATES, where)}

    def places(self, digest: str) -> list[tuple[BlobEntry, BlobState]]:
        """Return every place of a blob, in whatever codec and store, and how it stands there."""
        with self._engine.connect() as connection:
            rows = connection.execute(_PLACES, {"digest": bytes.fromhex(digest)}).all()
        return [(_entry(row[:-1]), BlobState(row.state)) for row in rows]

    def has_any(self, store: str) -> bool:
        """Return whether anything lies in a store, as far as the index knows."""
        with self._engine.connect() as connection:
            return connection.execute(_ANY, {"in_store": store}).first() is not None

    def bad(self) -> dict[str, int]:
        """Return how many blobs are bad, by store; costs the same however many are held."""
        return {store: count for (store, state), count in self._not_present().items() if state == BlobState.BAD}

    def holdings(self) -> dict[str, Holding]:
        """Return how many blobs there are in each store; goes through all rows, 0.6 s for a million."""
        others = self._not_present()
        with self._engine.connect() as connection:
            totals = [(row.store, int(row.blobs)) for row in connection.execute(_COUNTS)]
        return {
            store: Holding(
                present=total - sum(count for (where, _), count in others.items() if where == store),
                bad=others.get((store, BlobState.BAD), 0),
            )
            for store, total in totals
        }

    def _not_present(self) -> dict[tuple[str, BlobState], int]:
        wanted = _NOT_PRESENT.group_by(_BLOB.store, _BLOB.state)
        with self._engine.connect() as connection:
            return {(store, BlobState(state)): int(count) for store, state, count in connection.execute(wanted)}


def place_key(blob: BlobEntry) -> bytes:
    """Return what says where a blob stands in the order of pages: its digest, then its codec."""
    return bytes.fromhex(blob.digest) + blob.codec.encode()


def _entry(row: Any) -> BlobEntry:
    digest, codec, plain_size, stored_size, store = row
    return BlobEntry(bytes(digest).hex(), codec, plain_size, stored_size, store)
