"""Finding patients, studies, series and instances that match a query (PS3.4 C.4.1).

Two steps, so that no cursor is open while an answer is sent: first the row numbers of all candidates
that SQL lets through (in windows by key when nothing narrows the query), then their rows, a page at
a time, each checked by `vna.dicom.matching`, which alone decides.

A study is shown with the record of its earliest live instance. When a Patient ID is asked for, its
other live records count too, so that a study known under two patients is found by either ID.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Engine, FromClause, Select, and_, exists, or_, select

from vna.dicom.attributes import Level
from vna.dicom.describe import Value
from vna.dicom.matching import Universal
from vna.dicom.query import Query
from vna.index import tables
from vna.index.held import HeldInstance
from vna.index.narrowing import conditions
from vna.index.reading import HELD_COLUMNS, held_instance
from vna.index.rows import Entity, LevelRows
from vna.model import VersionState

_PAGE = 200
_WINDOW = 20_000

_STUDIES = tables.study_record.join(tables.study, tables.study.c.id == tables.study_record.c.study_id)
_SERIES = tables.series.join(tables.series_record, tables.series_record.c.id == tables.series.c.record_id)
_FROM: Mapping[Level, FromClause] = {
    Level.PATIENT: _STUDIES,
    Level.STUDY: _STUDIES,
    Level.SERIES: _SERIES.join(_STUDIES, tables.study.c.id == tables.series.c.study_id),
    Level.IMAGE: tables.version.join(_SERIES, tables.series.c.id == tables.version.c.series_id).join(
        _STUDIES, tables.study.c.id == tables.series.c.study_id
    ),
}
_ENTITY_ID: Mapping[Level, ColumnElement[int]] = {
    Level.PATIENT: tables.study_record.c.patient_id,
    Level.STUDY: tables.study.c.id,
    Level.SERIES: tables.series.c.id,
    Level.IMAGE: tables.version.c.id,
}

Found = tuple[Entity, dict[str, Value]]


class Finder:
    """Answers queries from one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, query: Query) -> Iterator[dict[str, Value]]:
        """Go through the matches, each with the value of every known attribute that was asked for.

        Raises:
            sqlalchemy.exc.DBAPIError: the database cannot be read.
        """
        for _, values in self.matching(query):
            yield values

    def matching(self, query: Query) -> Iterator[Found]:
        """Go through the matches with the rows they stand for, in the order they came to be known."""
        rows = LevelRows(query)
        narrowed = conditions(query.keys)
        base = _candidate_query(query).where(*narrowed)
        found = self._read_at_once(base, rows) if narrowed else self._read_by_windows(base, rows)
        for entity, values in found:
            if query.accepts(values):
                yield entity, values

    def instances(self, query: Query) -> list[HeldInstance]:
        """Return the served instances below what the unique keys name, by series and instance number.

        Unique keys are compared by SQL alone: single values and lists of UIDs need no more.
        """
        at_image_level = replace(query, level=Level.IMAGE)
        wanted = _candidate_query(at_image_level).add_columns(*HELD_COLUMNS, tables.version.c.InstanceNumber)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.where(*conditions(query.keys))).all()
        found = {row[0]: row for row in rows}
        return [held_instance(row[3:-1]) for row in sorted(found.values(), key=_retrieve_order)]

    def _read_at_once(self, base: Select[Any], rows: LevelRows) -> Iterator[Found]:
        """Read all candidates, and on the same connection the first page, which for most queries is all."""
        with self._engine.connect() as connection:
            candidates = _one_each(connection.execute(base).all())
            first = rows.read(connection, candidates[:_PAGE]) if candidates else []
        yield from first
        yield from self._read_pages(iter(candidates[_PAGE:]), rows)

    def _read_by_windows(self, base: Select[Any], rows: LevelRows) -> Iterator[Found]:
        return self._read_pages(self._by_windows(base, _ENTITY_ID[rows.level]), rows)

    def _read_pages(self, candidates: Iterator[Entity], rows: LevelRows) -> Iterator[Found]:
        for page in _pages(candidates, _PAGE):
            with self._engine.connect() as connection:
                found = rows.read(connection, page)
            yield from found

    def _by_windows(self, base: Select[Any], entity_id: ColumnElement[int]) -> Iterator[Entity]:
        after = 0
        while True:
            window = base.where(entity_id > after).order_by(entity_id).limit(_WINDOW)
            with self._engine.connect() as connection:
                found = connection.execute(window).all()
            for entity in _one_each(found):
                if entity.entity_id > after:
                    after = entity.entity_id
                    yield entity
            if len(found) < _WINDOW:
                return


def _candidate_query(query: Query) -> Select[Any]:
    any_record = not isinstance(query.keys.get("PatientID", Universal()), Universal)
    return _candidates_of(query.level, any_record=any_record)


@lru_cache
def _candidates_of(level: Level, *, any_record: bool) -> Select[Any]:
    """Select (entity, study record, whether the record is the shown one) of a level.

    Args:
        any_record: every record that a live version says counts, not the shown one alone.
    """
    record, study = tables.study_record, tables.study
    shown = study.c.record_id == record.c.id
    base = select(_ENTITY_ID[level], record.c.id, shown).select_from(_FROM[level])
    if level is Level.IMAGE:
        base = base.where(tables.version.c.state == VersionState.SERVED.value)
    if not any_record:
        return base.where(shown)
    version = tables.version.alias()  # at IMAGE level the table itself is part of the query
    live = version.c.state.in_([VersionState.SERVED.value, VersionState.ASIDE.value])
    says_so = and_(version.c.study_id == record.c.study_id, version.c.study_record_id == record.c.id, live)
    used = exists().where(says_so).correlate(record)
    return base.where(or_(shown, used))


def _retrieve_order(row: Any) -> tuple[str, str, float, int]:
    """Order instances by study, series and Instance Number (IS, PS3.5 6.2), which may be no number."""
    _, _, _, version_id, study, series, *_, number = row
    try:
        place = float(number)
    except ValueError:
        place = math.inf
    return study, series, place, version_id


def _one_each(found: Sequence[tuple[int, int, bool]]) -> list[Entity]:
    """Keep one row of each entity, that with the shown record if there is one, by entity number."""
    best: dict[int, tuple[bool, int]] = {}
    for entity_id, record_id, shown in found:
        rank = (not shown, record_id)
        if entity_id not in best or rank < best[entity_id]:
            best[entity_id] = rank
    return [Entity(entity_id, best[entity_id][1]) for entity_id in sorted(best)]


def _pages(entities: Iterator[Entity], size: int) -> Iterator[list[Entity]]:
    page: list[Entity] = []
    for entity in entities:
        page.append(entity)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page
