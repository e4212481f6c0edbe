"""One page of what matches a query, in the order of the journal, and how many matches come behind it (PS3.18 8.3.4.4).

The order is that in which studies, series and instances came to be known, whichever way leads to them, and what arrives
goes to its end: so two requests give the same, and a page does not shift under who goes through them.

What is skipped and what is counted is looked at by its matching keys alone. Without any, SQL counts on its own; with
some, counting goes on for as many candidates as are found soon, and then says that there are more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from vna.dicom.attributes import Level
from vna.dicom.describe import Value
from vna.dicom.matching import Universal
from vna.dicom.query import Query
from vna.index import tables
from vna.index.availability import Soon
from vna.index.candidates import Candidates
from vna.index.dictionary import Dictionary
from vna.index.extra import ReadHeaders
from vna.index.rows import ENTITY_ID, Entity, LevelRows
from vna.index.snapshots import Snapshots
from vna.index.statements import Cursor
from vna.index.views import record_column, seen
from vna.model import View

_LOOKS: Final = 5
"""So often it looks at further candidates, 100 each time, to count what comes behind a page."""
_MOST_COUNTED: Final = 10_000
"""SQL counts so many: about 2 ms."""

Match = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Page:
    """Some matches, and how many come `behind` them; unless that is `exact` there are more."""

    matches: Sequence[Match]
    behind: int
    exact: bool


class Pager:
    """Goes through the matches of one query, to give one page of them."""

    def __init__(
        self,
        snapshots: Snapshots,
        dictionary: Dictionary,
        query: Query,
        read_headers: ReadHeaders,
        soon: Soon | None = None,
    ) -> None:
        self._snapshots, self._matching = snapshots, query.matching()
        self._wanted = LevelRows(query.with_beside(), read_headers, soon)
        self._compared = LevelRows(self._matching, read_headers, soon)
        self._dictionary, self._last, self._view = dictionary, 0, query.view
        self._candidates = Candidates(query, dictionary, ordered=True)
        self._by_rows = bool(self._matching.extra) or not isinstance(query.availability, Universal)
        self._reads_headers = any(not attribute.setting for attribute in query.extra)
        self._takes_all = not self._matching.keys and not self._by_rows

    def page(self, *, offset: int, limit: int) -> Page:
        """Return at most `limit` matches, those behind the first `offset` ones.

        Raises:
            sqlalchemy.exc.DBAPIError: the database cannot be read.
        """
        passed = self._jump(offset)
        if passed is None:
            return Page([], 0, exact=True)
        matches = list[Match]()
        while not self._candidates.done:
            if passed >= offset and len(matches) >= limit:
                return self._counted(matches, passed - offset - len(matches))
            number, values = self._look(skip=max(0, offset - passed), room=limit - len(matches))
            passed += number
            matches += values
        return Page(matches, max(0, passed - offset - len(matches)), exact=True)

    def _jump(self, offset: int) -> int | None:
        """Leave out the first matches where SQL alone knows which ones they are; return how many, None for all."""
        if not self._takes_all or not offset:
            return 0
        with self._snapshots.reading() as cursor:
            last = cursor.scalar(_NTH[self._view, self._matching.level], {"before": offset - 1})
        if last is None:
            return None
        self._last = last
        self._candidates = Candidates(self._matching, self._dictionary, ordered=True, after=last)
        return offset

    def _look(self, *, skip: int, room: int) -> tuple[int, list[Match]]:
        """Look at the next candidates: how many match, and what those say that are wanted."""
        with self._snapshots.reading() as cursor:
            page = self._candidates.page(cursor)
            if not page:
                return 0, []
            self._last = page[-1].entity_id
            if not skip and room >= len(page) and not self._reads_headers:
                values = [values for _, values in self._wanted.read(cursor, page) if self._matching.accepts(values)]
                return len(values), list(values)
            matching = self._accepted(cursor, page)
            taken = matching[skip : skip + room]
            return len(matching), [values for _, values in self._wanted.read(cursor, taken)] if taken else []

    def _accepted(self, cursor: Cursor, page: Sequence[Entity]) -> Sequence[Entity]:
        if self._takes_all or (self._candidates.are_compared and not self._by_rows):
            return page
        found = self._compared.read(cursor, page)
        return [entity for entity, values in found if self._matching.accepts(values)]

    def _counted(self, matches: Sequence[Match], behind: int) -> Page:
        if self._takes_all:
            with self._snapshots.reading() as cursor:
                rows = {"after": self._last, "most": _MOST_COUNTED + 1}
                more = int(cursor.scalar(_AFTER[self._view, self._matching.level], rows))
            return Page(matches, behind + min(more, _MOST_COUNTED), exact=more <= _MOST_COUNTED)
        for _ in range(_LOOKS):
            if self._candidates.done:
                break
            behind += self._look(skip=0, room=0)[0]
        return Page(matches, behind, exact=self._candidates.done)


def _shown(view: View, level: Level) -> ColumnElement[bool]:
    """Return what makes an entity one that queries see, by its own table alone."""
    if level is Level.IMAGE:
        return seen(tables.version, view)
    return record_column(tables.study if level is Level.STUDY else tables.series, view) != tables.NOTHING_SHOWN


def _nth(view: View, level: Level) -> Select[Any]:
    """Select the one of a level that has so many before it."""
    shown = select(ENTITY_ID[level]).where(_shown(view, level))
    return shown.order_by(ENTITY_ID[level]).limit(1).offset(bindparam("before"))


def _number_after(view: View, level: Level) -> Select[Any]:
    """Count what comes behind one of a level, up to a number."""
    rows = select(ENTITY_ID[level]).where(ENTITY_ID[level] > bindparam("after"), _shown(view, level))
    return select(func.count()).select_from(rows.limit(bindparam("most")).subquery())


_COUNTED: Final = [(view, level) for view in View for level in (Level.STUDY, Level.SERIES, Level.IMAGE)]
_NTH: Final = {each: _nth(*each) for each in _COUNTED}
_AFTER: Final = {each: _number_after(*each) for each in _COUNTED}
