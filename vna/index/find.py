"""Finding patients, studies, series and instances that match a query (PS3.4 C.4.1).

Two steps, a page at a time, so that no cursor is open while an answer is sent: which rows SQL lets through
(`vna.index.candidates`), then what they say, each checked by `vna.dicom.matching`, which alone decides.

A study is shown with the record of its earliest live instance. When a Patient ID is asked for, its
other live records count too, so that a study known under two patients is found by either ID.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, Select

from vna.dicom.attributes import Level
from vna.dicom.describe import Value
from vna.dicom.query import Query
from vna.index import tables
from vna.index.availability import Soon
from vna.index.candidates import Candidates, candidates_of, counts_any_record, parameters_of
from vna.index.dictionary import Dictionary
from vna.index.extra import ReadHeaders
from vna.index.held import HeldInstance
from vna.index.narrowing import Shape, narrowings
from vna.index.paging import Page, Pager
from vna.index.reading import HELD_COLUMNS, held_instance
from vna.index.rows import LevelRows
from vna.index.snapshots import Snapshots
from vna.model import View


class Finder:
    """Answers queries from one database; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._snapshots, self._dictionary = Snapshots(engine), Dictionary()
        self.read_headers: ReadHeaders = lambda _versions, _attributes: {}
        self.soon: Soon | None = None
        """Tells how soon studies can be retrieved; None where all of them can be at once."""

    def close(self) -> None:
        """Close the connections that are kept."""
        self._snapshots.close()

    def find(self, query: Query) -> Iterator[dict[str, Value]]:
        """Go through the matches, each with the value of every known attribute that was asked for.

        They come in the order they came to be known.

        Raises:
            sqlalchemy.exc.DBAPIError: the database cannot be read.
        """
        rows = LevelRows(query.with_beside(), self.read_headers, self.soon)
        candidates, not_asked = Candidates(query, self._dictionary), query.beside()
        matching, given = query.matching(), set[int]()
        while not candidates.done:
            with self._snapshots.reading() as cursor:
                page = candidates.page(cursor)
                found = rows.read(cursor, page) if page else []
            for entity, values in found:
                if matching.accepts(values) and entity.entity_id not in given:
                    given.add(entity.entity_id)
                    for keyword in not_asked:
                        values.pop(keyword, None)
                    yield values

    def page(self, query: Query, *, offset: int, limit: int) -> Page:
        """Return the matches behind the first `offset` ones, and how many come behind them.

        Raises:
            sqlalchemy.exc.DBAPIError: the database cannot be read.
        """
        pager = Pager(self._snapshots, self._dictionary, query, self.read_headers, self.soon)
        return pager.page(offset=offset, limit=limit)

    def instances(self, query: Query) -> list[HeldInstance]:
        """Return the served instances below what the unique keys name, by series and instance number.

        Unique keys are compared by SQL alone: single values and lists of UIDs need no more.
        """
        at_image_level = replace(query, level=Level.IMAGE)
        narrowed = narrowings(query.keys, lambda _attribute, _matcher: None)
        values = {name: value for each in narrowed for name, value in each.values.items()}
        shapes, any_record = tuple(each.shape for each in narrowed), counts_any_record(at_image_level)
        wanted = _held(shapes, any_record=any_record, view=query.view)
        with self._snapshots.reading() as cursor:
            found = {row[0]: row for row in cursor.all(wanted, parameters_of(cursor, values))}
        return [held_instance(row[3:-1]) for row in sorted(found.values(), key=_retrieve_order)]


@lru_cache
def _held(shapes: tuple[Shape, ...], *, any_record: bool, view: View) -> Select[Any]:
    columns = (*HELD_COLUMNS, tables.version.c.InstanceNumber)
    return candidates_of(Level.IMAGE, shapes, any_record=any_record, view=view).add_columns(*columns)


def _retrieve_order(row: Any) -> tuple[str, str, float, int]:
    """Order instances by study, series and Instance Number (IS, PS3.5 6.2), which may be no number."""
    _, _, _, version_id, study, series, *_, number = row
    try:
        place = float(number)
    except ValueError:
        place = math.inf
    return study, series, place, version_id
