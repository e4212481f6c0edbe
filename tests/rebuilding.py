"""Applying the journal of an index once more, to empty tables."""

from collections.abc import Mapping
from typing import Any

import cbor2
from sqlalchemy import Column, Row, select

from databases import connected
from vna.dicom.describe import Description
from vna.events import EventRecord, event_from_body
from vna.index import open_index, tables
from vna.index.database import writer_engine
from vna.index.projection import Projection
from vna.index.statements import Statements

FOLDED = [
    table
    for table in tables.metadata.sorted_tables
    if table.info["part"] in (tables.Part.PROJECTION, tables.Part.SETTING)
]
"""The tables that follow from the journal."""


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return what stands in each table that follows from the journal, in order; terms stand in it as what they say."""
    with connected(url) as connection:
        said = {row.id: (row.attribute, row.value) for row in connection.execute(select(tables.term))}
        found = {}
        for table in FOLDED:
            terms = {number for number, column in enumerate(table.columns) if _names_term(column)}
            rows = connection.execute(select(table).order_by(*table.primary_key.columns))
            told = [tuple(said.get(each) if at in terms else each for at, each in enumerate(row)) for row in rows]
            found[table.name] = sorted(told) if table in (tables.term, tables.term_form) else told
    return found


def _names_term(column: Column[Any]) -> bool:
    of_terms = (tables.term.c.id, tables.term_form.c.term_id)
    return column in of_terms or (column.table in _RECORDS and column.name.endswith("_term"))


_RECORDS = (tables.study_record, tables.series_record)


def rebuild(url: str, onto: str, descriptions: Mapping[int, Description]) -> None:
    """Apply the events of one index to the empty tables of another.

    Args:
        descriptions: by position, of the headers that the payloads of stored instances stand for.
    """
    open_index(onto).close()
    with connected(url) as connection:
        records = [_record(row) for row in connection.execute(select(tables.event).order_by(tables.event.c.position))]
    engine, projection = writer_engine(onto), Projection()
    statements = Statements(engine)
    with statements.transaction() as cursor:
        for record in records:
            projection.apply(cursor, record, descriptions.get(record.position))
    statements.close()
    engine.dispose()


def _record(row: Row[Any]) -> EventRecord:
    event = event_from_body(row.kind, row.schema_version, cbor2.loads(row.body))
    envelope = (row.position, row.origin, row.origin_sequence, row.time, row.actor)
    return EventRecord(*envelope, event, row.payload_digest)
