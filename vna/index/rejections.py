"""Reads about rejections: which stand, what one would hide, and what is meant by a UID."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, distinct, exists, func, select, union

from vna.index import tables
from vna.index.hiding_tables import limitation, note, note_instance
from vna.model import InstanceUID, RejectionReason, Scope, SeriesUID, StudyUID, VersionState

_HIDDEN = (
    tables.version.c.state == VersionState.REJECTED.value,
    tables.version.c.state_before == VersionState.SERVED.value,
)
LIMITED = (
    tables.version.c.state == VersionState.LIMITED.value,
    tables.version.c.state_before == VersionState.SERVED.value,
)
"""Of the rows of `version` those that would be served but for a limitation."""
_STANDS = tables.rejection.c.to_position.is_(None)
_STUDIES = select(tables.study.c.id).where(
    tables.study.c.study_uid.in_(
        union(
            select(tables.rejection.c.study_uid).where(_STANDS),
            select(note_instance.c.study_uid)
            .join(tables.rejection, tables.rejection.c.id == note_instance.c.rejection_id)
            .where(_STANDS),
            select(limitation.c.study_uid).where(limitation.c.to_position.is_(None)),
        )
    )
)
_SHOWN_RECORD = (
    exists()
    .where(
        tables.study_record.c.patient_id == tables.patient.c.id,
        tables.study.c.id == tables.study_record.c.study_id,
        tables.study.c.record_id == tables.study_record.c.id,
    )
    .correlate(tables.patient)
)
_PATIENTS = select(tables.study_record.c.patient_id).where(tables.study_record.c.study_id.in_(_STUDIES))

HIDDEN = {
    "patients": select(func.count()).where(tables.patient.c.id.in_(_PATIENTS), ~_SHOWN_RECORD),
    "studies": select(func.count()).where(
        tables.study.c.id.in_(_STUDIES), tables.study.c.record_id == tables.NOTHING_SHOWN
    ),
    "series": select(func.count()).where(
        tables.series.c.study_id.in_(_STUDIES), tables.series.c.record_id == tables.NOTHING_SHOWN
    ),
    "rejected": select(func.count()).where(tables.version.c.study_id.in_(_STUDIES), *_HIDDEN),
    "limited": select(func.count()).where(tables.version.c.study_id.in_(_STUDIES), *LIMITED),
}
"""How many patients, studies, series and instances are held and not shown; found from the rejections and limitations
that stand, which are few, because to go through all studies takes a second for a million of them."""
VERSIONS = tables.version.join(tables.series, tables.series.c.id == tables.version.c.series_id).join(
    tables.study, tables.study.c.id == tables.version.c.study_id
)
"""Versions with their series and study."""
_NAMED = (
    tables.study.c.study_uid == note_instance.c.study_uid,
    tables.series.c.series_uid == note_instance.c.series_uid,
    tables.version.c.sop_instance_uid == note_instance.c.sop_instance_uid,
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejection that stands; `number` is the journal position that brought it.

    `time` is UTC in ISO 8601; `instances` is how many it hides now. If it came as a rejection note, `scope` is that
    note, and `names` how many instances it names beside itself.
    """

    number: int
    time: str
    actor: str
    scope: Scope
    reason: RejectionReason
    instances: int
    names: int | None = None


@dataclass(frozen=True, slots=True)
class Visible:
    """What is shown of a scope."""

    series: int
    instances: int
    modalities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comment:
    """What was written beside an event, as it is kept: zstd, with `base` as raw-content dictionary."""

    data: bytes
    base: bytes


class RejectionReader:
    """Answers from one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self) -> list[Rejection]:
        """Return the rejections that stand, oldest first."""
        wanted = select(tables.rejection).where(tables.rejection.c.to_position.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(tables.rejection.c.id)).all()
            return [_rejection(connection, row) for row in rows]

    def is_rejected(self, scope: Scope) -> bool:
        """Return whether something in a scope is held, and hidden by a rejection alone."""
        wanted = select(tables.version.c.id).select_from(VERSIONS).where(*within(scope), *_HIDDEN).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(wanted).first() is not None

    def comment(self, number: int) -> Comment | None:
        """Return what was written beside an event; None if nothing was, or it was erased."""
        wanted = select(tables.payload.c.data, tables.payload.c.base).where(tables.payload.c.position == number)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else Comment(bytes(row.data), bytes(row.base))

    def scopes(self, study: StudyUID | None, series: SeriesUID | None, instance: InstanceUID | None) -> Sequence[Scope]:
        """Return the studies, series or instances that are held, shown or not, and that these UIDs fit.

        The level is that of the lowest UID given; at least one must be.
        """
        named = [
            (tables.study.c.study_uid, study),
            (tables.series.c.series_uid, series),
            (tables.version.c.sop_instance_uid, instance),
        ]
        depth = max(n for n, (_, uid) in enumerate(named, 1) if uid is not None)
        columns = [column for column, _ in named[:depth]]
        wanted = select(*columns).select_from(_from_level(depth)).distinct().order_by(*columns)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.where(*(c == uid for c, uid in named if uid is not None))).all()
        return [Scope(*row) for row in rows]

    def visible(self, scope: Scope) -> Visible:
        """Return how much of a scope is shown."""
        served = tables.version.c.state == VersionState.SERVED.value
        counted = select(func.count(distinct(tables.version.c.series_id)), func.count())
        described = VERSIONS.join(tables.series_record, tables.series_record.c.id == tables.series.c.record_id)
        modality = tables.series_record.c.Modality
        modalities = select(modality).distinct().order_by(modality)
        with self._engine.connect() as connection:
            series, instances = connection.execute(counted.select_from(VERSIONS).where(*within(scope), served)).one()
            found = connection.execute(modalities.select_from(described).where(*within(scope), served)).scalars()
            return Visible(series, instances, tuple(filter(None, found)))


def _from_level(depth: int) -> Any:
    study_and_series = tables.study.join(tables.series, tables.series.c.study_id == tables.study.c.id)
    return (tables.study, study_and_series, VERSIONS)[depth - 1]


def within(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions that keep versions of a scope, where they are joined with their series and study."""
    found = [tables.study.c.study_uid == scope.study]
    if scope.series is not None:
        found.append(tables.series.c.series_uid == scope.series)
    if scope.instance is not None:
        found.append(tables.version.c.sop_instance_uid == scope.instance)
    return found


def _rejection(connection: Connection, row: Row[Any]) -> Rejection:
    scope = Scope(row.study_uid, row.series_uid, row.sop_instance_uid)
    readmitted = exists().where(
        tables.readmission.c.rejection_id == row.id,
        tables.readmission.c.series_uid == tables.series.c.series_uid,
        tables.readmission.c.sop_instance_uid == tables.version.c.sop_instance_uid,
    )
    hidden = select(func.count()).select_from(VERSIONS).where(*_HIDDEN, ~readmitted)
    instances = connection.execute(hidden.where(*within(scope))).scalar_one()
    names = None
    if connection.execute(select(note.c.rejection_id).where(note.c.rejection_id == row.id)).first() is not None:
        named = note_instance.c.rejection_id == row.id
        names = connection.execute(select(func.count()).select_from(note_instance).where(named)).scalar_one()
        studies = tables.study.c.study_uid.in_(select(note_instance.c.study_uid).where(named))
        instances += connection.execute(hidden.where(studies, exists().where(named, *_NAMED))).scalar_one()
    reason = RejectionReason.of_code(row.reason)
    return Rejection(row.id, row.time, row.actor, scope, reason, instances, names)
