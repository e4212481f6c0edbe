"""Rows of one query level, read a page at a time and turned into attribute values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, FromClause, Select, bindparam, literal, select

from vna.dicom.attributes import BY_KEYWORD, Attribute, Level, Storage
from vna.dicom.describe import Value
from vna.dicom.query import Query
from vna.index import tables
from vna.index.computed import COMPUTED

_OWN_COLUMN = {
    "StudyInstanceUID": tables.study.c.study_uid,
    "SeriesInstanceUID": tables.series.c.series_uid,
    "SOPInstanceUID": tables.version.c.sop_instance_uid,
    "SOPClassUID": tables.version.c.sop_class_uid,
}
_NOTHING = literal("")
_ORDER = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE)


@dataclass(frozen=True, slots=True)
class Entity:
    """One patient, study, series or instance, by row number, and the study record it is shown with."""

    entity_id: int
    record_id: int


class LevelRows:
    """Reads what one query asks of its level and the levels above."""

    def __init__(self, query: Query) -> None:
        depth = _ORDER.index(query.level)
        asked = [BY_KEYWORD[k] for k in query.keys if k in BY_KEYWORD]
        self.level = query.level
        self._attributes = [a for a in asked if _ORDER.index(a.level) <= depth and a.storage is not Storage.COMPUTED]
        self._computed = [a.keyword for a in asked if a.storage is Storage.COMPUTED and a.keyword in COMPUTED]
        self._select = _page_query(query.level, tuple(self._attributes))

    def read(self, connection: Connection, page: Sequence[Entity]) -> list[tuple[Entity, dict[str, Value]]]:
        """Return the values of each entity of the page, in its order."""
        parameters: dict[str, Any] = {"records": sorted({e.record_id for e in page})}
        if self.level in (Level.SERIES, Level.IMAGE):
            parameters["entities"] = [e.entity_id for e in page]
        rows = {(row[0], row[1]): row for row in connection.execute(self._select, parameters)}
        found = [(entity, rows.get((entity.entity_id, entity.record_id))) for entity in page]
        result = [(entity, self._values(row)) for entity, row in found if row is not None]
        for keyword in self._computed:
            answers = COMPUTED[keyword](connection, [entity.entity_id for entity, _ in result])
            for entity, values in result:
                values[keyword] = answers.get(entity.entity_id, "")
        return result

    def _values(self, row: Any) -> dict[str, Value]:
        more = [orjson.loads(text) for text in row[2:5] if text]
        values: dict[str, Value] = {}
        for attribute, cell in zip(self._attributes, row[5:], strict=True):
            if attribute.storage in (Storage.RETURN, Storage.SEQUENCE):
                values[attribute.keyword] = next((m[attribute.keyword] for m in more if attribute.keyword in m), "")
            else:
                values[attribute.keyword] = cell or ""
        return values


@lru_cache(maxsize=256)
def _page_query(level: Level, attributes: tuple[Attribute, ...]) -> Select[Any]:
    """Select (entity, study record, three `more` texts, a cell for each attribute).

    Kept, because clients ask for the same keys again and again: building it takes as long as running it.
    """
    source, cells = _source(level), []
    for attribute in attributes:
        if attribute.storage is Storage.TERM:
            term = tables.term.alias()
            reference = _record(attribute.level).c[tables.term_column(attribute.keyword)]
            source = source.outerjoin(term, term.c.id == reference)
            cells.append(term.c.value)
        else:
            cells.append(_cell(attribute))
    return select(*_heads(level), *cells).select_from(source).where(*_wanted(level))


def _record(level: Level) -> Any:
    if level in (Level.PATIENT, Level.STUDY):
        return tables.study_record
    return tables.series_record if level is Level.SERIES else tables.version


def _cell(attribute: Attribute) -> Any:
    if attribute.keyword in _OWN_COLUMN:
        return _OWN_COLUMN[attribute.keyword]
    if attribute.storage is Storage.COLUMN:
        return _record(attribute.level).c[attribute.keyword]
    return _NOTHING


def _source(level: Level) -> FromClause:
    source: FromClause = tables.study_record.join(tables.study, tables.study.c.id == tables.study_record.c.study_id)
    if level in (Level.SERIES, Level.IMAGE):
        source = source.join(tables.series, tables.series.c.study_id == tables.study.c.id)
        source = source.join(tables.series_record, tables.series_record.c.id == tables.series.c.record_id)
    if level is Level.IMAGE:
        source = source.join(tables.version, tables.version.c.series_id == tables.series.c.id)
    return source


def _heads(level: Level) -> tuple[Any, ...]:
    entity = {
        Level.PATIENT: tables.study_record.c.patient_id,
        Level.STUDY: tables.study.c.id,
        Level.SERIES: tables.series.c.id,
        Level.IMAGE: tables.version.c.id,
    }[level]
    deep = level in (Level.SERIES, Level.IMAGE)
    series_more = tables.series_record.c.more if deep else _NOTHING
    version_more = tables.version.c.more if level is Level.IMAGE else _NOTHING
    return entity, tables.study_record.c.id, tables.study_record.c.more, series_more, version_more


def _wanted(level: Level) -> tuple[Any, ...]:
    conditions = [tables.study_record.c.id.in_(bindparam("records", expanding=True))]
    if level is Level.SERIES:
        conditions.append(tables.series.c.id.in_(bindparam("entities", expanding=True)))
    if level is Level.IMAGE:
        conditions.append(tables.version.c.id.in_(bindparam("entities", expanding=True)))
    return tuple(conditions)
