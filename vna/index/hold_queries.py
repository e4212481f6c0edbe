"""Holds by query: what one asks for, and whether something held matches.

Every record counts, not the shown one alone: what was rejected, superseded or kept aside is held as well, and a study
that is known under two patients by either. `vna.dicom.matching` decides, as for every query.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, null, select

from vna.dicom.attributes import BY_KEYWORD, Attribute, Level, Model, Storage
from vna.dicom.keys import parse_key
from vna.dicom.matching import Matcher, Universal
from vna.dicom.query import Query
from vna.index import tables
from vna.index.narrowing import Shape, compared, condition, narrowings
from vna.index.rows import selected, values_of
from vna.index.statements import Cursor

_MODALITIES = "ModalitiesInStudy"
_LEVELS = (Level.PATIENT, Level.STUDY, Level.SERIES)
_STUDIES = tables.study_record.join(tables.study, tables.study.c.id == tables.study_record.c.study_id)
_SERIES = tables.series.join(tables.series_record, tables.series_record.c.series_id == tables.series.c.id)
_EVERY_RECORD: Mapping[Level, FromClause] = {
    Level.STUDY: _STUDIES,
    Level.SERIES: _SERIES.join(_STUDIES, tables.study.c.id == tables.series.c.study_id),
}
_MODALITIES_OF = (
    select(tables.series_record.c.Modality)
    .select_from(_SERIES.join(tables.study, tables.study.c.id == tables.series.c.study_id))
    .where(tables.study.c.study_uid == bindparam("study"))
    .distinct()
)

Found = tuple[str, str | None]
"""A study by its UID, and the series of it that is meant; None for all of it."""


@lru_cache(maxsize=256)
def parse_hold_query(keys: tuple[tuple[str, str], ...]) -> Query:
    """Return what a hold by query asks for: matching keys by keyword, values as in an identifier (PS3.4 C.2.2.2).

    Keys may be attributes of patient, study and series that the index keeps, and ModalitiesInStudy.

    Raises:
        ValueError: one is none of these, given twice, or asks for nothing.
    """
    found: dict[str, Matcher] = {}
    for keyword, value in keys:
        attribute = BY_KEYWORD.get(keyword)
        if attribute is None or not _is_kept(attribute):
            raise ValueError(f"{keyword}: not an attribute of patient, study or series that a hold may ask for")
        if keyword in found:
            raise ValueError(f"{keyword} is given twice")
        try:
            found[keyword] = parse_key(value, attribute.vr)
        except ValueError as exc:
            raise ValueError(f"{keyword}: {exc}") from exc
        if isinstance(found[keyword], Universal):
            raise ValueError(f"{keyword}: asks for nothing")
    if not found:
        raise ValueError("a hold by query needs a key at least")
    in_series = any(BY_KEYWORD[keyword].level is Level.SERIES for keyword in found)
    level = Level.SERIES if in_series else Level.STUDY
    return Query(level=level, model=Model.STUDY_ROOT, keys=MappingProxyType(found), relational=True)


def _is_kept(attribute: Attribute) -> bool:
    if attribute.keyword == _MODALITIES:
        return True
    return attribute.level in _LEVELS and attribute.storage not in (Storage.COMPUTED, Storage.SEQUENCE)


def matches_study(cursor: Cursor, query: Query, study: str, series: str | None) -> bool:
    """Return whether a query asks for a study or something in it, or for one of its series where that is named."""
    statement = _every_record(query.level, _attributes(query), (), True)
    rows = [row for row in cursor.all(statement, {"study": study}) if series is None or row[-1] in (None, series)]
    return any(_accepts(cursor, query, row) for row in rows)


def matching(cursor: Cursor, query: Query) -> set[Found]:
    """Return all that a query asks for: series where it has keys of these, else studies."""
    narrowed = narrowings(query.keys, lambda _attribute, _matcher: None)
    values = {name: value for each in narrowed for name, value in each.values.items()}
    parameters = {name: cursor.several(value) if isinstance(value, tuple) else value for name, value in values.items()}
    statement = _every_record(query.level, _attributes(query), tuple(each.shape for each in narrowed), False)
    return {(row[-2], row[-1]) for row in cursor.all(statement, parameters) if _accepts(cursor, query, row)}


def _attributes(query: Query) -> tuple[Attribute, ...]:
    return tuple(BY_KEYWORD[keyword] for keyword in query.keys if keyword != _MODALITIES)


def _accepts(cursor: Cursor, query: Query, row: Sequence[Any]) -> bool:
    values = values_of(_attributes(query), row[:-2])
    if _MODALITIES in query.keys:
        modalities = cursor.all(_MODALITIES_OF, {"study": row[-2]})
        values[_MODALITIES] = "\\".join(sorted(modality for (modality,) in modalities if modality))
    return query.accepts(values)


@lru_cache(maxsize=256)
def _every_record(
    level: Level, attributes: tuple[Attribute, ...], shapes: tuple[Shape, ...], of_one_study: bool
) -> Select[Any]:
    """Select as `rows.selected` does, with UIDs of study and series behind it, whatever state anything is in."""
    series_uid: ColumnElement[Any] = tables.series.c.series_uid if level is Level.SERIES else null()
    query = selected(level, attributes, _EVERY_RECORD[level]).add_columns(tables.study.c.study_uid, series_uid)
    query = query.where(*map(_condition, shapes))
    return query.where(tables.study.c.study_uid == bindparam("study")) if of_one_study else query


def _condition(shape: Shape) -> ColumnElement[bool]:
    """Return a condition that does without what is shown."""
    keyword, how = shape
    if keyword != _MODALITIES:
        return condition(shape, alone=False)
    series, record = tables.series.alias(), tables.series_record.alias()
    holding = select(series.c.study_id).join_from(series, record, record.c.series_id == series.c.id)
    return tables.study.c.id.in_(holding.where(compared(record.c.Modality, keyword, how)))
