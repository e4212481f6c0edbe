"""Attributes that are counted or collected when asked for: what a study holds, how many, which kinds.

Each function takes the row numbers of one page of entities and returns a value for each.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, func, or_, select

from vna.index import tables
from vna.index.statements import Cursor, one_of
from vna.index.views import record_column, said, seen
from vna.model import View

Compute = Callable[[Cursor, Sequence[int]], dict[int, str]]
"""Gives the value of each of some entities, by row number."""


def _of(column: Any) -> Any:
    return one_of(column, "ids")


def _counted(query: Select[Any]) -> Compute:
    def count(cursor: Cursor, ids: Sequence[int]) -> dict[int, str]:
        rows = cursor.all(query, {"ids": cursor.several(ids)})
        return {owner: str(number) for owner, number in rows}

    return count


def _collected(query: Select[Any]) -> Compute:
    def collect(cursor: Cursor, ids: Sequence[int]) -> dict[int, str]:
        found: dict[int, set[str]] = {}
        for owner, value in cursor.all(query, {"ids": cursor.several(ids)}):
            if value:
                found.setdefault(owner, set()).add(value)
        return {owner: "\\".join(sorted(values)) for owner, values in found.items()}

    return collect


def _study_instances(view: View) -> Select[Any]:
    owner = tables.version.c.study_id
    return select(owner, func.count()).where(_of(owner), seen(tables.version, view)).group_by(owner)


def _series_instances(view: View) -> Select[Any]:
    owner = tables.version.c.series_id
    return select(owner, func.count()).where(_of(owner), seen(tables.version, view)).group_by(owner)


def _study_series(view: View) -> Select[Any]:
    owner = tables.series.c.study_id
    return select(owner, func.count()).where(_of(owner), _series_shown(view)).group_by(owner)


def _patient(view: View, count: Any, *, join_series: bool = False, join_versions: bool = False) -> Select[Any]:
    """Count over the studies that a Patient ID finds: shown under it, or said by a version to be the patient's."""
    record = tables.study_record
    owner = record.c.patient_id
    shown = record_column(tables.study, view) == record.c.id
    theirs = and_(  # by the study's own number, for its record has no index
        tables.study.c.id == record.c.study_id, or_(shown, said(record, tables.version.alias(), view))
    )
    source = record.join(tables.study, theirs)
    if join_series:
        source = source.join(tables.series, tables.series.c.study_id == tables.study.c.id)
    query = select(owner, func.count(distinct(count))).where(_of(owner)).group_by(owner)
    if join_series:
        query = query.where(_series_shown(view))
    if join_versions:
        source = source.join(tables.version, tables.version.c.study_id == tables.study.c.id)
        query = query.where(seen(tables.version, view))
    return query.select_from(source)


def _modalities(view: View) -> Select[Any]:
    source = tables.series.join(tables.series_record, tables.series_record.c.id == record_column(tables.series, view))
    return (
        select(tables.series.c.study_id, tables.series_record.c.Modality)
        .select_from(source)
        .where(_of(tables.series.c.study_id))
        .distinct()
    )


def _sop_classes(view: View) -> Select[Any]:
    owner = tables.version.c.study_id
    return select(owner, tables.version.c.sop_class_uid).where(_of(owner), seen(tables.version, view)).distinct()


def _transfer_syntaxes() -> Select[Any]:
    return select(tables.version.c.id, tables.version.c.transfer_syntax).where(_of(tables.version.c.id))


def _series_shown(view: View) -> ColumnElement[bool]:
    return record_column(tables.series, view) != tables.NOTHING_SHOWN


def _computed(view: View) -> Mapping[str, Compute]:
    return {
        "NumberOfPatientRelatedStudies": _counted(_patient(view, tables.study.c.id)),
        "NumberOfPatientRelatedSeries": _counted(_patient(view, tables.series.c.id, join_series=True)),
        "NumberOfPatientRelatedInstances": _counted(_patient(view, tables.version.c.id, join_versions=True)),
        "ModalitiesInStudy": _collected(_modalities(view)),
        "SOPClassesInStudy": _collected(_sop_classes(view)),
        "NumberOfStudyRelatedSeries": _counted(_study_series(view)),
        "NumberOfStudyRelatedInstances": _counted(_study_instances(view)),
        "NumberOfSeriesRelatedInstances": _counted(_series_instances(view)),
        "AvailableTransferSyntaxUID": _collected(_transfer_syntaxes()),
    }


COMPUTED: Mapping[View, Mapping[str, Compute]] = {view: _computed(view) for view in View}
