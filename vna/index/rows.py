"""Rows of one query level, read a page at a time and turned into attribute values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, FromClause, Select, Table, null, select

from vna.dicom.attributes import BY_KEYWORD, Attribute, Level, Storage
from vna.dicom.describe import Value
from vna.dicom.query import Query
from vna.index import tables
from vna.index.availability import Soon, add_availability
from vna.index.computed import COMPUTED
from vna.index.extra import ExtraRows, ReadHeaders
from vna.index.statements import Cursor, one_of
from vna.index.views import record_column
from vna.model import View

_OWN_COLUMN = {
    "StudyInstanceUID": tables.study.c.study_uid,
    "SeriesInstanceUID": tables.series.c.series_uid,
    "SOPInstanceUID": tables.version.c.sop_instance_uid,
    "SOPClassUID": tables.version.c.sop_class_uid,
}
_ORDER = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE)
_IN_MORE = (Storage.RETURN, Storage.SEQUENCE)
_STUDIES = tables.study_record.join(tables.study, tables.study.c.id == tables.study_record.c.study_id)


def _sources(view: View) -> dict[Level, FromClause]:
    described = tables.series_record.c.id == record_column(tables.series, view)
    series = tables.series.join(tables.series_record, described)
    return {
        Level.PATIENT: _STUDIES,
        Level.STUDY: _STUDIES,
        Level.SERIES: series.join(_STUDIES, tables.study.c.id == tables.series.c.study_id),
        Level.IMAGE: tables.version.join(series, tables.series.c.id == tables.version.c.series_id).join(
            _STUDIES, tables.study.c.id == tables.series.c.study_id
        ),
    }


SOURCES = {view: _sources(view) for view in View}
"""The tables of a level and those above, by view."""
_ABOVE: dict[Level, Select[Any]] = {
    Level.PATIENT: select(tables.study_record.c.id, tables.study_record.c.patient_id).where(
        one_of(tables.study_record.c.id, "ids")
    ),
    Level.STUDY: select(tables.study_record.c.id, tables.study_record.c.study_id).where(
        one_of(tables.study_record.c.id, "ids")
    ),
    Level.SERIES: select(tables.version.c.id, tables.version.c.series_id).where(one_of(tables.version.c.id, "ids")),
}
"""Which patient or study a study record is of, and which series an instance."""
ENTITY_ID: dict[Level, ColumnElement[int]] = {
    Level.PATIENT: tables.study_record.c.patient_id,
    Level.STUDY: tables.study.c.id,
    Level.SERIES: tables.series.c.id,
    Level.IMAGE: tables.version.c.id,
}


@dataclass(frozen=True, slots=True)
class Entity:
    """One patient, study, series or instance, by row number, and the study record it is shown with."""

    entity_id: int
    record_id: int


class LevelRows:
    """Reads what one query asks of its level and the levels above."""

    def __init__(self, query: Query, read_headers: ReadHeaders, soon: Soon | None = None) -> None:
        """Read for a query; with `soon`, how soon each can be retrieved too."""
        self._soon = soon
        depth = _ORDER.index(query.level)
        asked = [BY_KEYWORD[k] for k in query.keys if k in BY_KEYWORD]
        self.level = query.level
        self._attributes = [a for a in asked if _ORDER.index(a.level) <= depth and a.storage is not Storage.COMPUTED]
        self._computed = [a for a in asked if a.storage is Storage.COMPUTED and a.keyword in COMPUTED[query.view]]
        self._computed_by = COMPUTED[query.view]
        self._select = page_query(query.level, tuple(self._attributes), query.view)
        self._extra = ExtraRows(query, read_headers)

    def read(self, cursor: Cursor, page: Sequence[Entity]) -> list[tuple[Entity, dict[str, Value]]]:
        """Return the values of each entity of the page, in its order."""
        parameters: dict[str, Any] = {"records": cursor.several(sorted({e.record_id for e in page}))}
        if self.level in (Level.SERIES, Level.IMAGE):
            parameters["entities"] = cursor.several([e.entity_id for e in page])
        rows = {(row[0], row[1]): row for row in cursor.all(self._select, parameters)}
        found = [(entity, rows.get((entity.entity_id, entity.record_id))) for entity in page]
        result = [(entity, values_of(self._attributes, row)) for entity, row in found if row is not None]
        if self._computed:
            self._compute(cursor, result)
        if self._soon is not None:
            told = ((entity.entity_id, values) for entity, values in result)
            add_availability(cursor, self.level, told, self._soon)
        self._extra.add(cursor, [(entity.entity_id, entity.record_id, values) for entity, values in result])
        return result

    def _compute(self, cursor: Cursor, rows: Sequence[tuple[Entity, dict[str, Value]]]) -> None:
        """Put in what is counted or collected, of the entity itself or of what it belongs to."""
        entities = [entity for entity, _ in rows]
        owners = {level: self._owners(cursor, level, entities) for level in {a.level for a in self._computed}}
        for attribute in self._computed:
            ids = owners[attribute.level]
            answers = self._computed_by[attribute.keyword](cursor, list(set(ids)))
            for owner, (_, values) in zip(ids, rows, strict=True):
                values[attribute.keyword] = answers.get(owner, "")

    def _owners(self, cursor: Cursor, level: Level, entities: Sequence[Entity]) -> list[int]:
        """Return which patient, study or series each entity belongs to, by row number; itself at its own level."""
        if level is self.level:
            return [entity.entity_id for entity in entities]
        ids = [entity.entity_id if level is Level.SERIES else entity.record_id for entity in entities]
        above = {row[0]: row[1] for row in cursor.all(_ABOVE[level], {"ids": cursor.several(ids)})}
        return [above[each] for each in ids]


def values_of(attributes: Sequence[Attribute], row: Sequence[Any]) -> dict[str, Value]:
    """Return the values of a row of `selected`, without what each row begins with."""
    cells = row[2 : 2 + len(attributes)]
    values: dict[str, Value] = {a.keyword: cell or "" for a, cell in zip(attributes, cells, strict=True)}
    if len(row) > 2 + len(attributes):
        more = [orjson.loads(text) for text in row[2 + len(attributes) :]]
        for attribute in attributes:
            if attribute.storage in _IN_MORE:
                keyword = attribute.keyword
                values[keyword] = next((texts[keyword] for texts in more if keyword in texts), "")
    return values


def selected(
    level: Level, attributes: Sequence[Attribute], source: FromClause | None = None, view: View = View.ORDINARY
) -> Select[Any]:
    """Select (entity, study record, a cell for each attribute) of a level, then the `more` texts these need.

    Args:
        source: the tables to take them from, where it is not what queries see.
    """
    source = SOURCES[view][level] if source is None else source
    cells: list[ColumnElement[Any]] = []
    for attribute in attributes:
        if attribute.storage is Storage.TERM:
            term = tables.term.alias()
            reference = _record(attribute.level).c[tables.term_column(attribute.keyword)]
            source = source.outerjoin(term, term.c.id == reference)
            cells.append(term.c.value)
        elif attribute.storage in _IN_MORE:
            cells.append(null())
        elif attribute.keyword in _OWN_COLUMN:
            cells.append(_OWN_COLUMN[attribute.keyword])
        else:
            cells.append(_record(attribute.level).c[attribute.keyword])
    more = {_record(a.level).name: _record(a.level).c.more for a in attributes if a.storage in _IN_MORE}
    return select(ENTITY_ID[level], tables.study_record.c.id, *cells, *more.values()).select_from(source)


@lru_cache(maxsize=256)
def page_query(level: Level, attributes: tuple[Attribute, ...], view: View = View.ORDINARY) -> Select[Any]:
    """Select the rows of some entities.

    Kept, because clients ask for the same keys again and again: building it takes longer than running it.
    """
    query = selected(level, attributes, view=view).where(one_of(tables.study_record.c.id, "records"))
    if level in (Level.SERIES, Level.IMAGE):
        query = query.where(one_of(ENTITY_ID[level], "entities"))
    return query


def _record(level: Level) -> Table:
    if level in (Level.PATIENT, Level.STUDY):
        return tables.study_record
    return tables.series_record if level is Level.SERIES else tables.version
