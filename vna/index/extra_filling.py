"""Filling the tables of extra attributes: what is to be read, what was read, and what nobody asks for any more."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Select, bindparam, delete, func, select, union, update

from vna.dicom.attributes import Level
from vna.dicom.extra import ExtraAttribute
from vna.dicom.matching import NUMBER_VRS, fold, number_of
from vna.index import tables
from vna.index.extra_tables import extra_attribute, extra_value
from vna.index.statements import Statements

MAX_FORM: Final = 512
"""Characters of a form: what an index takes on every database."""

_PURGED: Final = 5000
"""Rows that go in one transaction, so that nobody waits long behind it."""

_ATTRIBUTE, _VALUE = extra_attribute.c, extra_value.c
_ALL = select(_ATTRIBUTE.setting, _ATTRIBUTE.id, _ATTRIBUTE.read_upto).order_by(_ATTRIBUTE.id)
_LAST_KNOWN = select(func.coalesce(func.max(_ATTRIBUTE.id), 0))
_LAST_KEPT = select(func.coalesce(func.max(_VALUE.attribute_id), 0))
_NEXT_KEPT = select(func.min(_VALUE.attribute_id)).where(_VALUE.attribute_id > bindparam("after"))
_FORGET = delete(extra_attribute).where(_ATTRIBUTE.id == bindparam("which"))
_SOME_OWNERS = (
    select(_VALUE.owner_id)
    .where(_VALUE.attribute_id == bindparam("which"))
    .order_by(_VALUE.owner_id)
    .limit(1)
    .offset(bindparam("rows"))
)
_PURGE = delete(extra_value).where(_VALUE.attribute_id == bindparam("which"))
_PURGE_BELOW = _PURGE.where(_VALUE.owner_id < bindparam("below"))
_REACHED = (
    update(extra_attribute)
    .where(_ATTRIBUTE.id == bindparam("which"), _ATTRIBUTE.read_upto == bindparam("old"))
    .values(read_upto=bindparam("new"))
    .returning(_ATTRIBUTE.id)
)
_RECORD = {
    Level.PATIENT: tables.study_record.c.id,
    Level.STUDY: tables.study_record.c.id,
    Level.SERIES: tables.series_record.c.id,
    Level.IMAGE: tables.version.c.id,
}


@dataclass(frozen=True, slots=True)
class Reached:
    """How far headers have been read for an attribute, as the settings write it."""

    setting: str
    attribute_id: int
    read_upto: int


@dataclass(frozen=True, slots=True)
class ExtraStretch:
    """What was read of one attribute on from where it stood: up to a position, and whose value is what."""

    attribute: ExtraAttribute
    reached: Reached
    upto: int
    values: Mapping[int, str]


class ExtraTable:
    """The extra attributes of one index, to be filled by one process at a time; two at once do no harm."""

    def __init__(self, writing: Engine) -> None:
        self._statements = Statements(writing)

    def close(self) -> None:
        """Give the connection to the database back."""
        self._statements.close()

    def reached(self) -> list[Reached]:
        """Return how far headers have been read, for each attribute."""
        with self._statements.reading() as cursor:
            return [Reached(*row) for row in cursor.all(_ALL, {})]

    def ask_for(self, attributes: Iterable[ExtraAttribute]) -> None:
        """Begin with attributes that are new, and forget those that are not asked for any more."""
        wanted = {attribute.setting for attribute in attributes}
        known = {each.setting: each.attribute_id for each in self.reached()}
        if wanted == known.keys():
            return
        with self._statements.transaction() as cursor:
            last = max(cursor.scalar(_LAST_KNOWN, {}), cursor.scalar(_LAST_KEPT, {}))
            for number, setting in enumerate(sorted(wanted - known.keys()), last + 1):
                cursor.insert(extra_attribute, {"id": number, "setting": setting, "read_upto": 0}, unless_there=True)
            for setting in known.keys() - wanted:
                cursor.do(_FORGET, {"which": known[setting]})

    def purge(self) -> bool:
        """Delete some values of attributes that are forgotten; return whether there may be more."""
        known = {each.attribute_id for each in self.reached()}
        with self._statements.reading() as cursor:
            which = cursor.scalar(_NEXT_KEPT, {"after": 0})
            while which in known:
                which = cursor.scalar(_NEXT_KEPT, {"after": which})
        if which is None:
            return False
        with self._statements.transaction() as cursor:
            below = cursor.scalar(_SOME_OWNERS, {"which": which, "rows": _PURGED})
            if below is None:
                cursor.do(_PURGE, {"which": which})
            else:
                cursor.do(_PURGE_BELOW, {"which": which, "below": below})
        return True

    def owners(self, levels: Iterable[Level], *, after: int, upto: int, most: int) -> list[int]:
        """Return whose headers are to be read for attributes of these levels, in journal order."""
        asked = set(levels)
        ids = {_RECORD[Level.IMAGE]} if Level.IMAGE in asked else {_RECORD[level] for level in asked}
        wanted = _owners(frozenset(ids))
        with self._statements.reading() as cursor:
            return [row[0] for row in cursor.all(wanted, {"after": after, "upto": upto, "rows": most})]

    def enter(self, stretches: Sequence[ExtraStretch]) -> None:
        """Write down what was read; nothing of it where another process has been here meanwhile."""
        with suppress(_OvertakenError), self._statements.transaction() as cursor:
            for each in stretches:
                which = {"which": each.reached.attribute_id, "old": each.reached.read_upto, "new": each.upto}
                if cursor.scalar(_REACHED, which) is None:
                    raise _OvertakenError
                cursor.insert_many(extra_value, list(_rows(each)))


class _OvertakenError(Exception):
    """Another process has read on."""


def _rows(stretch: ExtraStretch) -> Iterator[dict[str, Any]]:
    for owner, value in stretch.values.items():
        for number, folded in enumerate(forms_of(value, stretch.attribute.vr)):
            yield {
                "attribute_id": stretch.reached.attribute_id,
                "owner_id": owner,
                "number": number,
                "folded": folded,
                "value": None if number else value,
            }


@lru_cache
def _owners(ids: frozenset[ColumnElement[int]]) -> Select[Any]:
    """Select the numbers in any of these columns, in order."""
    within = [select(each).where(each > bindparam("after"), each <= bindparam("upto")) for each in ids]
    every = union(*within).subquery()
    return select(every.c[0]).order_by(every.c[0]).limit(bindparam("rows"))


def forms_of(value: str, vr: str) -> list[str]:
    """Return what a value is compared by, at least one form: each value, of a name each group, of a number its size."""
    parts = value.split("\\")
    if vr == "PN":
        parts = [group for part in parts for group in part.split("=")]
    return list(dict.fromkeys(form_of(part, vr) for part in parts))


def form_of(part: str, vr: str) -> str:
    """Return the form of one value, or of one group of a name."""
    if vr in NUMBER_VRS:
        number = number_of(part)
        return "" if number is None else str((number + 0).normalize())
    return fold(part)[:MAX_FORM]
