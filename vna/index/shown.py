"""Which record a study or series is shown with: that of its earliest live instance, or none."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Update, bindparam, func, select, update

from vna.index import tables
from vna.index.statements import Cursor
from vna.model import SeriesUID, StudyUID, VersionState

_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("in_study")).scalar_subquery()


def _earliest(record_id: ColumnElement[int], owner: ColumnElement[bool]) -> Select[Any]:
    return (
        select(record_id)
        .where(owner, tables.version.c.state == VersionState.SERVED.value)
        .order_by(tables.version.c.id)
        .limit(1)
    )


def _show(table: Table, earliest: Select[Any]) -> Update:
    return update(table).values(
        record_id=func.coalesce(earliest.correlate(table).scalar_subquery(), tables.NOTHING_SHOWN)
    )


_EARLIEST_OF_STUDY = _earliest(tables.version.c.study_record_id, tables.version.c.study_id == tables.study.c.id)
_EARLIEST_OF_SERIES = _earliest(tables.version.c.series_record_id, tables.version.c.series_id == tables.series.c.id)
_SHOW_STUDY = _show(tables.study, _EARLIEST_OF_STUDY).where(tables.study.c.study_uid == bindparam("in_study"))
_SHOW_EACH_SERIES = _show(tables.series, _EARLIEST_OF_SERIES).where(tables.series.c.study_id == _STUDY_ID)
_SHOW_SERIES = _SHOW_EACH_SERIES.where(tables.series.c.series_uid == bindparam("in_series"))


def show_earliest(cursor: Cursor, study: StudyUID, series: SeriesUID | None) -> None:
    """Let a study, and one of its series or each, show the attributes of their earliest live instance again."""
    cursor.do(_SHOW_STUDY, {"in_study": study})
    if series is None:
        cursor.do(_SHOW_EACH_SERIES, {"in_study": study})
    else:
        cursor.do(_SHOW_SERIES, {"in_study": study, "in_series": series})
