"""What rejections do to the tables: versions under one are hidden, and stand where they stood once none is left.

Each rejection stands by itself until it is restored. A version is hidden while at least one stands over it that
it was not readmitted from; its state is then `rejected`, which every query leaves out, and `state_before` goes on
saying where it stands among the versions of its instance, also when others arrive meanwhile.
"""

from sqlalchemy import ColumnElement, Exists, Update, bindparam, exists, null, or_, select, update

from vna.events import EventRecord, InstanceRestored, Rejected, Restored
from vna.index import tables
from vna.index.shown import show_earliest
from vna.index.statements import Cursor
from vna.model import InstanceKey, InstanceUID, Scope, SeriesUID, StudyUID, VersionState

_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("in_study")).scalar_subquery()
_SERIES_ID = (
    select(tables.series.c.id)
    .where(tables.series.c.series_uid == bindparam("in_series"), tables.series.c.study_id == _STUDY_ID)
    .scalar_subquery()
)

_STANDING = (
    select(tables.rejection.c.id, tables.rejection.c.series_uid, tables.rejection.c.sop_instance_uid)
    .where(tables.rejection.c.study_uid == bindparam("in_study"), tables.rejection.c.to_position.is_(None))
    .order_by(tables.rejection.c.id)
)
_READMITTED = select(tables.readmission.c.position).where(
    tables.readmission.c.rejection_id == bindparam("which"),
    tables.readmission.c.series_uid == bindparam("in_series"),
    tables.readmission.c.sop_instance_uid == bindparam("instance"),
)
_SCOPE = select(tables.rejection.c.study_uid, tables.rejection.c.series_uid, tables.rejection.c.sop_instance_uid).where(
    tables.rejection.c.id == bindparam("which"), tables.rejection.c.to_position.is_(None)
)
_END = update(tables.rejection).where(tables.rejection.c.id == bindparam("which")).values(to_position=bindparam("upto"))


def _under_a_standing_one() -> Exists:
    """Say that some rejection stands over a row of `version`, which lies in the study `in_study`."""
    rejection, readmission, series, version = tables.rejection, tables.readmission, tables.series, tables.version
    readmitted = exists().where(
        readmission.c.rejection_id == rejection.c.id,
        readmission.c.series_uid == series.c.series_uid,
        readmission.c.sop_instance_uid == version.c.sop_instance_uid,
    )
    stands = exists().where(
        rejection.c.study_uid == bindparam("in_study"),
        rejection.c.to_position.is_(None),
        series.c.id == version.c.series_id,
        or_(rejection.c.series_uid.is_(None), rejection.c.series_uid == series.c.series_uid),
        or_(rejection.c.sop_instance_uid.is_(None), rejection.c.sop_instance_uid == version.c.sop_instance_uid),
        ~readmitted.correlate(rejection, series, version),
    )
    return stands.correlate(version)


def _hide(*within: ColumnElement[bool]) -> Update:
    version = tables.version
    hidden = {"state_before": version.c.state, "state": VersionState.REJECTED.value}
    return update(version).where(*within, version.c.state_before.is_(None)).values(hidden)


def _unhide(*within: ColumnElement[bool]) -> Update:
    version = tables.version
    as_before = {"state": version.c.state_before, "state_before": null()}
    return (
        update(version).where(*within, version.c.state_before.is_not(None), ~_under_a_standing_one()).values(as_before)
    )


_IN_STUDY = tables.version.c.study_id == _STUDY_ID
_IN_SERIES = tables.version.c.series_id == _SERIES_ID
_INSTANCE = tables.version.c.sop_instance_uid == bindparam("instance")
_HIDE = {"study": _hide(_IN_STUDY), "series": _hide(_IN_SERIES), "instance": _hide(_IN_SERIES, _INSTANCE)}
_UNHIDE = {"study": _unhide(_IN_STUDY), "series": _unhide(_IN_SERIES), "instance": _unhide(_IN_SERIES, _INSTANCE)}


class Hiding:
    """Applies rejections, and knows which stand; of each study it asks once in a transaction."""

    def __init__(self) -> None:
        self._standing: dict[StudyUID, list[tuple[int, Scope]]] = {}

    def forget(self) -> None:
        """Drop what is remembered: call it before each transaction, as other writers reject too."""
        self._standing.clear()

    def any_in(self, cursor: Cursor, study: StudyUID) -> bool:
        """Return whether a rejection of the study, or of something in it, stands."""
        return bool(self._of(cursor, study))

    def over(self, cursor: Cursor, key: InstanceKey) -> tuple[int, ...]:
        """Return the numbers of the rejections that stand over an instance and that it was not readmitted from."""
        return tuple(
            number
            for number, scope in self._of(cursor, key.study)
            if scope.covers(key) and not _is_readmitted(cursor, number, key)
        )

    def reject(self, cursor: Cursor, record: EventRecord, event: Rejected) -> None:
        """Let a rejection stand from now on."""
        scope = event.scope
        row = {
            "id": record.position,
            "study_uid": scope.study,
            "series_uid": scope.series,
            "sop_instance_uid": scope.instance,
            "reason": event.reason.code,
            "time": record.time,
            "actor": record.actor,
        }
        cursor.insert(tables.rejection, row)
        self._change(cursor, _HIDE, scope)

    def restore(self, cursor: Cursor, position: int, event: Restored) -> None:
        """Let a rejection stand no longer."""
        found = cursor.first(_SCOPE, {"which": event.rejection})
        if found is not None:
            cursor.do(_END, {"which": event.rejection, "upto": position})
            self._change(cursor, _UNHIDE, _scope(*found))

    def readmit(self, cursor: Cursor, position: int, event: InstanceRestored) -> None:
        """Let some rejections no longer hide one instance."""
        key = event.key
        named = {"series_uid": key.series, "sop_instance_uid": key.instance}
        for number in event.rejections:
            row = {"rejection_id": number, **named, "position": position}
            cursor.insert(tables.readmission, row, unless_there=True)
        self._change(cursor, _UNHIDE, Scope(key.study, key.series, key.instance))

    def _of(self, cursor: Cursor, study: StudyUID) -> list[tuple[int, Scope]]:
        if study not in self._standing:
            rows = cursor.all(_STANDING, {"in_study": study})
            self._standing[study] = [(number, _scope(study, series, instance)) for number, series, instance in rows]
        return self._standing[study]

    def _change(self, cursor: Cursor, statements: dict[str, Update], scope: Scope) -> None:
        self._standing.pop(scope.study, None)
        level = "study" if scope.series is None else "series" if scope.instance is None else "instance"
        where = {"in_study": scope.study, "in_series": scope.series, "instance": scope.instance}
        cursor.do(statements[level], {name: value for name, value in where.items() if value is not None})
        show_earliest(cursor, scope.study, scope.series)


def _is_readmitted(cursor: Cursor, number: int, key: InstanceKey) -> bool:
    named = {"which": number, "in_series": key.series, "instance": key.instance}
    return cursor.scalar(_READMITTED, named) is not None


def _scope(study: str, series: str | None, instance: str | None) -> Scope:
    return Scope(
        StudyUID(study),
        None if series is None else SeriesUID(series),
        None if instance is None else InstanceUID(instance),
    )
