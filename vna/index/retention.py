"""What retention is decided by, read for many patients at once: their studies, series and facts.

A study belongs to the patient it is shown with, or would be if it were neither rejected nor limited. Where something of
it that is not superseded names another patient, whose it is is not sure: it is in conflict.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Engine,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
)

from vna.index import tables
from vna.index.extra_tables import extra_attribute, extra_value
from vna.index.lifecycle_tables import patient_fact, subject
from vna.index.retention_changes import ChangeReader
from vna.index.snapshots import Snapshots
from vna.index.statements import Cursor, one_of
from vna.model import VersionState

_STUDY, _SERIES, _VERSION = tables.study.c, tables.series.c, tables.version.c
_RECORD, _SERIES_RECORD, _PATIENT = tables.study_record.c, tables.series_record.c, tables.patient.c
_STUDY_TERM, _SERIES_TERM, _INSTITUTION = (tables.term.alias(name) for name in ("study_term", "series_term", "place"))


class Detail(StrEnum):
    """What is left out unless it is asked for: an archive has much of it."""

    TEXTS = "texts"
    """Descriptions, and names of institutions."""
    MORE = "more"
    """The rest of records."""
    INSTANCES = "instances"


class StudyRow(NamedTuple):
    """A study as it is shown, or was last; dates are as DICOM has them, `more` is the rest of its record as JSON.

    `is_rejected` says that all of it is.
    """

    patient: int
    study_id: int
    study_uid: str
    is_rejected: bool
    study_date: str
    birth_date: str
    sex: str
    description: str | None
    more: str


class SeriesRow(NamedTuple):
    """A series as it is shown, or was last; `more` is the rest of its record as JSON."""

    study_id: int
    series_id: int
    record_id: int
    series_uid: str
    modality: str
    description: str | None
    institution: str | None
    more: str


class FactRow(NamedTuple):
    """A fact of a patient that was not withdrawn."""

    patient: int
    kind: str
    date: str
    establishment: str
    code: str
    system: str
    feed: str
    time: str


class InstanceRow(NamedTuple):
    """A version of an instance that is not superseded; `more` is the rest of its record as JSON."""

    study_id: int
    series_id: int
    version_id: int
    sop_instance_uid: str
    sop_class_uid: str
    source: str
    more: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """What some patients have, as of journal position `position` or later.

    Modalities of series, series and instances are by the number of their study, facts by that of their patient;
    `in_conflict` are studies. Series are there only where details were asked for.
    """

    position: int
    studies: Sequence[StudyRow]
    modalities: Mapping[int, Sequence[str]]
    series: Mapping[int, Sequence[SeriesRow]]
    facts: Mapping[int, Sequence[FactRow]]
    in_conflict: frozenset[int]
    instances: Mapping[int, Sequence[InstanceRow]] = field(default_factory=dict)


def _shown_or_first(table: Table, record: FromClause, owner: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return the record shown, else the one the quality view shows, else the first one: it is limited then."""
    shown, rejected = table.c.record_id, table.c.quality_record_id
    first = select(func.min(record.c.id)).where(owner).scalar_subquery()
    return case((shown != tables.NOTHING_SHOWN, shown), (rejected != tables.NOTHING_SHOWN, rejected), else_=first)


_FIRST_OF_STUDY: Final = tables.study_record.alias("first_of_study")
_FIRST_OF_SERIES: Final = tables.series_record.alias("first_of_series")
_RECORD_OF_STUDY = _shown_or_first(tables.study, _FIRST_OF_STUDY, _FIRST_OF_STUDY.c.study_id == _STUDY.id)
_RECORD_OF_SERIES = _shown_or_first(tables.series, _FIRST_OF_SERIES, _FIRST_OF_SERIES.c.series_id == _SERIES.id)

_POSITION = select(tables.archive.c.position)
_LAST_PATIENT = select(func.coalesce(func.max(_PATIENT.id), 0))
_COUNT_PATIENTS = select(func.count()).select_from(tables.patient)
_PAGE = (
    select(_PATIENT.id)
    .where(_PATIENT.id > bindparam("after"), _PATIENT.id <= bindparam("upto"))
    .order_by(_PATIENT.id)
    .limit(bindparam("most"))
)
_NO_TEXT, _NO_MORE = null(), literal("{}")


@lru_cache
def _studies(details: frozenset[Detail]) -> Select[Any]:
    texts, more = Detail.TEXTS in details, Detail.MORE in details
    found = (
        select(
            _RECORD.patient_id,
            _STUDY.id,
            _STUDY.study_uid,
            and_(_STUDY.record_id == tables.NOTHING_SHOWN, _STUDY.quality_record_id != tables.NOTHING_SHOWN),
            _RECORD.StudyDate,
            _RECORD.PatientBirthDate,
            _RECORD.PatientSex,
            _STUDY_TERM.c.value if texts else _NO_TEXT,
            _RECORD.more if more else _NO_MORE,
        )
        .select_from(tables.study_record)
        .join(tables.study, and_(_STUDY.id == _RECORD.study_id, _RECORD.id == _RECORD_OF_STUDY))
        .where(one_of(_RECORD.patient_id, "ids"))
    )
    description = _RECORD[tables.term_column("StudyDescription")]
    return found.outerjoin(_STUDY_TERM, _STUDY_TERM.c.id == description) if texts else found


@lru_cache
def _series(details: frozenset[Detail]) -> Select[Any]:
    texts, more = Detail.TEXTS in details, Detail.MORE in details
    found = (
        select(
            _SERIES.study_id,
            _SERIES.id,
            _SERIES_RECORD.id,
            _SERIES.series_uid,
            _SERIES_RECORD.Modality,
            _SERIES_TERM.c.value if texts else _NO_TEXT,
            _INSTITUTION.c.value if texts else _NO_TEXT,
            _SERIES_RECORD.more if more else _NO_MORE,
        )
        .select_from(tables.series)
        .join(tables.series_record, _SERIES_RECORD.id == _RECORD_OF_SERIES)
        .where(one_of(_SERIES.study_id, "ids"))
    )
    if not texts:
        return found
    description, institution = (tables.term_column(name) for name in ("SeriesDescription", "InstitutionName"))
    found = found.outerjoin(_SERIES_TERM, _SERIES_TERM.c.id == _SERIES_RECORD[description])
    return found.outerjoin(_INSTITUTION, _INSTITUTION.c.id == _SERIES_RECORD[institution])


_MODALITIES = (
    select(_SERIES.study_id, _SERIES_RECORD.Modality)
    .select_from(tables.series)
    .join(tables.series_record, _SERIES_RECORD.id == _RECORD_OF_SERIES)
    .where(one_of(_SERIES.study_id, "ids"))
)
"""Of most profiles all that is asked of series; whole rows take twice as long."""
_SEVERAL_RECORDS = (
    select(_RECORD.study_id).where(one_of(_RECORD.study_id, "ids")).group_by(_RECORD.study_id).having(func.count() > 1)
)
_LIVE = or_(
    *(
        func.coalesce(_VERSION.state_before, _VERSION.state) == state.value
        for state in (VersionState.SERVED, VersionState.ASIDE)
    )
)
_PATIENTS_HELD_LIVE = (
    select(_VERSION.study_id, _RECORD.patient_id)
    .select_from(tables.version)
    .join(tables.study_record, _RECORD.id == _VERSION.study_record_id)
    .where(one_of(_VERSION.study_id, "ids"), _LIVE)
    .distinct()
)
_FACTS = (
    select(
        _PATIENT.id,
        patient_fact.c.kind,
        patient_fact.c.date,
        patient_fact.c.establishment,
        patient_fact.c.code,
        patient_fact.c.system,
        patient_fact.c.feed,
        patient_fact.c.time,
    )
    .select_from(tables.patient)
    .join(subject, and_(subject.c.patient_id == _PATIENT.patient_id, subject.c.issuer == _PATIENT.issuer))
    .join(patient_fact, patient_fact.c.owner == subject.c.owner)
    .where(one_of(_PATIENT.id, "ids"), patient_fact.c.withdrawn_at.is_(None))
)
_INSTANCES = select(
    _VERSION.study_id,
    _VERSION.series_id,
    _VERSION.id,
    _VERSION.sop_instance_uid,
    _VERSION.sop_class_uid,
    _VERSION.source,
    _VERSION.more,
).where(
    one_of(_VERSION.study_id, "ids"),
    func.coalesce(_VERSION.state_before, _VERSION.state) != VersionState.SUPERSEDED.value,
)
_PATIENTS_OF = (
    select(_RECORD.patient_id)
    .join(tables.study, _STUDY.id == _RECORD.study_id)
    .where(one_of(_STUDY.study_uid, "uids"))
    .distinct()
)
_EXTRA = (
    select(extra_value.c.owner_id, extra_value.c.value)
    .join(extra_attribute, extra_attribute.c.id == extra_value.c.attribute_id)
    .where(
        one_of(extra_attribute.c.setting, "settings"),
        one_of(extra_value.c.owner_id, "owners"),
        extra_value.c.number == 0,
    )
)
_SIZES = (
    select(_VERSION.study_id, func.count(), func.sum(_VERSION.size))
    .where(one_of(_VERSION.study_id, "ids"))
    .group_by(_VERSION.study_id)
)


class RetentionReader:
    """Reads from one database; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._snapshots = Snapshots(engine)
        self.changes = ChangeReader(self._snapshots)

    def close(self) -> None:
        """Give the connections that are kept back."""
        self._snapshots.close()

    def last_patient(self) -> int:
        """Return the highest number of a patient."""
        with self._snapshots.reading() as cursor:
            return int(cursor.scalar(_LAST_PATIENT, {}))

    def count_patients(self) -> int:
        """Return how many patients there are; goes through all of them."""
        with self._snapshots.reading() as cursor:
            return int(cursor.scalar(_COUNT_PATIENTS, {}))

    def patients(self, *, after: int, upto: int, most: int) -> list[int]:
        """Return the numbers of patients behind one, up to another, in order."""
        with self._snapshots.reading() as cursor:
            return [row[0] for row in cursor.all(_PAGE, {"after": after, "upto": upto, "most": most})]

    def patients_of(self, study_uids: Sequence[str]) -> list[int]:
        """Return the numbers of all patients that any record of these studies names."""
        with self._snapshots.reading() as cursor:
            return [row[0] for row in cursor.all(_PATIENTS_OF, {"uids": cursor.several(list(study_uids))})]

    def gather(self, patients: Sequence[int], details: frozenset[Detail]) -> Gathered:
        """Return what these patients have."""
        with self._snapshots.reading() as cursor:
            ids = {"ids": cursor.several(list(patients))}
            position = int(cursor.scalar(_POSITION, {}))
            studies = list(map(StudyRow._make, cursor.all(_studies(details), ids)))
            of_studies = {"ids": cursor.several([study.study_id for study in studies])}
            series = list(map(SeriesRow._make, cursor.all(_series(details), of_studies))) if details else []
            said = ((row.study_id, row.modality) for row in series)
            return Gathered(
                position=position,
                studies=studies,
                modalities=_of_studies(said if details else cursor.all(_MODALITIES, of_studies)),
                series=_by_first(series),
                facts=_by_first(map(FactRow._make, cursor.all(_FACTS, ids))),
                in_conflict=_in_conflict(cursor, studies, of_studies),
                instances=_by_first(
                    map(InstanceRow._make, cursor.all(_INSTANCES, of_studies) if Detail.INSTANCES in details else ())
                ),
            )

    def extra_values(self, settings: Sequence[str], owners: Sequence[int]) -> dict[int, str]:
        """Return values of extra attributes, as the settings write these, by the record or version they belong to."""
        if not settings or not owners:
            return {}
        with self._snapshots.reading() as cursor:
            asked = {"settings": cursor.several(list(settings)), "owners": cursor.several(list(owners))}
            return {owner: value for owner, value in cursor.all(_EXTRA, asked) if value}

    def sizes(self, study_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return of each study how many versions of instances it has, and their bytes as received."""
        with self._snapshots.reading() as cursor:
            rows = cursor.all(_SIZES, {"ids": cursor.several(list(study_ids))})
        return {study_id: (int(count), int(size)) for study_id, count, size in rows}


def _in_conflict(cursor: Cursor, studies: Sequence[StudyRow], of_studies: Mapping[str, Any]) -> frozenset[int]:
    several = [row[0] for row in cursor.all(_SEVERAL_RECORDS, of_studies)]
    shown = {study.study_id: study.patient for study in studies}
    named = cursor.all(_PATIENTS_HELD_LIVE, {"ids": cursor.several(several)}) if several else ()
    return frozenset(study_id for study_id, patient in named if patient != shown[study_id])


def _of_studies(modalities: Iterable[Sequence[Any]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for study_id, modality in modalities:
        found.setdefault(study_id, []).append(modality)
    return found


def _by_first(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Return rows by their first column."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found
