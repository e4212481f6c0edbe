"""Applying the journal of an index once more, to empty tables."""

from collections.abc import Mapping
from typing import Any

import cbor2
from sqlalchemy import Row, select

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
    """Return what stands in each table that follows from the journal, in order."""
    with connected(url) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in FOLDED
        }


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
