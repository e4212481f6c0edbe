"""What an elimination does to the tables: whether it may happen when its turn comes, and how rows go.

Both are asked and done behind the lock on the position, so a hold that was placed, or an instance that came in, just
before keeps what was to go. What is left says nothing of what went but its UIDs (`vna.index.tombstone_tables`).

A rebuild does not know what an erased header said, so it makes no records of it. The rows that are left are numbered as
it numbers them: as if what went had never been (`vna.index.renumbering`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import BindParameter, Select, bindparam, delete, exists, func, or_, select, update

from vna.dicom.attributes import Level
from vna.events import Eliminated, EventRecord, HoldLevel
from vna.index import tables
from vna.index.eliminations import why_not
from vna.index.entries import EliminateEntry, Spared, SparedFor
from vna.index.extra_tables import extra_attribute, extra_value
from vna.index.facts import forget_details
from vna.index.flags import flag_patients_anew, flag_twice_anew, twice_in
from vna.index.hiding_tables import note, note_instance
from vna.index.holds import any_over
from vna.index.lifecycle_tables import hold, patient_fact, retention_profile, subject
from vna.index.renumbering import SERIES_RECORDS, STUDY_RECORDS, forget_terms, settle_patients, terms_of
from vna.index.retention_tables import retention
from vna.index.shown import show_earliest
from vna.index.statements import Cursor, one_of
from vna.index.tier_tables import last_access, placement, recall
from vna.index.tombstone_tables import tombstone
from vna.model import Scope

_V, _USE, _BLOB = tables.version.c, tables.blob_use.c, tables.blob.c
_RECORD, _PATIENT = tables.study_record.c, tables.patient.c
_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("study"))
_SERIES_ID = select(tables.series.c.id).where(
    tables.series.c.study_id == bindparam("in_study"), tables.series.c.series_uid == bindparam("series")
)
_COLUMNS = (_V.id, _V.number, _V.size, _V.study_record_id, _V.series_record_id)
_OF_STUDY = select(*_COLUMNS).where(_V.study_id == bindparam("in_study"))
_OF_SERIES = select(*_COLUMNS).where(_V.series_id == bindparam("in_series"))
_OF_INSTANCE = _OF_SERIES.where(_V.sop_instance_uid == bindparam("instance"))
_PATIENTS = select(_RECORD.patient_id).where(_RECORD.study_id == bindparam("in_study")).distinct()
_STUDIES = select(_RECORD.study_id).where(one_of(_RECORD.patient_id, "patients")).distinct()
_LAST_ARRIVAL = select(func.max(_V.id)).where(one_of(_V.study_id, "studies"))
_OTHER_STUDY = select(_RECORD.id).where(_RECORD.patient_id == bindparam("which"), _RECORD.study_id != bindparam("but"))
_OTHER_VERSION = select(_V.id).where(_V.study_id == bindparam("in_study"), ~one_of(_V.id, "ids")).limit(1)
_ELSEWHERE = exists().where(_USE.digest == _BLOB.digest, ~one_of(_USE.version_id, "ids"))
_STORED = select(func.coalesce(func.sum(_BLOB.stored_size), 0)).where(
    _BLOB.store == "",
    _BLOB.digest.in_(select(_USE.digest).where(one_of(_USE.version_id, "ids"))),
    ~_ELSEWHERE.correlate(tables.blob),
)
_SUBJECTS = (
    select(subject.c.owner)
    .join(tables.patient, (_PATIENT.patient_id == subject.c.patient_id) & (_PATIENT.issuer == subject.c.issuer))
    .where(one_of(_PATIENT.id, "patients"))
    .order_by(subject.c.owner)
)
_OVER = or_(hold.c.released_at.is_not(None), (hold.c.until_date != "") & (hold.c.until_date < bindparam("today")))
_HOLDS_OF_PATIENTS = (
    select(hold.c.owner)
    .join(tables.patient, (_PATIENT.patient_id == hold.c.patient_id) & (_PATIENT.issuer == hold.c.issuer))
    .where(one_of(_PATIENT.id, "patients"), hold.c.level == HoldLevel.PATIENT.value, _OVER)
    .order_by(hold.c.id)
)
_HOLDS_OF_STUDY = select(hold.c.owner).where(hold.c.study_uid == bindparam("study"), _OVER).order_by(hold.c.id)
_SINCE: Final[BindParameter[int]] = bindparam("since")
_CHANGED: Final[Mapping[str, Select[Any]]] = {
    "a fact of its patient": select(patient_fact.c.id)
    .join(subject, subject.c.owner == patient_fact.c.owner)
    .join(tables.patient, (_PATIENT.patient_id == subject.c.patient_id) & (_PATIENT.issuer == subject.c.issuer))
    .where(one_of(_PATIENT.id, "patients"), or_(patient_fact.c.id > _SINCE, patient_fact.c.withdrawn_at > _SINCE)),
    "a hold": select(hold.c.id).where(or_(hold.c.id > _SINCE, hold.c.released_at > _SINCE)),
    "the profile in force": select(retention_profile.c.id).where(retention_profile.c.active_at > _SINCE),
}

_SET_LAST = update(tables.archive).where(tables.archive.c.id == 1).values(eliminated_at=bindparam("at"))
_FORGET_USES = delete(tables.blob_use).where(one_of(_USE.version_id, "ids"))
_FORGET_VERSIONS = delete(tables.version).where(one_of(_V.id, "ids"))
_SERIES_LEFT = select(tables.series.c.id).where(tables.series.c.study_id == bindparam("in_study")).limit(1)
_FORGET_SERIES = delete(tables.series).where(
    tables.series.c.study_id == bindparam("in_study"),
    ~exists().where(_V.series_id == tables.series.c.id).correlate(tables.series),
)
_FORGET_ONE_SERIES = _FORGET_SERIES.where(tables.series.c.series_uid == bindparam("series"))
_REJECTIONS = select(tables.rejection.c.id).where(tables.rejection.c.study_uid == bindparam("study"))
_FORGET_REJECTIONS = (
    *(
        delete(table).where(table.c.rejection_id.in_(_REJECTIONS))
        for table in (tables.readmission, note_instance, note)
    ),
    delete(note_instance).where(note_instance.c.study_uid == bindparam("study")),
    delete(tables.rejection).where(tables.rejection.c.study_uid == bindparam("study")),
)
_FORGET_STUDY = (
    *(
        delete(table).where(table.c.study_id == bindparam("in_study"))
        for table in (tables.flag, tables.quiet, tables.resent, placement, last_access, recall, retention)
    ),
    delete(tables.study).where(tables.study.c.id == bindparam("in_study")),
)
_EXTRA = select(extra_attribute.c.id, extra_attribute.c.setting)
_FORGET_VALUES = delete(extra_value).where(
    extra_value.c.attribute_id == bindparam("which"), one_of(extra_value.c.owner_id, "ids")
)
_HAS_VALUES = select(extra_value.c.number).where(
    extra_value.c.attribute_id == bindparam("which"), extra_value.c.owner_id == bindparam("new")
)
_MOVE_VALUES = (
    update(extra_value)
    .where(extra_value.c.attribute_id == bindparam("which"), extra_value.c.owner_id == bindparam("old"))
    .values(owner_id=bindparam("new"))
)


def due_elimination(cursor: Cursor, entry: EliminateEntry) -> Eliminated | Spared:
    """Return the event that eliminates an item, or why it stays, asked behind the lock on the position.

    What a ledger of another history says has gone already: it asks for nobody's leave again.
    """
    study_id = cursor.scalar(_STUDY_ID, {"study": entry.scope.study})
    versions = _versions(cursor, study_id, entry.scope)
    if not entry.ledger:
        reason = _spared(cursor, entry, study_id)
        if reason is not None:
            return reason
    ids = tuple(sorted(row[0] for row in versions))
    if ids != entry.versions:
        return Spared(SparedFor.CHANGED, "what it holds is not what was listed")
    return Eliminated(
        elimination=entry.elimination,
        scope=entry.scope,
        rules=entry.rules,
        manifest=entry.manifest,
        instances=len(ids),
        size=sum(row[2] for row in versions),
        first_versions=sum(row[1] == 1 for row in versions),
        stored_size=int(cursor.scalar(_STORED, {"ids": cursor.several(ids)})),
        owners=_owners(cursor, entry, study_id, ids),
        ledger=entry.ledger,
    )


def _spared(cursor: Cursor, entry: EliminateEntry, study_id: int | None) -> Spared | None:
    reason = why_not(cursor, entry.elimination, entry.scope, datetime.fromisoformat(entry.time))
    if reason:
        return Spared(SparedFor.NOT_DECIDED, reason)
    if study_id is None:
        return Spared(SparedFor.CHANGED, "nothing is held of it")
    holds = any_over(cursor, entry.scope, entry.time[:10])
    if holds:
        return Spared(SparedFor.HELD, f"under hold {', '.join(map(str, holds))}", holds)
    patients = [row[0] for row in cursor.all(_PATIENTS, {"in_study": study_id})]
    studies = [row[0] for row in cursor.all(_STUDIES, {"patients": cursor.several(patients)})]
    if (cursor.scalar(_LAST_ARRIVAL, {"studies": cursor.several(studies)}) or 0) > entry.evaluated_at:
        return Spared(SparedFor.CHANGED, "something of its patient came in since it was evaluated")
    given = {"since": entry.evaluated_at, "patients": cursor.several(patients)}
    for what, since in _CHANGED.items():
        if cursor.first(since.limit(1), given) is not None:
            return Spared(SparedFor.CHANGED, f"{what} has changed since it was evaluated")
    return None


def _owners(cursor: Cursor, entry: EliminateEntry, study_id: int | None, ids: Sequence[int]) -> tuple[str, ...]:
    """Return what goes too when nothing of a study is left: its patients, if nothing else is theirs, and past holds."""
    left = {"in_study": study_id, "ids": cursor.several(list(ids))}
    if study_id is None or cursor.first(_OTHER_VERSION, left) is not None:
        return ()
    patients = [row[0] for row in cursor.all(_PATIENTS, {"in_study": study_id})]
    alone = [each for each in patients if cursor.first(_OTHER_STUDY, {"which": each, "but": study_id}) is None]
    given = {"patients": cursor.several(alone), "study": entry.scope.study, "today": entry.time[:10]}
    found = [row[0] for each in (_SUBJECTS, _HOLDS_OF_PATIENTS, _HOLDS_OF_STUDY) for row in cursor.all(each, given)]
    return (entry.scope.study, *dict.fromkeys(found))


def _versions(cursor: Cursor, study_id: int | None, scope: Scope) -> Sequence[tuple[Any, ...]]:
    if study_id is None:
        return ()
    if scope.series is None:
        return cursor.all(_OF_STUDY, {"in_study": study_id})
    series_id = cursor.scalar(_SERIES_ID, {"in_study": study_id, "series": scope.series})
    if scope.instance is None:
        return cursor.all(_OF_SERIES, {"in_series": series_id})
    return cursor.all(_OF_INSTANCE, {"in_series": series_id, "instance": scope.instance})


def apply_eliminated(cursor: Cursor, record: EventRecord, event: Eliminated) -> None:
    """Take out the rows of what was eliminated, and put up its tombstone."""
    scope = event.scope
    row = {
        "id": record.position,
        "elimination": event.elimination,
        "study_uid": scope.study,
        "series_uid": scope.series,
        "sop_instance_uid": scope.instance,
        "rules": orjson.dumps(event.rules).decode(),
        "owners": orjson.dumps(event.owners).decode(),
        "manifest": event.manifest,
        "ledger": event.ledger,
        "instances": event.instances,
        "size": event.size,
        "first_versions": event.first_versions,
        "stored_size": event.stored_size,
        "time": record.time,
        "actor": record.actor,
    }
    cursor.insert(tombstone, row)
    cursor.do(_SET_LAST, {"at": record.position})
    for owner in event.owners:
        forget_details(cursor, owner, record.position)
    study_id = cursor.scalar(_STUDY_ID, {"study": scope.study})
    if study_id is not None:
        _take_out(cursor, study_id, scope)


def _take_out(cursor: Cursor, study_id: int, scope: Scope) -> None:
    versions = _versions(cursor, study_id, scope)
    ids = sorted(row[0] for row in versions)
    study_records, series_records = ({row[column] for row in versions} for column in (3, 4))
    twice = twice_in(cursor, study_id)
    patients = [row[0] for row in cursor.all(_PATIENTS, {"in_study": study_id})]
    records = {tables.study_record: sorted(study_records), tables.series_record: sorted(series_records)}
    terms = terms_of(cursor, records)
    cursor.do(_FORGET_USES, {"ids": cursor.several(ids)})
    cursor.do(_FORGET_VERSIONS, {"ids": cursor.several(ids)})
    moved = STUDY_RECORDS.settle(cursor, sorted(study_records), study_id)
    moved_series = SERIES_RECORDS.settle(cursor, sorted(series_records), study_id)
    _move_values(cursor, moved, (Level.PATIENT, Level.STUDY))
    _move_values(cursor, moved_series, (Level.SERIES,))
    for attribute_id, _ in cursor.all(_EXTRA, {}):
        cursor.do(_FORGET_VALUES, {"which": attribute_id, "ids": cursor.several(ids)})
    _forget_series(cursor, study_id, scope)
    if cursor.first(_SERIES_LEFT, {"in_study": study_id}) is None:
        _forget_study(cursor, study_id, scope)
    else:
        show_earliest(cursor, scope.study, scope.series)
        flag_patients_anew(cursor, study_id, ids)
    flag_twice_anew(cursor, twice, study_id)
    settle_patients(cursor, patients)
    forget_terms(cursor, terms)


def _forget_series(cursor: Cursor, study_id: int, scope: Scope) -> None:
    if scope.series is None:
        cursor.do(_FORGET_SERIES, {"in_study": study_id})
    else:
        cursor.do(_FORGET_ONE_SERIES, {"in_study": study_id, "series": scope.series})


def _forget_study(cursor: Cursor, study_id: int, scope: Scope) -> None:
    for statement in _FORGET_REJECTIONS:
        cursor.do(statement, {"study": scope.study})
    for statement in _FORGET_STUDY:
        cursor.do(statement, {"in_study": study_id})


def _move_values(cursor: Cursor, moved: Mapping[int, int], levels: tuple[Level, ...]) -> None:
    if not moved:
        return
    suffixes = tuple(f"@{level.value}".lower() for level in levels)
    for attribute_id, setting in cursor.all(_EXTRA, {}):
        if setting.lower().endswith(suffixes):
            for old, new in moved.items():
                if cursor.first(_HAS_VALUES, {"which": attribute_id, "new": new}) is None:
                    cursor.do(_MOVE_VALUES, {"which": attribute_id, "old": old, "new": new})
