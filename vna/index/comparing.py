"""Comparing two indexes of one archive, at one position: whether each table that follows from the journal is the same.

Terms are numbered as they came, which another order of the same instances changes: a number is compared by what it
stands for.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, Table, Text, select

from vna.index import tables
from vna.index.database import reader_engine

_PAGE: Final = 1000
_FOLDED: Final = [
    table
    for table in tables.metadata.sorted_tables
    if table.info["part"] in (tables.Part.PROJECTION, tables.Part.SETTING)
]
_BY_CONTENT: Final = (tables.term, tables.term_form)
_RECORDS: Final = (tables.study_record, tables.series_record)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same in both: the columns that differ, or none where one of them lacks it.

    `row` is its number or UID; no text that may be a patient's.
    """

    table: str
    row: str
    columns: tuple[str, ...] = ()
    is_missing: bool = False


class FoldedTables:
    """The tables of an index that follow from its journal, all as of one moment; use it as a context manager."""

    def __init__(self, url: str) -> None:
        self._engine = reader_engine(url)
        self._connection: Connection | None = None
        self._terms: Mapping[int, tuple[str, str]] = {}

    def __enter__(self) -> "FoldedTables":
        self._connection = self._engine.connect()
        self._terms = {row.id: (row.attribute, row.value) for row in self._rows(tables.term)}
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.rollback()
            self._connection.close()
        self._engine.dispose()

    @property
    def position(self) -> int:
        """The position of the journal of which these tables are."""
        return int(self._open().execute(select(tables.archive.c.position)).scalar_one())

    def contents(self, table: Table) -> Counter[tuple[Any, ...]]:
        """Return how often each row stands in a table, terms by what they say."""
        return Counter(self._said(table, row) for row in self._rows(table))

    def rows(self, table: Table) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Go through the keys and rows of a table in the order of its keys, terms by what they say."""
        key = [number for number, column in enumerate(table.columns) if column.primary_key]
        for row in self._rows(table):
            yield tuple(row[number] for number in key), self._said(table, row)

    def _said(self, table: Table, row: Row[Any]) -> tuple[Any, ...]:
        pairs = zip(table.columns, row, strict=True)
        return tuple(self._terms.get(value, value) if _names_term(column) else value for column, value in pairs)

    def _rows(self, table: Table) -> Iterator[Row[Any]]:
        order = [self._in_order(column) for column in table.columns if column.primary_key]
        streamed = self._open().execution_options(stream_results=True, yield_per=_PAGE)
        return iter(streamed.execute(select(table).order_by(*order)))

    def _in_order(self, column: Column[Any]) -> Any:
        """Have text in the order of its characters, as Python compares it."""
        is_plain = self._engine.dialect.name == "sqlite" or not isinstance(column.type, Text)
        return column if is_plain else column.collate("C")

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("not entered")
        return self._connection


def differences(found: FoldedTables, right: FoldedTables) -> Iterator[Difference]:
    """Go through what is not in one index as it is in another."""
    for table in _FOLDED:
        if table in _BY_CONTENT:
            yield from _in_content(table, found, right)
        else:
            yield from _by_key(table, found, right)


def _in_content(table: Table, found: FoldedTables, right: FoldedTables) -> Iterator[Difference]:
    there, due = found.contents(table), right.contents(table)
    for number, _row in enumerate((due - there).elements(), 1):
        yield Difference(table.name, f"missing {number}", is_missing=True)
    for number, _row in enumerate((there - due).elements(), 1):
        yield Difference(table.name, f"added {number}")


def _by_key(table: Table, found: FoldedTables, right: FoldedTables) -> Iterator[Difference]:
    """Go through both at once, each in the order of its keys."""
    there = ((key, "there", row) for key, row in found.rows(table))
    due = ((key, "due", row) for key, row in right.rows(table))
    for key, rows in groupby(merge(there, due, key=itemgetter(0)), key=itemgetter(0)):
        by_side = {side: row for _key, side, row in rows}
        if len(by_side) == 1:
            yield Difference(table.name, _told(key), is_missing="due" in by_side)
        elif by_side["there"] != by_side["due"]:
            yield Difference(table.name, _told(key), _differing(table, by_side["there"], by_side["due"]))


def _differing(table: Table, one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[str, ...]:
    columns = zip(table.columns, one, other, strict=True)
    return tuple(column.name for column, this, that in columns if this != that)


def _told(key: tuple[Any, ...]) -> str:
    """Return a key as it may be printed: numbers, digests and UIDs."""
    return " ".join(_plain(each) for each in key)


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    text = str(value)
    return text if set(text) <= set("0123456789.-:T") else "..."


def _names_term(column: Column[Any]) -> bool:
    of_terms = (tables.term.c.id, tables.term_form.c.term_id)
    return column in of_terms or (column.table in _RECORDS and column.name.endswith("_term"))
