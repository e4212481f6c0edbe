"""Reads about where studies lie, and who read them when; what is noted of that in working rows is written here too."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from sqlalchemy import Engine, Text, bindparam, cast, delete, func, insert, literal, select, update

from vna.events import BlobEntry
from vna.index import tables
from vna.index.database import turn_of
from vna.index.entries import BlobState
from vna.index.tier_tables import last_access, placement, recall

_PAGE: Final = 500
_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("uid"))
_USES = tables.version.join(tables.blob_use, tables.blob_use.c.version_id == tables.version.c.id)
_BLOBS = (
    select(
        *(tables.blob.c.digest, tables.blob.c.codec, tables.blob.c.plain_size, tables.blob.c.stored_size),
        *(tables.blob.c.store, tables.blob.c.state),
    )
    .select_from(_USES.join(tables.blob, tables.blob.c.digest == tables.blob_use.c.digest))
    .where(tables.version.c.study_id == _STUDY_ID.scalar_subquery())
    .distinct()
)
_ROWS = (
    select(placement.c.store, placement.c.kept, placement.c.upto, placement.c.copies)
    .where(placement.c.study_id == _STUDY_ID.scalar_subquery())
    .order_by(placement.c.store)
)
_COUNTS = select(placement.c.store, func.count()).where(placement.c.kept).group_by(placement.c.store)
_DISPLACED = select(func.count()).where(placement.c.store == "", ~placement.c.kept)
_BYTES = (
    select(tables.blob.c.store, func.count(), func.sum(tables.blob.c.stored_size), func.sum(tables.blob.c.plain_size))
    .where(tables.blob.c.state == BlobState.PRESENT.value)
    .group_by(tables.blob.c.store)
)
_NEWEST = select(func.max(tables.version.c.id)).where(tables.version.c.study_id == _STUDY_ID.scalar_subquery())
_ACCESS = select(last_access.c.day).where(last_access.c.study_id == _STUDY_ID.scalar_subquery())
_PLACED = (
    select(
        placement.c.study_id,
        select(func.max(tables.version.c.id))
        .where(tables.version.c.study_id == placement.c.study_id)
        .scalar_subquery(),
        *(placement.c.store, placement.c.kept, placement.c.upto, placement.c.copies),
    )
    .where(placement.c.study_id.in_(bindparam("ids", expanding=True)))
    .order_by(placement.c.study_id, placement.c.store)
)
_ACCESSED = select(last_access.c.study_id, last_access.c.day).where(
    last_access.c.study_id.in_(bindparam("ids", expanding=True))
)
_RECALLS = select(tables.study.c.study_uid).join(recall, recall.c.study_id == tables.study.c.id).order_by(recall.c.time)


@dataclass(frozen=True, slots=True)
class Placing:
    """How the last event about a study and a store left it: see vna.index.tier_tables."""

    store: str
    kept: bool
    upto: int
    copies: int


@dataclass(frozen=True, slots=True)
class Lying:
    """Where the blobs of a study lie: every place of each and how it stands there; `newest` is its last version.

    `known` is false for a study that is not held.
    """

    known: bool
    newest: int
    placings: tuple[Placing, ...]
    blobs: Mapping[str, Sequence[tuple[BlobEntry, BlobState]]]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What the tables say of where a study lies, and when it was last retrieved; without looking at its blobs."""

    newest: int = 0
    placings: tuple[Placing, ...] = ()
    last_access: str = ""


@dataclass(frozen=True, slots=True)
class Filling:
    """What is present in a store: blobs, the bytes they take and those they stand for; `studies` are placed there."""

    blobs: int
    stored_bytes: int
    plain_bytes: int
    studies: int


class PlacementReader:
    """Reads from one database, and notes there what may be lost."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._writing, self._reading = writing, reading
        self._lock, self._turn = Lock(), turn_of(writing)

    def placings(self, study: str) -> tuple[Placing, ...]:
        """Return what events say of a study and stores, by store."""
        with self._reading.connect() as connection:
            return tuple(Placing(*row) for row in connection.execute(_ROWS, {"uid": study}))

    def lying(self, study: str) -> Lying:
        """Return where the blobs of a study lie."""
        with self._reading.connect() as connection, connection.begin():
            newest = connection.execute(_NEWEST, {"uid": study}).scalar_one_or_none()
            placings = tuple(Placing(*row) for row in connection.execute(_ROWS, {"uid": study}))
            rows = connection.execute(_BLOBS, {"uid": study}).all()
        blobs: dict[str, list[tuple[BlobEntry, BlobState]]] = {}
        for digest, codec, plain_size, stored_size, store, state in rows:
            entry = BlobEntry(bytes(digest).hex(), codec, plain_size, stored_size, store)
            blobs.setdefault(entry.digest, []).append((entry, BlobState(state)))
        return Lying(newest is not None, newest or 0, placings, blobs)

    def whereabouts(self, study_ids: Sequence[int]) -> dict[int, Whereabouts]:
        """Return where studies lie that an event moved or that somebody retrieved, by row number."""
        found: dict[int, Whereabouts] = {}
        for start in range(0, len(study_ids), _PAGE):
            ids = {"ids": list(study_ids[start : start + _PAGE])}
            with self._reading.connect() as connection:
                for study_id, newest, *row in connection.execute(_PLACED, ids):
                    before = found.get(study_id, Whereabouts(newest))
                    found[study_id] = replace(before, placings=(*before.placings, Placing(*row)))
                for study_id, day in connection.execute(_ACCESSED, ids):
                    found[study_id] = replace(found.get(study_id, Whereabouts()), last_access=day)
        return found

    def fillings(self) -> dict[str, Filling]:
        """Return what each store holds; goes through the rows of all blobs."""
        with self._reading.connect() as connection:
            studies = {store: int(count) for store, count in connection.execute(_COUNTS)}
            every = int(connection.execute(select(func.count()).select_from(tables.study)).scalar_one())
            studies[""] = every - int(connection.execute(_DISPLACED).scalar_one())
            rows = connection.execute(_BYTES).all()
        found = {
            store: Filling(int(n), int(stored), int(plain), studies.get(store, 0)) for store, n, stored, plain in rows
        }
        nothing = {store: Filling(0, 0, 0, count) for store, count in studies.items()}
        return {**nothing, **found}

    def last_access(self, study: str) -> str:
        """Return the day on which a study was last retrieved, ISO 8601; empty where none is known."""
        with self._reading.connect() as connection:
            return str(connection.execute(_ACCESS, {"uid": study}).scalar_one_or_none() or "")

    def note_accesses(self, days: Mapping[str, str]) -> None:
        """Note the last day of each study, in one transaction."""
        later = (
            update(last_access)
            .where(last_access.c.study_id == _STUDY_ID.scalar_subquery(), last_access.c.day < bindparam("on_day"))
            .values(day=bindparam("on_day"))
        )
        unknown = insert(last_access).from_select(
            ["study_id", "day"],
            select(tables.study.c.id, cast(bindparam("on_day"), Text)).where(
                tables.study.c.study_uid == bindparam("uid"),
                tables.study.c.id.not_in(select(last_access.c.study_id)),
            ),
        )
        with self._lock, self._turn, self._writing.begin() as connection:
            for study, day in days.items():
                connection.execute(later, {"uid": study, "on_day": day})
                connection.execute(unknown, {"uid": study, "on_day": day})

    def ask_for(self, study: str, time: str) -> None:
        """Note that a study is to be brought back."""
        asked = insert(recall).from_select(
            ["study_id", "time"],
            select(tables.study.c.id, cast(literal(time), Text)).where(
                tables.study.c.study_uid == study, tables.study.c.id.not_in(select(recall.c.study_id))
            ),
        )
        with self._lock, self._turn, self._writing.begin() as connection:
            connection.execute(asked)

    def asked_for(self) -> list[str]:
        """Return the studies that are to be brought back, who waits longest first."""
        with self._reading.connect() as connection:
            return list(connection.execute(_RECALLS).scalars())

    def done_with(self, studies: Iterable[str]) -> None:
        """Forget that studies were to be brought back."""
        gone = delete(recall).where(recall.c.study_id == _STUDY_ID.scalar_subquery())
        with self._lock, self._turn, self._writing.begin() as connection:
            for study in studies:
                connection.execute(gone, {"uid": study})
