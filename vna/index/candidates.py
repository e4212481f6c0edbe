"""The rows that a query has to look at, some at a time.

Three ways lead to them:

- **By index**, when some key has few studies (a UID, a Patient ID, a date, a whole name): all row numbers at once.
- **By walking** from the oldest on, when nothing narrows the query, or when so much matches that it comes along soon
  enough: the first of a million matches must not wait for the row numbers of all.
- Of keys that may have few studies or many (wild cards, ranges, modalities) the oldest rows are looked at: unless one
  in twenty of them matches, it goes on by index. So what is walked past stays in proportion to what is found.
- Of studies too many to be listed (all since some year) those that match are walked, which SQL picks out: a million
  that lie before them take it 0.3 s, where listing all takes seconds.

A walk compares what lies in columns at once. Whatever comes from here is still to be checked by `Query.accepts`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, or_, select

from vna.dicom.attributes import BY_KEYWORD, Attribute, Level, Storage
from vna.dicom.matching import Universal, matches
from vna.dicom.query import Query
from vna.index import tables
from vna.index.dictionary import Dictionary
from vna.index.extra import is_owner, lead
from vna.index.narrowing import Narrowing, Shape, condition, narrowings, sharp
from vna.index.rows import ENTITY_ID, SOURCES, Entity, selected
from vna.index.statements import Cursor, one_of
from vna.index.views import record_column, said, seen
from vna.model import View

PAGE = 100
_SAMPLE = 200
_WINDOW = 20_000
_TEXTS_KEPT = 4096
"""Of so many texts a walk remembers whether they match: descriptions and modalities come again and again."""
_MOST_LISTED = 60_000
"""Studies are listed if they are no more than so many, which takes 50 ms where an index alone knows."""
_MOST_JOINED = 10_000
"""The same where more than an index has to be looked at, by joins: 0.2 ms for ten."""
_ALL = 2**62
_ONE_IN = 20
"""A walk goes on when one in so many rows matches: by index, each match costs as much as twenty rows walked past."""


class Candidates:
    """What one query has to look at; ask `page` until it is `done`.

    Studies come in the order of the records they are shown with, which an index may know alone; if `ordered`, in their
    own.
    """

    def __init__(self, query: Query, dictionary: Dictionary, *, ordered: bool = False, after: int = 0) -> None:
        """Look for what matches a query; without matching keys only for what lies `after` an entity."""
        query = replace(query, keys=query.narrowed_by())
        self._query, self._dictionary, self._ordered = query, dictionary, ordered
        self._walk = None if sharp(query.keys) else _Walk(query, after)
        self._is_decided = False
        self._entities: list[Entity] = []
        self._records: list[int] = []

    @property
    def done(self) -> bool:
        """Whether there are no more."""
        return self._is_decided and not self._entities and not self._records and self._walk is None

    @property
    def are_compared(self) -> bool:
        """Whether those that come next match for certain: every key was compared on the way."""
        return self._walk is not None and self._walk.compares_all

    def page(self, cursor: Cursor) -> list[Entity]:
        """Return the next candidates; there may be none and yet more to come."""
        if not self._is_decided:
            self._decide(cursor)
        if self._walk is not None and not self._entities:
            self._go_on(self._walk, cursor)
        if self._records:
            records, self._records = self._records[:PAGE], self._records[PAGE:]
            shown = _shown(self._query.level, self._query.view)
            return [Entity(*row) for row in cursor.all(shown, {"records": cursor.several(records)})]
        page, self._entities = self._entities[:PAGE], self._entities[PAGE:]
        return page

    def _go_on(self, walk: "_Walk", cursor: Cursor) -> None:
        self._entities = walk.step(cursor)
        if walk.at_end:
            self._walk = None

    def _decide(self, cursor: Cursor) -> None:
        self._is_decided = True
        if self._follow_extra(cursor):
            return
        if self._walk is not None:
            walk = self._walk
            self._go_on(walk, cursor)
            if walk.at_end or self._pays(walk):
                return
        narrowed = narrowings(self._query.keys, lambda *key: self._dictionary.matching(cursor, *key))
        if narrowed:
            self._walk, self._entities = None, []
            if not self._follow_index(cursor, narrowed):
                self._walk = _Walk(self._query, 0, narrowed)
        elif self._walk is None and not self._entities:
            self._walk = _Walk(self._query, 0)

    def _follow_extra(self, cursor: Cursor) -> bool:
        """Go by an extra attribute where one leads to few rows, and no key that is known to."""
        found = None if self._walk is None else lead(cursor, self._query)
        if found is None:
            return False
        any_record = counts_any_record(self._query)
        select_them = _of_owners(self._query.level, found.level, any_record=any_record, view=self._query.view)
        self._walk, self._entities = None, _one_each(cursor.all(select_them, found.parameters))
        return True

    def _pays(self, walk: "_Walk") -> bool:
        """Return whether so much of what was walked past matches that it may go on."""
        return len(self._entities) * _ONE_IN >= walk.passed

    def _follow_index(self, cursor: Cursor, narrowed: Sequence[Narrowing]) -> bool:
        """List what an index leads to; return False, and list nothing, for studies that are too many for that."""
        values = {name: value for each in narrowed for name, value in each.values.items()}
        if () in values.values():
            return True
        shapes, any_record = tuple(each.shape for each in narrowed), counts_any_record(self._query)
        walkable = self._query.level is Level.STUDY and not any_record and not sharp(self._query.keys)
        in_records = (
            not any_record and self._query.level in (Level.PATIENT, Level.STUDY) and all(map(_in_record, shapes))
        )
        most = (_MOST_LISTED if in_records else _MOST_JOINED) if walkable else _ALL
        parameters = parameters_of(cursor, values) | {"most": most + 1}
        if in_records:
            found = cursor.all(records_of(shapes), parameters)
            if len(found) > most:
                return False
            self._records = sorted(row[0] for row in found)
            if self._ordered:
                records, self._records = cursor.several(self._records), []
                found = cursor.all(_shown(self._query.level, self._query.view), {"records": records})
                self._entities = [Entity(*row) for row in sorted(found)]
        else:
            wanted = _some_candidates(self._query.level, shapes, any_record=any_record, view=self._query.view)
            found = cursor.all(wanted, parameters)
            if len(found) > most:
                return False
            self._entities = _one_each(found)
        return True


class _Walk:
    """Goes through the entities of a level by row number, and compares what lies in columns.

    With `narrowed`, SQL passes over those that it keeps out.
    """

    def __init__(self, query: Query, after: int, narrowed: Sequence[Narrowing] = ()) -> None:
        self.passed, self.at_end = 0, False
        self._after, self._window = after, _SAMPLE
        in_pairs = {keyword for pair in query.combined for keyword in pair}
        compared = [
            (attribute, matcher)
            for attribute, matcher in ((BY_KEYWORD.get(keyword), matcher) for keyword, matcher in query.keys.items())
            if attribute is not None
            and attribute.storage in (Storage.COLUMN, Storage.TERM)
            and attribute.keyword not in in_pairs
            and not isinstance(matcher, Universal)
        ]
        asked = sum(not isinstance(matcher, Universal) for matcher in query.keys.values())
        self.compares_all = len(compared) == asked and query.offset is None
        self._tests = [
            (at, lru_cache(_TEXTS_KEPT)(partial(matches, matcher, vr=attribute.vr)))
            for at, (attribute, matcher) in enumerate(compared, start=2)
        ]
        computed = {
            k: m for k, m in query.keys.items() if k in BY_KEYWORD and BY_KEYWORD[k].storage is Storage.COMPUTED
        }
        held = narrowed or narrowings(computed, lambda _attribute, _matcher: None)
        attributes, shapes = tuple(attribute for attribute, _ in compared), tuple(each.shape for each in held)
        any_record = counts_any_record(query)
        self._select = walk_query(query.level, attributes, shapes, any_record=any_record, view=query.view)
        self._values = {name: value for each in held for name, value in each.values.items()}

    def step(self, cursor: Cursor) -> list[Entity]:
        """Return what may match among the next rows."""
        wanted = {"after": self._after, "rows": self._window, **parameters_of(cursor, self._values)}
        rows: Sequence[Any] = cursor.all(self._select, wanted)
        self.at_end = len(rows) < self._window
        if not self.at_end:  # of the last entity there may be more rows than these
            rows = [row for row in rows if row[0] != rows[-1][0]]
            if not rows:
                self._window *= 2
                return []
            self._after = rows[-1][0]
        self.passed += len(rows)
        self._window = min(self._window * 2, _WINDOW)
        for at, test in self._tests:
            rows = [row for row in rows if test(row[at])]
        return _one_each((row[0], row[1], row[-1]) for row in rows)


def counts_any_record(query: Query) -> bool:
    """Return whether every record that a live version says counts, not the shown one alone."""
    return not isinstance(query.keys.get("PatientID", Universal()), Universal)


def parameters_of(cursor: Cursor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as the parameters of a statement."""
    return {name: cursor.several(value) if isinstance(value, tuple) else value for name, value in values.items()}


@lru_cache(maxsize=256)
def candidates_of(
    level: Level, shapes: tuple[Shape, ...], *, any_record: bool, view: View = View.ORDINARY
) -> Select[Any]:
    """Select (entity, study record, whether the record is the shown one) of what fulfils conditions."""
    base = select(ENTITY_ID[level], tables.study_record.c.id, _SHOWN[view]).select_from(SOURCES[view][level])
    return base.where(*_there(level, view, any_record=any_record), *_conditions(shapes, view))


@lru_cache
def _of_owners(level: Level, owner: Level, *, any_record: bool, view: View = View.ORDINARY) -> Select[Any]:
    """Select, as `candidates_of`, what an extra attribute of some level leads to."""
    return candidates_of(level, (), any_record=any_record, view=view).where(is_owner(owner))


@lru_cache(maxsize=256)
def records_of(shapes: tuple[Shape, ...]) -> Select[Any]:
    """Select the study records that fulfil conditions, some at most; often an index alone knows."""
    wanted = select(tables.study_record.c.id).where(*_conditions(shapes, View.ORDINARY))
    return wanted.limit(bindparam("most"))


@lru_cache(maxsize=256)
def _some_candidates(level: Level, shapes: tuple[Shape, ...], *, any_record: bool, view: View) -> Select[Any]:
    return candidates_of(level, shapes, any_record=any_record, view=view).limit(bindparam("most"))


@lru_cache(maxsize=256)
def walk_query(
    level: Level,
    attributes: tuple[Attribute, ...],
    shapes: tuple[Shape, ...],
    *,
    any_record: bool,
    view: View = View.ORDINARY,
) -> Select[Any]:
    """Select the next rows of a walk: as `selected`, and whether the record is the shown one. No index leads there."""
    entity_id = ENTITY_ID[level]
    base = selected(level, attributes, view=view).add_columns(_SHOWN[view])
    held = [condition(shape, alone=False, leading=False, view=view) for shape in shapes]
    there = (*_there(level, view, any_record=any_record), *held, entity_id > bindparam("after"))
    return base.where(*there).order_by(entity_id).limit(bindparam("rows"))


_SHOWN = {view: record_column(tables.study, view) == tables.study_record.c.id for view in View}


@lru_cache
def _shown(level: Level, view: View) -> Select[Any]:
    """Select (entity, study record) of those records that are shown."""
    query = select(ENTITY_ID[level], tables.study_record.c.id).select_from(SOURCES[view][level])
    return query.where(_SHOWN[view], one_of(tables.study_record.c.id, "records")).order_by(tables.study_record.c.id)


def _there(level: Level, view: View, *, any_record: bool) -> list[ColumnElement[bool]]:
    """Return what makes a row one that queries see."""
    served = [seen(tables.version, view)] if level is Level.IMAGE else []
    if not any_record:
        return [*served, _SHOWN[view]]
    version = tables.version.alias()  # at IMAGE level the table itself is part of the query
    return [*served, or_(_SHOWN[view], said(tables.study_record, version, view))]


def _conditions(shapes: tuple[Shape, ...], view: View) -> list[ColumnElement[bool]]:
    """Return the conditions; those on what a study holds lead to it only where nothing else does."""
    leading = any(BY_KEYWORD[keyword].storage is not Storage.COMPUTED for keyword, _ in shapes)
    return [condition(shape, alone=not leading, view=view) for shape in shapes]


def _in_record(shape: Shape) -> bool:
    attribute = BY_KEYWORD[shape[0]]
    return attribute.storage is not Storage.COMPUTED and attribute.keyword not in tables.OWN_TABLE


def _one_each(found: Iterable[tuple[int, int, bool]]) -> list[Entity]:
    """Keep one row of each entity, that with the shown record if there is one, by entity number."""
    best: dict[int, tuple[bool, int]] = {}
    for entity_id, record_id, shown in found:
        rank = (not shown, record_id)
        if entity_id not in best or rank < best[entity_id]:
            best[entity_id] = rank
    return [Entity(entity_id, best[entity_id][1]) for entity_id in sorted(best)]
