"""Reads that follow keys: how a version is kept, which blobs are present, who the peers are.

Every method opens a connection, reads, and closes it: no cursor stays open while anything else
happens.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Engine, bindparam, func, select

from vna.events import BlobEntry, JournalMark
from vna.index import tables
from vna.index.entries import BlobState
from vna.index.held import Counts, HeldInstance, StoredForm
from vna.index.placements import tiers_instead
from vna.index.rejections import HIDDEN
from vna.index.statements import Statements, one_of
from vna.index.tombstone_tables import tombstone
from vna.model import InstanceKey, InstanceUID, Peer, SeriesUID, StudyUID, VersionState

_PAGE = 500

_PRESENT = select(tables.blob.c.store, tables.blob.c.codec, tables.blob.c.plain_size, tables.blob.c.stored_size).where(
    tables.blob.c.digest == bindparam("which"), tables.blob.c.state == BlobState.PRESENT.value
)
_POSITION = select(tables.archive.c.position)
_FORMS = (
    select(tables.version.c.id, tables.version.c.recipe, tables.payload.c.data, tables.payload.c.base)
    .join(tables.payload, tables.payload.c.position == tables.version.c.id)
    .where(one_of(tables.version.c.id, "ids"))
)
_BLOB_COLUMNS = (
    *(tables.blob.c.state, tables.blob.c.digest, tables.blob.c.codec),
    *(tables.blob.c.plain_size, tables.blob.c.stored_size, tables.blob.c.store),
)
_USED_BLOBS = (
    select(tables.blob_use.c.version_id, *_BLOB_COLUMNS)
    .join(tables.blob, tables.blob.c.digest == tables.blob_use.c.digest)
    .where(one_of(tables.blob_use.c.version_id, "ids"))
)
HELD_COLUMNS = (
    tables.version.c.id,
    tables.study.c.study_uid,
    tables.series.c.series_uid,
    tables.version.c.sop_instance_uid,
    tables.version.c.sop_class_uid,
    tables.version.c.transfer_syntax,
    tables.version.c.size,
    tables.version.c.number,
    tables.version.c.digest,
    tables.version.c.state,
)
_HELD = (
    select(*HELD_COLUMNS)
    .join(tables.series, tables.series.c.id == tables.version.c.series_id)
    .join(tables.study, tables.study.c.id == tables.version.c.study_id)
)


class Reader:
    """Keyed reads on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._statements = engine, Statements(engine)
        self.nearest: Sequence[str] = ("",)
        """The stores to read from, best first; others come behind them."""

    def close(self) -> None:
        """Give the connection that is kept back."""
        self._statements.close()

    def present_blobs(
        self, digests: Sequence[str], stores: Sequence[str] = ("",), study: str = ""
    ) -> dict[str, BlobEntry]:
        """Return those of the blobs that are present in all of these stores, by digest, as the first one has them.

        Args:
            digests: of the blobs.
            stores: those that an arrival is written to.
            study: where this one was displaced from the main store, what lies in one of its tiers counts too.
        """
        found = {}
        with self._statements.reading() as cursor:
            for digest in digests:
                rows = {row[0]: row for row in cursor.all(_PRESENT, {"which": bytes.fromhex(digest)})}
                if all(store in rows for store in stores):
                    best: str | None = stores[0]
                else:
                    instead = tiers_instead(cursor, study) if rows and study else frozenset()
                    best = min(rows.keys() & instead, key=self._distance, default=None)
                if best is not None:
                    _, codec, plain_size, stored_size = rows[best]
                    found[digest] = BlobEntry(digest, codec, plain_size, stored_size, best)
        return found

    def position(self) -> int:
        """Return the position of the journal."""
        with self._statements.reading() as cursor:
            return int(cursor.scalar(_POSITION, {}))

    def header_base(self, digest: bytes) -> bytes | None:
        """Return the compressed header base of this digest."""
        with self._engine.connect() as connection:
            base = tables.header_base
            data = connection.execute(select(base.c.data).where(base.c.digest == digest)).scalar_one_or_none()
        return None if data is None else bytes(data)

    def stored_forms(self, version_ids: Sequence[int]) -> list[StoredForm]:
        """Return how these versions are kept, in the order asked for; unknown ones are left out.

        Of the places of a blob the nearest one is named, whether its bytes are damaged there or not; in one store
        the codec that is present.
        """
        with self._statements.reading() as cursor:
            ids = {"ids": cursor.several(list(version_ids))}
            rows = {row[0]: row for row in cursor.all(_FORMS, ids)}
            uses = cursor.all(_USED_BLOBS, ids)
        uses = sorted(uses, key=self._worst_first)
        blobs: dict[int, dict[str, BlobEntry]] = {version_id: {} for version_id in version_ids}
        for version_id, _state, digest, *rest in uses:
            blobs[version_id][bytes(digest).hex()] = BlobEntry(bytes(digest).hex(), *rest)
        return [
            StoredForm(version_id, bytes(recipe), bytes(header), bytes(base), blobs[version_id])
            for version_id, recipe, header, base in (rows[each] for each in version_ids if each in rows)
        ]

    def _worst_first(self, use: Sequence[Any]) -> tuple[bool, int, bool]:
        return use[1] != BlobState.DELETING, -self._distance(use[-1]), use[1] == BlobState.PRESENT

    def _distance(self, store: str) -> int:
        return self.nearest.index(store) if store in self.nearest else len(self.nearest)

    def held_versions(self, key: InstanceKey) -> list[HeldInstance]:
        """Return all versions of an instance, oldest first."""
        wanted = _HELD.where(
            tables.study.c.study_uid == key.study,
            tables.series.c.series_uid == key.series,
            tables.version.c.sop_instance_uid == key.instance,
        ).order_by(tables.version.c.id)
        with self._engine.connect() as connection:
            return [held_instance(row) for row in connection.execute(wanted)]

    def held(self, version_ids: Sequence[int]) -> list[HeldInstance]:
        """Return these versions, in the order asked for."""
        found: dict[int, HeldInstance] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(version_ids), _PAGE):
                wanted = _HELD.where(tables.version.c.id.in_(list(version_ids[start : start + _PAGE])))
                found.update((row.id, held_instance(row)) for row in connection.execute(wanted))
        return [found[version_id] for version_id in version_ids if version_id in found]

    def every_version(self, study_uid: str | None = None) -> Iterator[HeldInstance]:
        """Go through all versions by journal position, of one study if named, in pages."""
        after = 0
        while True:
            wanted = _HELD.where(tables.version.c.id > after).order_by(tables.version.c.id).limit(_PAGE)
            if study_uid is not None:
                wanted = wanted.where(tables.study.c.study_uid == study_uid)
            with self._engine.connect() as connection:
                page = [held_instance(row) for row in connection.execute(wanted)]
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].version_id

    def peers(self) -> dict[str, Peer]:
        """Return the registered peers by AE title."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.peer).order_by(tables.peer.c.ae_title)).mappings().all()
        return {row["ae_title"]: Peer(**row) for row in rows}

    def journal_mark(self) -> JournalMark:
        """Return where the journal stands."""
        with self._engine.connect() as connection:
            position, head = connection.execute(select(tables.archive.c.position, tables.archive.c.head)).one()
        return JournalMark(position, bytes(head))

    def knows_mark(self, mark: JournalMark) -> bool:
        """Return whether the journal has this hash at this position: whether it is the same history up to there."""
        return mark.position == 0 or self.head_at(mark.position) == mark.chain_hash

    def head_at(self, position: int) -> bytes | None:
        """Return the head of the chain after an event; None if there is no such event."""
        wanted = select(tables.event.c.hash).where(tables.event.c.position == position)
        with self._engine.connect() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
        return None if found is None else bytes(found)

    def counts(self) -> Counts:
        """Return how much is held and shown; what there are millions of is not counted, but known by sums."""
        intake = tables.intake
        one = {
            "patients": select(func.count()).select_from(tables.patient),
            "studies": select(func.count()).select_from(tables.study),
            "series": select(func.count()).select_from(tables.series),
            "instances": select(func.coalesce(func.sum(intake.c.new_instances), 0)),
            "received_bytes": select(func.coalesce(func.sum(intake.c.received_bytes), 0)),
            "stored_bytes": select(func.coalesce(func.sum(intake.c.stored_bytes), 0)),
            "flags": select(func.count()).select_from(tables.flag),
            "position": select(tables.archive.c.position),
        }
        gone = {
            "instances": select(func.coalesce(func.sum(tombstone.c.first_versions), 0)),
            "received_bytes": select(func.coalesce(func.sum(tombstone.c.size), 0)),
            "stored_bytes": select(func.coalesce(func.sum(tombstone.c.stored_size), 0)),
        }
        with self._engine.connect() as connection:
            found = {name: int(connection.execute(query).scalar_one()) for name, query in one.items()}
            for name, query in gone.items():
                found[name] = max(0, found[name] - int(connection.execute(query).scalar_one()))
            hidden = {name: int(connection.execute(query).scalar_one()) for name, query in HIDDEN.items()}
        of_instances = {name: hidden[name] for name in ("rejected", "limited")}
        hidden["instances"] = sum(of_instances.values())
        shown = {name: found[name] - hidden[name] for name in ("patients", "studies", "series", "instances")}
        return Counts(**{**found, **shown, **of_instances})


def held_instance(row: Any) -> HeldInstance:
    """Return the value of one row of the held columns."""
    version_id, study, series, instance, sop_class, syntax, size, number, digest, state = row
    key = InstanceKey(StudyUID(study), SeriesUID(series), InstanceUID(instance))
    return HeldInstance(version_id, key, sop_class, syntax, size, number, bytes(digest).hex(), VersionState(state))
