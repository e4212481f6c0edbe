"""What the sweep and fsck ask of the index: which rows a store should have files for, and who needs them.

`needless` and `swept_since` run inside the committer's transaction, behind the lock on the position, where nothing
changes any more between asking and recording; `SweepReader` looks from outside, and what it says may be old by then.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import cbor2
from sqlalchemy import Connection, Engine, and_, bindparam, exists, select, text

from vna.events import BlobEntry, BlobPlace, SweepEnded
from vna.index import tables
from vna.index.database import sqlite_path
from vna.index.entries import BlobState, StoreNames
from vna.index.placements import NEEDED_IN_FULL, NEEDED_IN_TIER, may_go
from vna.index.statements import Cursor
from vna.index.tier_tables import placement

_LOCK_KEY: Final = 0x766E615377656570
"""Of the advisory lock in PostgreSQL: "vnaSweep"."""
_PAGE: Final = 500
_END: Final = b"\xff" * 33
"""Behind every digest."""

_BLOB = tables.blob.c
_USED = exists().where(tables.blob_use.c.digest == _BLOB.digest).label("used")
_COLUMNS = (_BLOB.digest, _BLOB.codec, _BLOB.plain_size, _BLOB.stored_size, _BLOB.store, _BLOB.state)
_IN_PART = (
    _BLOB.digest >= bindparam("first"),
    _BLOB.digest < bindparam("behind"),
    _BLOB.store == bindparam("in_store"),
)
_ROWS = select(*_COLUMNS, _USED).where(*_IN_PART)
_USES = tables.version.join(tables.blob_use, tables.blob_use.c.version_id == tables.version.c.id)
_KEPT_ASIDE = exists().where(
    placement.c.study_id == tables.version.c.study_id,
    placement.c.store == bindparam("in_store"),
    ~placement.c.kept,
    placement.c.upto >= tables.version.c.id,
)
_PLACED = exists().where(
    placement.c.study_id == tables.version.c.study_id, placement.c.store == bindparam("in_store"), placement.c.kept
)
_OF_BLOB = tables.blob_use.c.digest == _BLOB.digest
_ROWS_OF_FULL = select(*_COLUMNS, _USED, exists().select_from(_USES).where(_OF_BLOB, ~_KEPT_ASIDE)).where(*_IN_PART)
_ROWS_OF_TIER = select(*_COLUMNS, _USED, exists().select_from(_USES).where(_OF_BLOB, _PLACED)).where(*_IN_PART)
_ANY_PLACEMENT = select(placement.c.study_id).limit(1)
_DELETING = select(_BLOB.digest, _BLOB.codec, _BLOB.store, _BLOB.stored_size).where(
    tables.NOT_PRESENT, _BLOB.state == BlobState.DELETING.value
)
_IS_USED = select(tables.blob_use.c.version_id).where(tables.blob_use.c.digest == bindparam("which")).limit(1)
_STATE = select(_BLOB.state).where(
    _BLOB.digest == bindparam("which"), _BLOB.codec == bindparam("as_codec"), _BLOB.store == bindparam("in_store")
)
_HAS_ROW = select(_BLOB.codec).where(_BLOB.digest == bindparam("which"), _BLOB.store == "").limit(1)
_ENDED = select(tables.event.c.body).where(
    tables.event.c.position > bindparam("after"), tables.event.c.kind == SweepEnded.kind
)
_USERS = (
    select(tables.blob_use.c.version_id)
    .where(tables.blob_use.c.digest == bindparam("which"))
    .order_by(tables.blob_use.c.version_id)
)
_ELSEWHERE = tables.blob.alias("elsewhere")
_LOST = (
    select(tables.blob_use.c.version_id, tables.blob_use.c.digest)
    .join(tables.version, tables.version.c.id == tables.blob_use.c.version_id)
    .outerjoin(tables.blob, and_(_BLOB.digest == tables.blob_use.c.digest, _BLOB.store == ""))
    .where(
        _BLOB.digest.is_(None),
        ~and_(
            exists().where(
                placement.c.study_id == tables.version.c.study_id, placement.c.store == "", ~placement.c.kept
            ),
            exists().where(_ELSEWHERE.c.digest == tables.blob_use.c.digest),
        ),
        tables.blob_use.c.version_id > bindparam("after"),
        tables.blob_use.c.version_id <= bindparam("upto"),
    )
    .order_by(tables.blob_use.c.version_id, tables.blob_use.c.digest)
)
_NEXT_VERSIONS = (
    select(tables.version.c.id)
    .where(tables.version.c.id > bindparam("after"))
    .order_by(tables.version.c.id)
    .limit(_PAGE)
)


@dataclass(frozen=True, slots=True)
class BlobRow:
    """The row of a blob in one store, and whether a version of an instance is made of it, whatever its state.

    It is `needed` where it is used, unless the studies that use it do not lie in this store (vna.index.placements).
    """

    entry: BlobEntry
    state: BlobState
    used: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class LostUse:
    """A version that is made of a blob which the store has no row of, nor another one that its study was moved to."""

    version_id: int
    digest: str


def needless(cursor: Cursor, blobs: Sequence[BlobEntry], stores: StoreNames) -> tuple[BlobEntry, ...]:
    """Return those of the blobs that nothing needs where they are, and that are not being deleted already.

    What is needed is what a version of an instance is made of, whatever its state; `vna.index.placements` says where.
    """
    going: dict[BlobPlace, BlobEntry] = {}
    for blob in blobs:
        if not _is_being_deleted(cursor, blob) and (not _is_used(cursor, blob) or may_go(cursor, blob, stores, going)):
            going[blob.place] = blob
    return tuple(going.values())


def swept_since(cursor: Cursor, position: int) -> set[str]:
    """Return the digests of all blobs whose deletion ended behind a position of the journal, in whatever store.

    The files of these went before that, and what was written in between went with them.
    """
    bodies = cursor.all(_ENDED, {"after": position})
    return {digest.hex() for (body,) in bodies for digest, *_ in cbor2.loads(bytes(body))["places"]}


def _is_used(cursor: Cursor, blob: BlobEntry) -> bool:
    return cursor.first(_IS_USED, {"which": bytes.fromhex(blob.digest)}) is not None


def _is_being_deleted(cursor: Cursor, blob: BlobEntry) -> bool:
    at = {"which": bytes.fromhex(blob.digest), "as_codec": blob.codec, "in_store": blob.store}
    return bool(cursor.scalar(_STATE, at) == BlobState.DELETING)


class SweepReader:
    """Reads about blobs, from outside of any transaction; every method opens a connection, and closes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows(self, store: str, prefix: str, *, is_tier: bool = False) -> list[BlobRow]:
        """Return the rows of a store whose digests begin with two hex digits."""
        number = int(prefix, 16)
        behind = bytes([number + 1]) if number < 0xFF else _END
        with self._engine.connect() as connection:
            asked = {"first": bytes([number]), "behind": behind, "in_store": store}
            if connection.execute(_ANY_PLACEMENT).first() is None:
                found = [(*row, row.used and not is_tier) for row in connection.execute(_ROWS, asked)]
            else:
                found = [tuple(row) for row in connection.execute(_ROWS_OF_TIER if is_tier else _ROWS_OF_FULL, asked)]
        return [
            BlobRow(BlobEntry(bytes(digest).hex(), *rest), BlobState(state), bool(used), bool(needed))
            for digest, *rest, state, used, needed in found
        ]

    def state(self, place: BlobPlace) -> BlobState | None:
        """Return the state of the row of a place, None if there is no row."""
        at = {"which": bytes.fromhex(place.digest), "as_codec": place.codec, "in_store": place.store}
        with self._engine.connect() as connection:
            found = connection.execute(_STATE, at).scalar_one_or_none()
        return None if found is None else BlobState(found)

    def deleting(self) -> dict[BlobPlace, int]:
        """Return what is being deleted in any store, with the bytes it takes there."""
        with self._engine.connect() as connection:
            rows = connection.execute(_DELETING).all()
        return {BlobPlace(bytes(digest).hex(), codec, store): size for digest, codec, store, size in rows}

    def has_row(self, digest: str) -> bool:
        """Return whether the store itself has a row of a blob, in whatever codec and state."""
        with self._engine.connect() as connection:
            return connection.execute(_HAS_ROW, {"which": bytes.fromhex(digest)}).first() is not None

    def is_needed(self, digest: str, store: str, *, is_tier: bool = False) -> bool:
        """Return whether a version of an instance needs a blob in this store."""
        query = NEEDED_IN_TIER if is_tier else NEEDED_IN_FULL
        with self._engine.connect() as connection:
            asked = {"which": bytes.fromhex(digest), "in_store": store}
            return connection.execute(query, asked).first() is not None

    def users(self, digest: str) -> list[int]:
        """Return the ids of the versions that are made of a blob, oldest first."""
        with self._engine.connect() as connection:
            return list(connection.execute(_USERS, {"which": bytes.fromhex(digest)}).scalars())

    def lost_uses(self) -> Iterator[LostUse]:
        """Go through the versions that name a blob of which the store has no row, in pages."""
        after = 0
        while True:
            with self._engine.connect() as connection:
                page = connection.execute(_NEXT_VERSIONS, {"after": after}).scalars().all()
                upto = page[-1] if page else after
                lost = connection.execute(_LOST, {"after": after, "upto": upto}).all()
            yield from (LostUse(version_id, bytes(digest).hex()) for version_id, digest in lost)
            if len(page) < _PAGE:
                return
            after = upto

    @contextmanager
    def alone(self) -> Iterator[Callable[[], None] | None]:
        """Keep every other sweep of this archive, in whatever process or node, from beginning while the block runs.

        Gives None if another one is at it, else what raises an error of the database if that is true no longer: a
        database that is away lets the others in. Who dies lets go.
        """
        database = sqlite_path(self._engine.url.render_as_string(hide_password=False))
        if database is not None:
            with _file_lock(f"{database}-sweep") as mine:
                yield (lambda: None) if mine else None
            return
        with self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            with _advisory_lock(connection) as mine:
                yield (lambda: _ask(connection)) if mine else None


@contextmanager
def _file_lock(path: str) -> Iterator[bool]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine = True
    except BlockingIOError:
        mine = False
    try:
        yield mine
    finally:
        os.close(fd)


@contextmanager
def _advisory_lock(connection: Connection) -> Iterator[bool]:
    """Hold the lock with a connection, which must not be in a transaction: that would be open as long as the sweep."""
    key = {"key": _LOCK_KEY}
    mine = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one())
    try:
        yield mine
    finally:
        if mine:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _ask(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
