"""Comparing two indexes of one archive, at one position: whether each table that follows from the journal is the same.

Terms are numbered as they came, which another order of the same instances changes: a number is compared by what it
stands for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import merge
from itertools import count, groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Final

from sqlalchemy import Connection, FromClause, Row, Select, Table, Text, collate, func, select

from vna.index import tables
from vna.index.database import reader_engine

_PAGE: Final = 1000
_FOLDED: Final = [
    table
    for table in tables.metadata.sorted_tables
    if table.info["part"] in (tables.Part.PROJECTION, tables.Part.SETTING)
]
_RECORDS: Final = (tables.study_record, tables.series_record)
_BY_CONTENT: Final[Mapping[Table, Select[Any]]] = {
    tables.term: select(tables.term.c.attribute, tables.term.c.value),
    tables.term_form: select(
        tables.term_form.c.attribute, tables.term_form.c.folded, func.coalesce(tables.term.c.value, "").label("value")
    ).select_from(tables.term_form.outerjoin(tables.term, tables.term.c.id == tables.term_form.c.term_id)),
}
"""Tables whose rows have no number that stays, and what their rows say."""


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

    def __enter__(self) -> "FoldedTables":
        self._connection = self._engine.connect()
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

    def rows(self, table: Table) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Go through the keys and rows of a table in the order of its keys, terms by what they say.

        The key of what names terms in no other way is all that it says.
        """
        query = _BY_CONTENT.get(table)
        if query is not None:
            yield from ((row, row) for row in map(tuple, self._streamed(query, list(query.selected_columns))))
            return
        key = [number for number, column in enumerate(table.columns) if column.primary_key]
        width, places = len(table.columns), _terms_in(table)
        for row in self._streamed(_with_terms(table), [column for column in table.columns if column.primary_key]):
            said = list(row[:width])
            for place, number in enumerate(places):
                term = tuple(row[width + 2 * place :][:2])
                said[number] = term if term[0] is not None else said[number]
            yield tuple(row[number] for number in key), tuple(said)

    def _streamed(self, query: Select[Any], order: Sequence[Any]) -> Iterator[Row[Any]]:
        streamed = self._open().execution_options(stream_results=True, yield_per=_PAGE)
        return iter(streamed.execute(query.order_by(*map(self._in_order, order))))

    def _in_order(self, column: Any) -> Any:
        """Have text in the order of its characters, as Python compares it."""
        is_plain = self._engine.dialect.name == "sqlite" or not isinstance(column.type, Text)
        return column if is_plain else collate(column, "C")

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("not entered")
        return self._connection


@cache
def _terms_in(table: Table) -> tuple[int, ...]:
    """Return which columns of a table name a term."""
    if table not in _RECORDS:
        return ()
    return tuple(number for number, column in enumerate(table.columns) if column.name.endswith("_term"))


def _with_terms(table: Table) -> Select[Any]:
    """Select the rows of a table, and behind each attribute and value of the terms it names."""
    source: FromClause = table
    terms = [(list(table.columns)[number], tables.term.alias()) for number in _terms_in(table)]
    for column, term in terms:
        source = source.outerjoin(term, term.c.id == column)
    said = [each for _, term in terms for each in (term.c.attribute, term.c.value)]
    return select(table, *said).select_from(source)


def differences(found: FoldedTables, right: FoldedTables) -> Iterator[Difference]:
    """Go through what is not in one index as it is in another."""
    for table in _FOLDED:
        yield from _in_table(table, found, right)


def _in_table(table: Table, found: FoldedTables, right: FoldedTables) -> Iterator[Difference]:
    """Go through both at once, each in the order of its keys."""
    there = ((key, "there", row) for key, row in found.rows(table))
    due = ((key, "due", row) for key, row in right.rows(table))
    number = count(1)
    for key, rows in groupby(merge(there, due, key=itemgetter(0)), key=itemgetter(0)):
        by_side = {side: row for _key, side, row in rows}
        if len(by_side) == 1:
            is_missing = "due" in by_side
            row = f"{'missing' if is_missing else 'added'} {next(number)}" if table in _BY_CONTENT else _told(key)
            yield Difference(table.name, row, is_missing=is_missing)
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
