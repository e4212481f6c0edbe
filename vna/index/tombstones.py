"""Tombstones as they are asked about: by arrivals, by who wants to retrieve, and by who finishes a destruction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, bindparam, func, select

from vna.events import BlobEntry
from vna.index import tables
from vna.index.statements import Cursor
from vna.index.tombstone_tables import tombstone
from vna.model import InstanceKey, InstanceUID, Scope, SeriesUID, StudyUID

_T = tombstone.c
_COLUMNS = (_T.id, _T.elimination, _T.study_uid, _T.series_uid, _T.sop_instance_uid)
_OF_STUDY = select(*_COLUMNS).where(_T.study_uid == bindparam("study")).order_by(_T.id)
_PAYLOAD = tables.payload.c
_BLOB, _USE = tables.blob.c, tables.blob_use.c
_BLOBS_OF = (
    select(_USE.version_id, tables.blob)
    .join(tables.blob, _BLOB.digest == _USE.digest)
    .where(_USE.version_id.in_(bindparam("which", expanding=True)))
    .distinct()
    .order_by(_BLOB.digest, _BLOB.store, _BLOB.codec)
)
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Buried:
    """What a tombstone says; `number` is the position of its event, `time` UTC in ISO 8601, sizes are in bytes."""

    number: int
    elimination: int
    scope: Scope
    rules: tuple[str, ...]
    owners: tuple[str, ...]
    manifest: str
    ledger: str
    instances: int
    size: int
    time: str
    actor: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The list of what went with a tombstone, as the journal keeps it: zstd, with `base` as raw-content dictionary."""

    number: int
    data: bytes
    base: bytes


class Tombstones:
    """Knows which eliminations cover an arrival; of each study it asks once until there is a new one."""

    def __init__(self) -> None:
        self._known: dict[StudyUID, list[tuple[int, Scope]]] = {}

    def forget(self) -> None:
        """Drop what is remembered: call it when a tombstone came or a transaction was undone."""
        self._known.clear()

    def over(self, cursor: Cursor, key: InstanceKey) -> tuple[int, ...]:
        """Return the eliminations that destroyed what an instance is, or lay in, oldest first."""
        if key.study not in self._known:
            if len(self._known) >= _PAGE:
                self._known.clear()
            rows = cursor.all(_OF_STUDY, {"study": key.study})
            self._known[key.study] = [(elimination, _scope(*uids)) for _, elimination, *uids in rows]
        return tuple(elimination for elimination, scope in self._known[key.study] if scope.covers(key))


class TombstoneReader:
    """Reads tombstones from one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def over(self, scope: Scope) -> Buried | None:
        """Return the last tombstone of what a scope is, lies in, or had in it; None where there is none."""
        found = self._select(_T.study_uid == scope.study)
        return next((each for each in reversed(found) if _touches(each.scope, scope)), None)

    def of(self, elimination: int) -> list[Buried]:
        """Return the tombstones of an elimination, in order."""
        return self._select(_T.elimination == elimination)

    def last_of(self, elimination: int) -> int:
        """Return the position of the last tombstone of an elimination; 0 where nothing went."""
        wanted = select(func.coalesce(func.max(_T.id), 0)).where(_T.elimination == elimination)
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())

    def eliminations(self, *, behind: int) -> list[int]:
        """Return the eliminations that have tombstones behind a position of the journal, in order."""
        wanted = select(_T.elimination).where(_T.id > behind).distinct().order_by(_T.elimination)
        with self._engine.connect() as connection:
            return list(connection.execute(wanted).scalars())

    def followed(self) -> set[str]:
        """Return the digests of the entries of ledgers that were followed here."""
        with self._engine.connect() as connection:
            return set(connection.execute(select(_T.ledger).where(_T.ledger != "")).scalars())

    def listings(self, numbers: Sequence[int]) -> list[Listing]:
        """Return the lists of what went with these tombstones, in order; those that are erased are left out."""
        found = []
        with self._engine.connect() as connection:
            for start in range(0, len(numbers), _PAGE):
                wanted = select(_PAYLOAD.position, _PAYLOAD.data, _PAYLOAD.base).where(
                    _PAYLOAD.position.in_(list(numbers[start : start + _PAGE]))
                )
                rows = connection.execute(wanted.order_by(_PAYLOAD.position)).all()
                found += [Listing(row.position, bytes(row.data), bytes(row.base)) for row in rows]
        return found

    def blobs_of(self, versions: Sequence[int]) -> dict[int, list[BlobEntry]]:
        """Return every place of every blob of these versions, by version, in order of digest, store and codec."""
        found: dict[int, list[BlobEntry]] = {version: [] for version in versions}
        with self._engine.connect() as connection:
            for start in range(0, len(versions), _PAGE):
                which = {"which": list(versions[start : start + _PAGE])}
                for row in connection.execute(_BLOBS_OF, which):
                    found[row.version_id].append(_entry(row))
        return found

    def places(self, digests: Sequence[str]) -> list[BlobEntry]:
        """Return every place that the index knows of these blobs, in whatever state."""
        found: list[BlobEntry] = []
        with self._engine.connect() as connection:
            for start in range(0, len(digests), _PAGE):
                which = [bytes.fromhex(digest) for digest in digests[start : start + _PAGE]]
                found += map(_entry, connection.execute(select(tables.blob).where(_BLOB.digest.in_(which))))
        return found

    def used(self, digests: Sequence[str]) -> set[str]:
        """Return those of these blobs that a version of an instance is made of."""
        found = set()
        with self._engine.connect() as connection:
            for start in range(0, len(digests), _PAGE):
                which = [bytes.fromhex(digest) for digest in digests[start : start + _PAGE]]
                wanted = select(tables.blob_use.c.digest).where(tables.blob_use.c.digest.in_(which)).distinct()
                found |= {bytes(digest).hex() for digest in connection.execute(wanted).scalars()}
        return found

    def eliminated_at(self) -> int:
        """Return the position at which rows went last; 0 where none ever did."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(tables.archive.c.eliminated_at)).scalar_one())

    def _select(self, condition: Any) -> list[Buried]:
        with self._engine.connect() as connection:
            return [_buried(row) for row in connection.execute(select(tombstone).where(condition).order_by(_T.id))]


def _entry(row: Any) -> BlobEntry:
    return BlobEntry(bytes(row.digest).hex(), row.codec, row.plain_size, row.stored_size, row.store)


def _buried(row: Any) -> Buried:
    return Buried(
        number=row.id,
        elimination=row.elimination,
        scope=_scope(row.study_uid, row.series_uid, row.sop_instance_uid),
        rules=tuple(orjson.loads(row.rules)),
        owners=tuple(orjson.loads(row.owners)),
        manifest=row.manifest,
        ledger=row.ledger,
        instances=row.instances,
        size=row.size,
        time=row.time,
        actor=row.actor,
    )


def _touches(buried: Scope, asked: Scope) -> bool:
    pairs = ((buried.series, asked.series), (buried.instance, asked.instance))
    return all(one is None or other is None or one == other for one, other in pairs)


def _scope(study: str, series: str | None, instance: str | None) -> Scope:
    return Scope(
        StudyUID(study),
        None if series is None else SeriesUID(series),
        None if instance is None else InstanceUID(instance),
    )
