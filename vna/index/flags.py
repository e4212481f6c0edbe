"""Flags: what somebody should look at, because two things say that they are one, or one says that it is two.

Those of UIDs that are in two studies follow from what is held: when one of the studies goes, they are as if it had
never been.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, or_, select

from vna.index import tables
from vna.index.statements import Cursor, one_of

SERIES_TWICE: Final = "series-in-two-studies"
INSTANCE_TWICE: Final = "instance-in-two-studies"
TWO_PATIENTS: Final = "study-of-two-patients"
CONFLICT: Final = "instance-conflict"
ELIMINATED_AGAIN: Final = "eliminated-before"

_FLAG, _SERIES, _VERSION = tables.flag.c, tables.series.c, tables.version.c
_RECORD = tables.study_record.c
_SERIES_STUDIES = select(_SERIES.study_id).where(_SERIES.series_uid == bindparam("uid"))
_INSTANCE_STUDIES = select(_VERSION.study_id).where(
    _VERSION.sop_instance_uid == bindparam("uid"), _VERSION.study_id != bindparam("study_id")
)
_SERIES_SEEN = select(_SERIES.id, _SERIES.study_id).where(_SERIES.series_uid == bindparam("uid")).order_by(_SERIES.id)
_INSTANCE_SEEN = (
    select(_VERSION.id, _VERSION.study_id)
    .where(_VERSION.sop_instance_uid == bindparam("uid"), _VERSION.number == 1)
    .order_by(_VERSION.id)
)
_SEEN: Final = {SERIES_TWICE: _SERIES_SEEN, INSTANCE_TWICE: _INSTANCE_SEEN}
_TWICE = select(_FLAG.kind, _FLAG.detail).where(
    _FLAG.study_id == bindparam("study_id"), or_(_FLAG.kind == SERIES_TWICE, _FLAG.kind == INSTANCE_TWICE)
)
_FORGET = delete(tables.flag).where(
    _FLAG.kind == bindparam("which"), _FLAG.detail == bindparam("uid"), one_of(_FLAG.study_id, "studies")
)
_FORGET_KIND = delete(tables.flag).where(_FLAG.study_id == bindparam("in_study"), _FLAG.kind == bindparam("which"))
_FORGET_EVENTS = delete(tables.flag).where(_FLAG.study_id == bindparam("in_study"), one_of(_FLAG.position, "events"))
_PATIENTS = select(_RECORD.id, _RECORD.patient_id).where(_RECORD.study_id == bindparam("study_id")).order_by(_RECORD.id)


def flag_study(cursor: Cursor, position: int, kind: str, study_id: int, detail: str) -> None:
    """Flag a study."""
    cursor.insert(tables.flag, {"position": position, "kind": kind, "study_id": study_id, "detail": detail})


def flag_series_elsewhere(cursor: Cursor, position: int, uid: str, study_id: int) -> None:
    """Flag all studies that have a series, where one gets it that another one has."""
    others = [row[0] for row in cursor.all(_SERIES_STUDIES, {"uid": uid})]
    for study in {study_id, *others} if others else ():
        flag_study(cursor, position, SERIES_TWICE, study, uid)


def flag_instance_elsewhere(cursor: Cursor, position: int, uid: str, study_id: int) -> None:
    """Flag all studies that have an instance, where one gets it that another one has."""
    others = [row[0] for row in cursor.all(_INSTANCE_STUDIES, {"uid": uid, "study_id": study_id})]
    for study in {study_id, *others} if others else ():
        flag_study(cursor, position, INSTANCE_TWICE, study, uid)


def twice_in(cursor: Cursor, study_id: int) -> list[tuple[str, str]]:
    """Return the kinds and UIDs of the flags of a study that say that another one has the same."""
    return sorted({(kind, uid) for kind, uid in cursor.all(_TWICE, {"study_id": study_id})})


def flag_twice_anew(cursor: Cursor, twice: Iterable[tuple[str, str]], left: int) -> None:
    """Flag what these UIDs are in, without the study `left`, as if that one had never had them."""
    for kind, uid in twice:
        seen: Sequence[tuple[Any, ...]] = cursor.all(_SEEN[kind], {"uid": uid})
        studies = sorted({left, *(study for _, study in seen)})
        cursor.do(_FORGET, {"which": kind, "uid": uid, "studies": cursor.several(studies)})
        before: list[int] = []
        for position, study in seen:
            if set(before) - {study}:
                for each in sorted({*before, study}):
                    flag_study(cursor, position, kind, each, uid)
            before.append(study)


def flag_patients_anew(cursor: Cursor, study_id: int, gone: Sequence[int]) -> None:
    """Flag a study of which a part went, as if that had never been; `gone` are the positions that brought it."""
    cursor.do(_FORGET_EVENTS, {"in_study": study_id, "events": cursor.several(gone)})
    cursor.do(_FORGET_KIND, {"in_study": study_id, "which": TWO_PATIENTS})
    records = cursor.all(_PATIENTS, {"study_id": study_id})
    for position, patient in records[1:]:
        if patient != records[0][1]:
            flag_study(cursor, position, TWO_PATIENTS, study_id, _study_uid(cursor, study_id))


def _study_uid(cursor: Cursor, study_id: int) -> str:
    return str(cursor.scalar(_STUDY_UID, {"which": study_id}))


_STUDY_UID = select(tables.study.c.study_uid).where(tables.study.c.id == bindparam("which"))
