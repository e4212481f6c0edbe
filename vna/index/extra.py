"""Extra attributes in queries (vna.dicom.extra): which rows one of them leads to, and the values of a page of rows.

What the housekeeper has not read yet (vna.index.extra_tables) is read from the stored headers while the answer is made.
So an answer is complete from the moment an attribute is in the settings, it only takes longer. A query that would read
more than `MOST_HEADERS` fails instead, and may be tried again when more is read, or be narrowed by other keys.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, select

from vna.dicom.attributes import Level
from vna.dicom.describe import TEXT_VRS, Value
from vna.dicom.extra import ExtraAttribute
from vna.dicom.matching import NUMBER_VRS, TEMPORAL_VRS, ListOfUID, Matcher, Range, SingleValue, WildCard, fold
from vna.dicom.query import Query
from vna.errors import OutOfResources
from vna.index import tables
from vna.index.extra_filling import form_of
from vna.index.extra_tables import extra_attribute, extra_value
from vna.index.narrowing import How, compared, like
from vna.index.statements import Cursor, one_of
from vna.index.views import record_column
from vna.model import View

ReadHeaders = Callable[[Sequence[int], Sequence[ExtraAttribute]], Mapping[int, Mapping[str, str]]]
"""Gives the values of attributes, by keyword, that the stored headers of some versions say, by journal position."""

MOST: Final = 20_000
"""An attribute leads to the rows of a query unless there are more than so many."""

MOST_HEADERS: Final = 20_000
"""Most headers that one query reads, which takes some 10 s."""

_VALUE = extra_value.c
_REACHED = select(extra_attribute.c.setting, extra_attribute.c.id, extra_attribute.c.read_upto)
_POSITION = select(tables.archive.c.position)
_VALUES = select(_VALUE.owner_id, _VALUE.value).where(
    _VALUE.attribute_id == bindparam("which"), _VALUE.number == 0, one_of(_VALUE.owner_id, "owners")
)


def _series_records(view: View) -> dict[Level, Select[Any]]:
    series, version = tables.series, tables.version
    by_series = select(series.c.id, record_column(series, view)).where(one_of(series.c.id, "ids"))
    by_version = select(version.c.id, record_column(series, view)).join(series, series.c.id == version.c.series_id)
    return {Level.SERIES: by_series, Level.IMAGE: by_version.where(one_of(version.c.id, "ids"))}


_SERIES_RECORDS = {view: _series_records(view) for view in View}
_OWNER: Mapping[Level, ColumnElement[int]] = {
    Level.PATIENT: tables.study_record.c.id,
    Level.STUDY: tables.study_record.c.id,
    Level.SERIES: tables.series_record.c.id,
    Level.IMAGE: tables.version.c.id,
}
_UNREAD = {level: select(column).where(column > bindparam("read_upto")) for level, column in _OWNER.items()}

Row = tuple[int, int, dict[str, Value]]
"""A row of a query's level: the numbers of its entity and of the study record it is shown with, and its values."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Leads to the rows that may match: their owners, at the level of the attribute, as parameters of `is_owner`."""

    level: Level
    parameters: Mapping[str, Any]


class ExtraRows:
    """Adds the values of extra attributes to the rows of one query, a page at a time."""

    def __init__(self, query: Query, read_headers: ReadHeaders) -> None:
        self._level, self._attributes, self._read_headers = query.level, tuple(query.extra), read_headers
        self._series_records, self._headers_read = _SERIES_RECORDS[query.view], 0

    def add(self, cursor: Cursor, rows: Sequence[Row]) -> None:
        """Put the values of each row in, from the index or else from stored headers.

        Raises:
            OutOfResources: too many headers would have to be read for one query.
        """
        if not self._attributes or not rows:
            return
        reached, unread = _reached(cursor), dict[int, list[tuple[ExtraAttribute, dict[str, Value]]]]()
        for attribute in self._attributes:
            owners = self._owners(cursor, attribute.level, rows)
            attribute_id, read_upto = reached.get(attribute.setting, (0, 0))
            asked = sorted({owner for owner in owners if owner <= read_upto})
            known = _known(cursor, attribute_id, asked) if asked else {}
            for owner, (_, _, values) in zip(owners, rows, strict=True):
                values[attribute.keyword] = known.get(owner, "")
                if owner > read_upto:
                    unread.setdefault(owner, []).append((attribute, values))
        if unread:
            self._read_on(unread)

    def _owners(self, cursor: Cursor, level: Level, rows: Sequence[Row]) -> list[int]:
        if level in (Level.PATIENT, Level.STUDY):
            return [record_id for _, record_id, _ in rows]
        if level is Level.IMAGE:
            return [entity_id for entity_id, _, _ in rows]
        ids = cursor.several([entity_id for entity_id, _, _ in rows])
        records = dict(cursor.all(self._series_records[self._level], {"ids": ids}))
        return [records[entity_id] for entity_id, _, _ in rows]

    def _read_on(self, unread: Mapping[int, Sequence[tuple[ExtraAttribute, dict[str, Value]]]]) -> None:
        self._headers_read += len(unread)
        if self._headers_read > MOST_HEADERS:
            names = ", ".join(attribute.keyword for attribute in self._attributes)
            raise OutOfResources(f"the headers for {names} are still being read: try again later, or narrow the query")
        told = self._read_headers(sorted(unread), self._attributes)
        for owner, waiting in unread.items():
            for attribute, values in waiting:
                values[attribute.keyword] = told.get(owner, {}).get(attribute.keyword, "")


def lead(cursor: Cursor, query: Query) -> Lead | None:
    """Return what leads to few rows by an extra attribute; None where none of them does."""
    if not query.extra:
        return None
    reached, position = _reached(cursor), int(cursor.scalar(_POSITION, {}))
    for attribute, matcher in query.extra.items():
        attribute_id, read_upto = reached.get(attribute.setting, (0, 0))
        comparison = _comparison(attribute.vr, matcher)
        if comparison is None or position - read_upto > MOST:
            continue
        how, texts = comparison
        values = {name: cursor.several(value) if isinstance(value, tuple) else value for name, value in texts.items()}
        found = cursor.all(_owners_having(how), {"which": attribute_id, "rows": MOST + 1, **values})
        if len(found) <= MOST:
            owners = [row[0] for row in (*found, *cursor.all(_UNREAD[attribute.level], {"read_upto": read_upto}))]
            return Lead(attribute.level, {"owners": cursor.several(owners)})
    return None


@lru_cache
def is_owner(level: Level) -> ColumnElement[bool]:
    """Return the condition that a row belongs to one of the owners of a `Lead`."""
    owner = one_of(_OWNER[level], "owners")
    if level is Level.SERIES:  # so that the record leads to the series it is shown with
        return and_(owner, tables.series.c.id == tables.series_record.c.series_id)
    return owner


def _reached(cursor: Cursor) -> dict[str, tuple[int, int]]:
    return {setting: (attribute_id, upto) for setting, attribute_id, upto in cursor.all(_REACHED, {})}


def _known(cursor: Cursor, attribute_id: int, owners: Sequence[int]) -> dict[int, str]:
    return dict(cursor.all(_VALUES, {"which": attribute_id, "owners": cursor.several(owners)}))


@lru_cache
def _owners_having(how: How) -> Select[Any]:
    """Select whose values have a form, or more than one."""
    wanted = select(_VALUE.owner_id).distinct()
    return wanted.where(_VALUE.attribute_id == bindparam("which"), compared(_VALUE.folded, "form", how)).limit(
        bindparam("rows")
    )


def _comparison(vr: str, matcher: Matcher) -> tuple[How, Mapping[str, str | tuple[str, ...]]] | None:
    """Return how the forms of a value are compared with a key, so that every match gets through."""
    if vr in TEXT_VRS or (vr in TEMPORAL_VRS and vr != "DA"):
        return None
    match matcher:
        case SingleValue(value):
            form = _first_form(value, vr)
            return (How.EQUAL, {"form": form}) if form else None
        case ListOfUID(values) if vr != "PN":
            return How.ONE_OF, {"form": tuple(form_of(value, vr) for value in values)}
        case WildCard(pattern) if vr not in NUMBER_VRS:
            pattern = fold(_first_group(pattern, vr))
            return like("form", pattern) if pattern.strip("*?") else None
        case Range(low, high) if vr == "DA":
            return How.BETWEEN, {"form_from": low or "!", "form_to": high or "\U0010ffff"}
    return None


def _first_form(value: str, vr: str) -> str:
    return form_of(_first_group(value, vr), vr)


def _first_group(name: str, vr: str) -> str:
    """Return a group of a name that is not empty; each of them has to match (vna.dicom.matching)."""
    return next((group for group in name.split("=") if fold(group)), "") if vr == "PN" else name
