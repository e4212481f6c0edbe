"""Numbers of rows that several studies or instances share, when the one goes that had made them.

A row is numbered by the event that made it. When what that event stored is eliminated, a rebuild no longer knows what
it said: there the first of the others makes the row. So here the row gets that one's number too, and both say the same.

A term keeps its number, which a rebuild does not give it: half of the archive may name the institution that the oldest
study was the first to name, and nothing but records names a term by its number.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, Table, bindparam, delete, func, insert, select, update

from vna.dicom.attributes import Level, Storage, at_level
from vna.index import tables
from vna.index.statements import Cursor, one_of

_TERMS: Final[tuple[tuple[Table, tuple[str, ...]], ...]] = tuple(
    (table, tuple(a.keyword for level in levels for a in at_level(level) if a.storage is Storage.TERM))
    for table, levels in (
        (tables.study_record, (Level.PATIENT, Level.STUDY)),
        (tables.series_record, (Level.SERIES,)),
    )
)
"""The attributes that are terms."""
_FORGET_FORMS = delete(tables.term_form).where(tables.term_form.c.term_id == bindparam("which"))
_FORGET_TERM = delete(tables.term).where(tables.term.c.id == bindparam("which"))
_NAMED = {
    keyword: select(table.c.id).where(table.c[tables.term_column(keyword)] == bindparam("which")).limit(1)
    for table, keywords in _TERMS
    for keyword in keywords
}
_TERMS_OF = {
    table: select(*(table.c[tables.term_column(keyword)] for keyword in keywords)).where(one_of(table.c.id, "ids"))
    for table, keywords in _TERMS
}
_RECORD = tables.study_record.c
_PATIENT = tables.patient.c
_FIRST_OF_PATIENT = select(func.min(_RECORD.id)).where(_RECORD.patient_id == bindparam("which"))
_IDENTITY = select(_PATIENT.patient_id, _PATIENT.issuer).where(_PATIENT.id == bindparam("which"))
_FORGET_PATIENT = delete(tables.patient).where(_PATIENT.id == bindparam("which"))
_MOVE_PATIENT = (
    update(tables.study_record).where(_RECORD.patient_id == bindparam("old")).values(patient_id=bindparam("new"))
)
_NAME_PATIENT = update(tables.patient).where(_PATIENT.id == bindparam("which")).values(issuer=bindparam("whose_issuer"))
_PASSING: Final = "\N{SYMBOL FOR SUBSTITUTE}"
"""Behind a text that is unique, while the row exists twice."""


def terms_of(cursor: Cursor, records: Mapping[Table, Sequence[int]]) -> set[tuple[str, int]]:
    """Return the attributes and numbers of the terms that records name."""
    found: set[tuple[str, int]] = set()
    for table, keywords in _TERMS:
        for row in cursor.all(_TERMS_OF[table], {"ids": cursor.several(list(records.get(table, ())))}):
            found.update((keyword, term) for keyword, term in zip(keywords, row, strict=True) if term is not None)
    return found


def settle_patients(cursor: Cursor, patients: Iterable[int]) -> None:
    """Forget patients of whom nothing is left, and number the others by the first record of theirs."""
    for patient in patients:
        first = cursor.scalar(_FIRST_OF_PATIENT, {"which": patient})
        if first is not None and first != patient:
            patient_id, issuer = cursor.all(_IDENTITY, {"which": patient})[0]
            cursor.insert(tables.patient, {"id": first, "patient_id": patient_id, "issuer": issuer + _PASSING})
            cursor.do(_MOVE_PATIENT, {"old": patient, "new": first})
            cursor.do(_FORGET_PATIENT, {"which": patient})
            cursor.do(_NAME_PATIENT, {"which": first, "whose_issuer": issuer})
        elif first is None:
            cursor.do(_FORGET_PATIENT, {"which": patient})


def forget_terms(cursor: Cursor, terms: Iterable[tuple[str, int]]) -> None:
    """Forget those of these terms that no record names any more."""
    for keyword, term in sorted(terms):
        if cursor.first(_NAMED[keyword], {"which": term}) is None:
            cursor.do(_FORGET_FORMS, {"which": term})
            cursor.do(_FORGET_TERM, {"which": term})


class Records:
    """The records of one level, each shared by the instances that say the same."""

    def __init__(self, table: Table, reference: str) -> None:
        """Take the table, and the column of `version` that names its rows."""
        self._table = table
        column = tables.version.c[reference]
        self._first = select(func.min(tables.version.c.id)).where(
            column == bindparam("which"), tables.version.c.study_id == bindparam("in_study")
        )
        self._forget = delete(table).where(table.c.id == bindparam("which"))
        self._copy = _copy_of(table)
        self._move = (
            update(tables.version)
            .where(column == bindparam("old"), tables.version.c.study_id == bindparam("in_study"))
            .values({reference: bindparam("new")})
        )
        self._print = select(table.c.fingerprint).where(table.c.id == bindparam("which"))
        self._name = update(table).where(table.c.id == bindparam("which")).values(fingerprint=bindparam("was"))

    def settle(self, cursor: Cursor, records: Iterable[int], study_id: int) -> dict[int, int]:
        """Forget records that no version names any more, and number the others by the first one that does.

        Returns:
            the new numbers of those that got another one, by their old ones.
        """
        moved: dict[int, int] = {}
        for record in records:
            first = cursor.scalar(self._first, {"which": record, "in_study": study_id})
            if first is not None and first != record:
                was = cursor.scalar(self._print, {"which": record})
                cursor.do(self._copy, {"which": record, "new": first, "passing": bytes(was) + b"\0"})
                cursor.do(self._move, {"old": record, "new": first, "in_study": study_id})
                cursor.do(self._forget, {"which": record})
                cursor.do(self._name, {"which": first, "was": was})
                moved[record] = first
            elif first is None:
                cursor.do(self._forget, {"which": record})
        return moved


def _copy_of(table: Table) -> Any:
    """Return what inserts the row `which` once more, numbered `new` and with the fingerprint `passing`."""
    changed: dict[str, Any] = {"id": bindparam("new"), "fingerprint": bindparam("passing")}
    columns = [changed.get(column.name, column) for column in table.columns]
    source: Select[Any] = select(*columns).where(table.c.id == bindparam("which"))
    return insert(table).from_select([column.name for column in table.columns], source)


STUDY_RECORDS: Final = Records(tables.study_record, "study_record_id")
SERIES_RECORDS: Final = Records(tables.series_record, "series_record_id")
