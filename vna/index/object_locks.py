"""What the locks of objects hang on: which are to be renewed, who uses each, and what is known of each lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, and_, bindparam, delete, exists, func, or_, select

from vna.events import BlobEntry
from vna.index import tables
from vna.index.entries import BlobState
from vna.index.lock_tables import object_lock
from vna.index.snapshots import Snapshots
from vna.index.statements import Statements

_PAGE: Final = 500
_BLOB, _LOCK = tables.blob.c, object_lock.c
_COLUMNS = (_BLOB.digest, _BLOB.codec, _BLOB.plain_size, _BLOB.stored_size, _BLOB.store)
_WITH_LOCKS = tables.blob.outerjoin(
    object_lock, and_(_LOCK.digest == _BLOB.digest, _LOCK.codec == _BLOB.codec, _LOCK.store == _BLOB.store)
)
_ENDING = (
    select(*_COLUMNS)
    .select_from(_WITH_LOCKS)
    .where(_BLOB.store == bindparam("in_store"), _BLOB.state == BlobState.PRESENT.value)
    .where(or_(_LOCK.until_s.is_(None), _LOCK.until_s < bindparam("before")))
    .where(
        or_(
            _BLOB.digest > bindparam("digest"),
            and_(_BLOB.digest == bindparam("digest"), _BLOB.codec > bindparam("after_codec")),
        )
    )
    .order_by(_BLOB.digest, _BLOB.codec)
    .limit(_PAGE)
)
_USES = tables.blob_use.join(tables.version, tables.version.c.id == tables.blob_use.c.version_id)
_PARTS = _USES.join(tables.study, tables.study.c.id == tables.version.c.study_id).join(
    tables.series, tables.series.c.id == tables.version.c.series_id
)
_USERS = (
    select(tables.study.c.study_uid, tables.series.c.series_uid, tables.version.c.sop_instance_uid)
    .select_from(_PARTS)
    .where(tables.blob_use.c.digest == bindparam("which"))
    .distinct()
)
_OF_STUDY = (
    select(*_COLUMNS)
    .select_from(_PARTS.join(tables.blob, _BLOB.digest == tables.blob_use.c.digest))
    .where(tables.study.c.study_uid == bindparam("of_study"), _BLOB.store == bindparam("in_store"))
    .where(_BLOB.state == BlobState.PRESENT.value)
    .distinct()
)
_OF_SERIES = _OF_STUDY.where(tables.series.c.series_uid == bindparam("of_series"))
_HELD = (
    select(*_COLUMNS)
    .select_from(_WITH_LOCKS)
    .where(_LOCK.store == bindparam("in_store"), _LOCK.held, _BLOB.state == BlobState.PRESENT.value)
)
_DELETING = (
    select(_BLOB.store, func.count(), func.min(_LOCK.until_s), func.max(_LOCK.until_s))
    .select_from(_WITH_LOCKS)
    .where(tables.NOT_PRESENT, _BLOB.state == BlobState.DELETING.value, _LOCK.digest.is_not(None))
    .group_by(_BLOB.store)
)
_AT = (_LOCK.digest == bindparam("which"), _LOCK.codec == bindparam("as_codec"), _LOCK.store == bindparam("in_store"))
_KNOWN = select(_LOCK.until_s, _LOCK.held).where(*_AT)
_FORGET = delete(object_lock).where(*_AT)
_FORGET_GONE = delete(object_lock).where(
    ~exists().where(_BLOB.digest == _LOCK.digest, _BLOB.codec == _LOCK.codec, _BLOB.store == _LOCK.store)
)


class Use(NamedTuple):
    """An instance that is made of a blob, by its UIDs."""

    study: str
    series: str
    instance: str


@dataclass(frozen=True, slots=True)
class KnownLock:
    """The lock of a blob in a store, as it was said; `until_s` in seconds since 1970."""

    blob: BlobEntry
    until_s: int
    held: bool


class LockedBlobs(NamedTuple):
    """Blobs of a store that are to be deleted and were locked: how many, and when the last lock ends.

    `until_s` is None where there is a legal hold, which has no end.
    """

    store: str
    blobs: int
    until_s: int | None


class LockTable:
    """The locks of one index; close it when done."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._statements, self._snapshots = Statements(writing), Snapshots(reading)

    def close(self) -> None:
        """Give the connections to the database back."""
        self._statements.close()
        self._snapshots.close()

    def ending(self, store: str, before_s: int, after: BlobEntry | None) -> list[BlobEntry]:
        """Return a page of what is present in a store, of unknown lock or one that ends before a time."""
        digest, codec = (bytes.fromhex(after.digest), after.codec) if after else (b"", "")
        asked = {"in_store": store, "before": before_s, "digest": digest, "after_codec": codec}
        with self._snapshots.reading() as cursor:
            return _entries(cursor.all(_ENDING, asked))

    def users(self, blob: BlobEntry) -> list[Use]:
        """Return the instances that are made of a blob, whatever their state."""
        with self._snapshots.reading() as cursor:
            return [Use(*row) for row in cursor.all(_USERS, {"which": bytes.fromhex(blob.digest)})]

    def of_study(self, store: str, study: str, series: str | None) -> list[BlobEntry]:
        """Return the blobs of a study, or of one of its series, that are present in a store."""
        asked = {"in_store": store, "of_study": study, **({} if series is None else {"of_series": series})}
        with self._snapshots.reading() as cursor:
            return _entries(cursor.all(_OF_STUDY if series is None else _OF_SERIES, asked))

    def held(self, store: str) -> list[BlobEntry]:
        """Return the blobs of a store under a legal hold, as far as is known."""
        with self._snapshots.reading() as cursor:
            return _entries(cursor.all(_HELD, {"in_store": store}))

    def known(self, blob: BlobEntry) -> KnownLock | None:
        """Return what is known of the lock of a blob."""
        with self._snapshots.reading() as cursor:
            row = cursor.first(_KNOWN, _place(blob))
        return None if row is None else KnownLock(blob, int(row[0]), bool(row[1]))

    def deleting(self) -> list[LockedBlobs]:
        """Return, store by store, what is to be deleted and was locked when last asked."""
        with self._snapshots.reading() as cursor:
            rows = cursor.all(_DELETING, {})
        return [LockedBlobs(store, blobs, last if first else None) for store, blobs, first, last in rows]

    def forget_gone(self) -> None:
        """Forget the locks of blobs that have no row any more."""
        with self._statements.transaction() as cursor:
            cursor.do(_FORGET_GONE, {})

    def note(self, locks: Iterable[KnownLock]) -> None:
        """Write down what was said of locks."""
        found = sorted(locks, key=lambda lock: (lock.blob.digest, lock.blob.codec))
        if not found:
            return
        with self._statements.transaction() as cursor:
            for lock in found:
                cursor.do(_FORGET, _place(lock.blob))
                row = {"digest": bytes.fromhex(lock.blob.digest), "codec": lock.blob.codec, "store": lock.blob.store}
                cursor.insert(object_lock, {**row, "until_s": lock.until_s, "held": lock.held}, unless_there=True)


def _place(blob: BlobEntry) -> dict[str, object]:
    return {"which": bytes.fromhex(blob.digest), "as_codec": blob.codec, "in_store": blob.store}


def _entries(rows: Sequence[tuple[Any, ...]]) -> list[BlobEntry]:
    return [BlobEntry(bytes(digest).hex(), *rest) for digest, *rest in rows]
