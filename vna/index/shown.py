"""Which record a study or series is shown with, in each view: that of its earliest live instance, or none."""

from collections.abc import Callable

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Table,
    Update,
    bindparam,
    func,
    or_,
    select,
    update,
)

from vna.index import tables
from vna.index.statements import Cursor
from vna.index.views import seen_as
from vna.model import SeriesUID, StudyUID, View

_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("in_study")).scalar_subquery()


def _earliest(table: Table, record_id: Column[int], owner_id: Column[int], view: View) -> ColumnElement[int]:
    """Return the record of the earliest version seen; where several states are seen, that of each is looked up."""
    version = tables.version
    firsts = [_first(table, owner_id.name, condition) for condition in seen_as(view)]
    found = select(record_id).where(or_(*(version.c.id == first for first in firsts))).order_by(version.c.id).limit(1)
    return func.coalesce(found.correlate(table).scalar_subquery(), tables.NOTHING_SHOWN)


def _first(table: Table, owner_id: str, condition: Callable[[FromClause], ColumnElement[bool]]) -> ScalarSelect[int]:
    version = tables.version.alias()
    found = select(version.c.id).where(version.c[owner_id] == table.c.id, condition(version))
    return found.order_by(version.c.id).limit(1).correlate(table).scalar_subquery()


def _show(table: Table, record_id: Column[int], owner_id: Column[int]) -> Update:
    return update(table).values(
        record_id=_earliest(table, record_id, owner_id, View.ORDINARY),
        quality_record_id=_earliest(table, record_id, owner_id, View.QUALITY),
    )


_OF_STUDY = tables.version.c.study_record_id, tables.version.c.study_id
_OF_SERIES = tables.version.c.series_record_id, tables.version.c.series_id
_SHOW_STUDY = _show(tables.study, *_OF_STUDY).where(tables.study.c.study_uid == bindparam("in_study"))
_SHOW_EACH_SERIES = _show(tables.series, *_OF_SERIES).where(tables.series.c.study_id == _STUDY_ID)
_SHOW_SERIES = _SHOW_EACH_SERIES.where(tables.series.c.series_uid == bindparam("in_series"))


def show_earliest(cursor: Cursor, study: StudyUID, series: SeriesUID | None) -> None:
    """Let a study, and one of its series or each, show the attributes of their earliest live instance again."""
    cursor.do(_SHOW_STUDY, {"in_study": study})
    if series is None:
        cursor.do(_SHOW_EACH_SERIES, {"in_study": study})
    else:
        cursor.do(_SHOW_SERIES, {"in_study": study, "in_series": series})
