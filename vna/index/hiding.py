"""What rejections and limitations do to the tables: versions under one are hidden, until none is left.

Each stands by itself until it is restored or lifted, so they overlap freely. A version under a limitation has the state
`limited`; else, while at least one rejection stands over it that it was not readmitted from, it is `rejected`. Every
query leaves both out, but for the quality view, which sees what is rejected. `state_before` goes on saying where the
version stands among those of its instance, also when others arrive meanwhile; there it stands again.
"""

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Exists,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)

from vna.events import EventRecord, InstanceRestored, LimitationLifted, Limited, NoteRejected, Rejected, Restored
from vna.index import tables
from vna.index.hiding_tables import limitation, note, note_instance
from vna.index.shown import show_earliest
from vna.index.statements import Cursor
from vna.model import InstanceKey, InstanceUID, RejectionReason, Scope, SeriesUID, StudyUID, VersionState

_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("in_study")).scalar_subquery()
_SERIES_ID = (
    select(tables.series.c.id)
    .where(tables.series.c.series_uid == bindparam("in_series"), tables.series.c.study_id == _STUDY_ID)
    .scalar_subquery()
)


def _of_scopes(table: Table, kind: str, reason: ColumnElement[str]) -> Select[tuple[int, str, str, str, str]]:
    what: ColumnElement[str] = literal_column(f"'{kind}'")
    found = select(table.c.id, what, reason, table.c.series_uid, table.c.sop_instance_uid)
    return found.where(table.c.study_uid == bindparam("in_study"), table.c.to_position.is_(None))


_REJECTION, _LIMITATION, _NOTE = "rejection", "limitation", "note"
_STANDING = union_all(
    _of_scopes(tables.rejection, _REJECTION, tables.rejection.c.reason),
    _of_scopes(limitation, _LIMITATION, literal_column("''")),
    select(note_instance.c.rejection_id, literal_column(f"'{_NOTE}'"), tables.rejection.c.reason, null(), null())
    .join(tables.rejection, tables.rejection.c.id == note_instance.c.rejection_id)
    .where(note_instance.c.study_uid == bindparam("in_study"), tables.rejection.c.to_position.is_(None))
    .distinct(),
).order_by("id")
"""All that stands over a study or something in it: number, kind, reason, series, instance."""
_NOTED = select(note_instance.c.rejection_id).where(
    note_instance.c.study_uid == bindparam("in_study"),
    note_instance.c.series_uid == bindparam("in_series"),
    note_instance.c.sop_instance_uid == bindparam("instance"),
)
_READMITTED = select(tables.readmission.c.position).where(
    tables.readmission.c.rejection_id == bindparam("which"),
    tables.readmission.c.series_uid == bindparam("in_series"),
    tables.readmission.c.sop_instance_uid == bindparam("instance"),
)
_REPLACEABLE = select(note.c.replaceable).where(note.c.rejection_id == bindparam("which"))
_IS_APPLIED = (
    select(note.c.rejection_id)
    .join(tables.rejection, tables.rejection.c.id == note.c.rejection_id)
    .where(
        note.c.sop_instance_uid == bindparam("instance"),
        tables.rejection.c.study_uid == bindparam("in_study"),
        tables.rejection.c.series_uid == bindparam("in_series"),
    )
)
_NOTED_STUDIES = select(note_instance.c.study_uid).where(note_instance.c.rejection_id == bindparam("which")).distinct()


def _scope_of(table: Table) -> Select[tuple[str, str, str]]:
    columns = (table.c.study_uid, table.c.series_uid, table.c.sop_instance_uid)
    return select(*columns).where(table.c.id == bindparam("which"), table.c.to_position.is_(None))


def _end_of(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("which")).values(to_position=bindparam("upto"))


_SCOPE, _END = _scope_of(tables.rejection), _end_of(tables.rejection)
_LIMITED_SCOPE, _LIFT = _scope_of(limitation), _end_of(limitation)


def _under(table: Table) -> tuple[ColumnElement[bool], ...]:
    """Say that a row of a table of scopes stands over a row of `version`, which lies in the study `in_study`."""
    series, version = tables.series, tables.version
    return (
        table.c.study_uid == bindparam("in_study"),
        table.c.to_position.is_(None),
        series.c.id == version.c.series_id,
        or_(table.c.series_uid.is_(None), table.c.series_uid == series.c.series_uid),
        or_(table.c.sop_instance_uid.is_(None), table.c.sop_instance_uid == version.c.sop_instance_uid),
    )


def _not_readmitted() -> ColumnElement[bool]:
    rejection, readmission, series, version = tables.rejection, tables.readmission, tables.series, tables.version
    readmitted = exists().where(
        readmission.c.rejection_id == rejection.c.id,
        readmission.c.series_uid == series.c.series_uid,
        readmission.c.sop_instance_uid == version.c.sop_instance_uid,
    )
    return ~readmitted.correlate(rejection, series, version)


def _under_a_note() -> Exists:
    series, version = tables.series, tables.version
    named = exists().where(
        series.c.id == version.c.series_id,
        note_instance.c.study_uid == bindparam("in_study"),
        note_instance.c.series_uid == series.c.series_uid,
        note_instance.c.sop_instance_uid == version.c.sop_instance_uid,
        tables.rejection.c.id == note_instance.c.rejection_id,
        tables.rejection.c.to_position.is_(None),
        _not_readmitted(),
    )
    return named.correlate(version)


def _settle(*within: ColumnElement[bool]) -> Update:
    """Give versions the state that follows from where they stand and from what stands over them."""
    version = tables.version
    stands = func.coalesce(version.c.state_before, version.c.state)
    limited = exists().where(*_under(limitation)).correlate(version)
    by_scope = exists().where(*_under(tables.rejection), _not_readmitted()).correlate(version)
    rejected = or_(by_scope, _under_a_note())
    state = case((limited, VersionState.LIMITED.value), (rejected, VersionState.REJECTED.value), else_=stands)
    before = case((or_(limited, rejected), stands), else_=null())
    return update(version).where(*within).values(state=state, state_before=before)


_IN_STUDY = tables.version.c.study_id == _STUDY_ID
_IN_SERIES = tables.version.c.series_id == _SERIES_ID
_INSTANCE = tables.version.c.sop_instance_uid == bindparam("instance")
_SETTLE = {
    "study": _settle(_IN_STUDY),
    "series": _settle(_IN_SERIES),
    "instance": _settle(and_(_IN_SERIES, _INSTANCE)),
}


@dataclass(frozen=True, slots=True)
class _Standing:
    """Something that stands over a study or a part of it; of a note's instances the table alone knows."""

    number: int
    kind: str
    reason: str
    scope: Scope


class Hiding:
    """Applies rejections and limitations, and knows which stand; of each study it asks once in a transaction."""

    def __init__(self) -> None:
        self._standing: dict[StudyUID, list[_Standing]] = {}

    def forget(self) -> None:
        """Drop what is remembered: call it before each transaction, as other writers reject too."""
        self._standing.clear()

    def any_in(self, cursor: Cursor, study: StudyUID) -> bool:
        """Return whether a rejection or limitation of the study, or of something in it, stands."""
        return bool(self._of(cursor, study))

    def is_limited(self, cursor: Cursor, key: InstanceKey) -> bool:
        """Return whether a limitation stands over an instance."""
        return any(each.kind == _LIMITATION and each.scope.covers(key) for each in self._of(cursor, key.study))

    def over(self, cursor: Cursor, key: InstanceKey, reason: RejectionReason | None = None) -> tuple[int, ...]:
        """Return the numbers of the rejections that stand over an instance and that it was not readmitted from.

        Args:
            reason: those for this reason alone.
        """
        standing = [each for each in self._of(cursor, key.study) if reason is None or each.reason == reason.code]
        found = {each.number for each in standing if each.kind == _REJECTION and each.scope.covers(key)}
        notes = {each.number for each in standing if each.kind == _NOTE}
        if notes:
            found |= notes & {row[0] for row in cursor.all(_NOTED, _named(key))}
        return tuple(number for number in sorted(found) if not _is_readmitted(cursor, number, key))

    def by_notes(self, cursor: Cursor, numbers: tuple[int, ...]) -> tuple[bool, bool]:
        """Return whether rejections all came as notes, and whether all of them let a corrected instance replace."""
        notes = [cursor.scalar(_REPLACEABLE, {"which": number}) for number in numbers]
        return None not in notes, all(notes)

    def is_applied(self, cursor: Cursor, key: InstanceKey) -> bool:
        """Return whether a rejection note was applied, whatever became of its rejection."""
        return cursor.scalar(_IS_APPLIED, _named(key)) is not None

    def reject(self, cursor: Cursor, record: EventRecord, event: Rejected) -> None:
        """Let a rejection stand from now on."""
        _insert_rejection(cursor, record, event.scope, event.reason)
        self._change(cursor, event.scope)

    def reject_noted(self, cursor: Cursor, record: EventRecord, event: NoteRejected) -> None:
        """Let the rejection of a note stand from now on: over the note itself, and what it names."""
        scope = Scope(event.note.study, event.note.series, event.note.instance)
        _insert_rejection(cursor, record, scope, event.reason)
        row = {"sop_instance_uid": event.note.instance, "replaceable": event.replaceable}
        cursor.insert(note, {"rejection_id": record.position, **row})
        for key in event.instances:
            named = {"study_uid": key.study, "series_uid": key.series, "sop_instance_uid": key.instance}
            cursor.insert(note_instance, {**named, "rejection_id": record.position}, unless_there=True)
        self._change(cursor, scope)
        self._change_noted(cursor, record.position)

    def restore(self, cursor: Cursor, position: int, event: Restored) -> None:
        """Let a rejection stand no longer."""
        found = cursor.first(_SCOPE, {"which": event.rejection})
        if found is not None:
            cursor.do(_END, {"which": event.rejection, "upto": position})
            self._change(cursor, _scope(*found))
            self._change_noted(cursor, event.rejection)

    def readmit(self, cursor: Cursor, position: int, event: InstanceRestored) -> None:
        """Let some rejections no longer hide one instance."""
        key = event.key
        named = {"series_uid": key.series, "sop_instance_uid": key.instance}
        for number in event.rejections:
            row = {"rejection_id": number, **named, "position": position}
            cursor.insert(tables.readmission, row, unless_there=True)
        self._change(cursor, Scope(key.study, key.series, key.instance))

    def limit(self, cursor: Cursor, record: EventRecord, event: Limited) -> None:
        """Let a limitation stand from now on."""
        row = {"id": record.position, **_columns(event.scope), "time": record.time, "actor": record.actor}
        cursor.insert(limitation, row)
        self._change(cursor, event.scope)

    def lift(self, cursor: Cursor, position: int, event: LimitationLifted) -> None:
        """Let a limitation stand no longer."""
        found = cursor.first(_LIMITED_SCOPE, {"which": event.limitation})
        if found is not None:
            cursor.do(_LIFT, {"which": event.limitation, "upto": position})
            self._change(cursor, _scope(*found))

    def _of(self, cursor: Cursor, study: StudyUID) -> list[_Standing]:
        if study not in self._standing:
            rows = cursor.all(_STANDING, {"in_study": study})
            self._standing[study] = [
                _Standing(number, kind, reason, _scope(study, series, instance))
                for number, kind, reason, series, instance in rows
            ]
        return self._standing[study]

    def _change_noted(self, cursor: Cursor, number: int) -> None:
        for (study,) in cursor.all(_NOTED_STUDIES, {"which": number}):
            self._change(cursor, Scope(StudyUID(study)))

    def _change(self, cursor: Cursor, scope: Scope) -> None:
        self._standing.pop(scope.study, None)
        level = "study" if scope.series is None else "series" if scope.instance is None else "instance"
        where = {"in_study": scope.study, "in_series": scope.series, "instance": scope.instance}
        cursor.do(_SETTLE[level], {name: value for name, value in where.items() if value is not None})
        show_earliest(cursor, scope.study, scope.series)


def _insert_rejection(cursor: Cursor, record: EventRecord, scope: Scope, reason: RejectionReason) -> None:
    row = {"id": record.position, **_columns(scope), "reason": reason.code, "time": record.time, "actor": record.actor}
    cursor.insert(tables.rejection, row)


def _columns(scope: Scope) -> dict[str, str | None]:
    return {"study_uid": scope.study, "series_uid": scope.series, "sop_instance_uid": scope.instance}


def _named(key: InstanceKey) -> dict[str, str]:
    return {"in_study": key.study, "in_series": key.series, "instance": key.instance}


def _is_readmitted(cursor: Cursor, number: int, key: InstanceKey) -> bool:
    named = {"which": number, "in_series": key.series, "instance": key.instance}
    return cursor.scalar(_READMITTED, named) is not None


def _scope(study: str, series: str | None, instance: str | None) -> Scope:
    return Scope(
        StudyUID(study),
        None if series is None else SeriesUID(series),
        None if instance is None else InstanceUID(instance),
    )
