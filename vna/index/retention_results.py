"""What retention was computed to, written down: working rows that may be lost, and are computed again then.

Two nodes may compute at once. What one found when the journal stood further back never takes the place of what the
other one found later, and how far all changes were followed only moves on from where whoever moves it began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Engine, bindparam, delete, func, select, update

from vna.index import tables
from vna.index.retention_tables import retention, retention_progress
from vna.index.snapshots import Snapshots
from vna.index.statements import Statements, one_of

_ROW, _PROGRESS = retention.c, retention_progress.c
_ROWS_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Computed:
    """What was computed of a study; dates are ISO 8601, `vna.index.retention_tables` says what each means."""

    study_id: int
    retain_until: str
    first_end: str
    state: str
    basis: str
    rules: str
    holds: str
    modality: str
    profile: int
    computed_at: int
    computed_on: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far computing has come, and the figures that it found; see `vna.index.retention_tables`."""

    upto: int
    passed: int | None
    profile: int
    day: str
    figures: Mapping[str, Any]


class Counted(NamedTuple):
    """How many studies of one modality end in one year, by state; the year is empty where no end is known."""

    modality: str
    year: str
    state: str
    studies: int


class Ended(NamedTuple):
    """A study something of which has an end; `first_end` is the earliest one."""

    study_id: int
    first_end: str
    study_uid: str


class Overdue(NamedTuple):
    """A study whose end lies behind a date, and which nothing but its own elimination keeps."""

    study_uid: str
    retain_until: str
    state: str
    rules: str
    modality: str


_COMPUTED = select(_ROW.study_id, _ROW.retain_until).where(one_of(_ROW.study_id, "ids"))
_OUTDATED = delete(retention).where(one_of(_ROW.study_id, "ids"), _ROW.computed_at <= bindparam("position"))
_GONE = delete(retention).where(one_of(_ROW.study_id, "ids"), _ROW.study_id.not_in(select(tables.study.c.id)))
_ANY_GONE = (
    select(_ROW.study_id)
    .outerjoin(tables.study, tables.study.c.id == _ROW.study_id)
    .where(tables.study.c.id.is_(None))
    .limit(_ROWS_AT_ONCE)
)
_NOT_COMPUTED = (
    select(tables.study_record.c.patient_id)
    .join(tables.study, tables.study.c.id == tables.study_record.c.study_id)
    .outerjoin(retention, _ROW.study_id == tables.study.c.id)
    .where(_ROW.study_id.is_(None))
    .distinct()
)
_ALL_PROGRESS = select(_PROGRESS.upto, _PROGRESS.passed, _PROGRESS.profile, _PROGRESS.day, _PROGRESS.figures)
_SAME_NUMBER = func.coalesce(_PROGRESS.passed, -1) == bindparam("old_passed")
_MOVE = (
    update(retention_progress)
    .where(_PROGRESS.upto == bindparam("old_upto"), _PROGRESS.profile == bindparam("old_profile"), _SAME_NUMBER)
    .values(
        upto=bindparam("to"),
        passed=bindparam("through"),
        profile=bindparam("by"),
        day=bindparam("on_day"),
        figures=bindparam("found"),
    )
    .returning(_PROGRESS.id)
)
_ENDED = (
    select(_ROW.study_id, _ROW.first_end, tables.study.c.study_uid)
    .join(tables.study, tables.study.c.id == _ROW.study_id)
    .where(_ROW.first_end != "", _ROW.first_end < bindparam("day"))
    .where(
        (_ROW.first_end > bindparam("last_end"))
        | ((_ROW.first_end == bindparam("last_end")) & (_ROW.study_id > bindparam("last_study")))
    )
    .order_by(_ROW.first_end, _ROW.study_id)
    .limit(_ROWS_AT_ONCE)
)
_NEWLY_ENDED = _ENDED.where(_ROW.computed_on <= _ROW.first_end)
_BY_STATE = select(_ROW.state, func.count()).group_by(_ROW.state).order_by(_ROW.state)
_YEAR = func.substr(_ROW.retain_until, 1, 4)
_BY_MODALITY = (
    select(_ROW.modality, _YEAR, _ROW.state, func.count())
    .group_by(_ROW.modality, _YEAR, _ROW.state)
    .order_by(_ROW.modality, _YEAR, _ROW.state)
)
_WITHIN = (_ROW.retain_until != "", _ROW.retain_until >= bindparam("first"), _ROW.retain_until < bindparam("end"))
_LEFT_ALONE = one_of(_ROW.state, "left_alone")
_ENDING_BY_RULES = (
    select(_ROW.rules, func.count()).where(*_WITHIN, ~_LEFT_ALONE).group_by(_ROW.rules).order_by(_ROW.rules)
)
_OVERDUE = (
    select(tables.study.c.study_uid, _ROW.retain_until, _ROW.state, _ROW.rules, _ROW.modality, _ROW.study_id)
    .join(tables.study, tables.study.c.id == _ROW.study_id)
    .where(_ROW.retain_until != "", _ROW.retain_until < bindparam("day"), ~_LEFT_ALONE)
    .where(_ROW.study_id > bindparam("after"))
    .order_by(_ROW.study_id)
    .limit(_ROWS_AT_ONCE)
)
_OF_STUDY = (
    select(*(_ROW[field.name] for field in fields(Computed)))
    .join(tables.study, tables.study.c.id == _ROW.study_id)
    .where(tables.study.c.study_uid == bindparam("study"))
)


class RetentionTable:
    """The results of one index; close it when done."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._statements, self._snapshots = Statements(writing), Snapshots(reading)

    def close(self) -> None:
        """Give the connections to the database back."""
        self._statements.close()
        self._snapshots.close()

    def progress(self) -> Progress | None:
        """Return how far computing has come; None where it has not begun."""
        with self._snapshots.reading() as cursor:
            row = cursor.first(_ALL_PROGRESS, {})
        return None if row is None else Progress(row[0], row[1], row[2], row[3], orjson.loads(row[4]))

    def move(self, old: Progress | None, new: Progress) -> bool:
        """Write down how far computing has come; return whether nobody else has done so meanwhile."""
        figures = orjson.dumps(new.figures).decode()
        with self._statements.transaction() as cursor:
            if old is None:
                return cursor.insert(
                    retention_progress, {"id": 1, **asdict(new), "figures": figures}, unless_there=True
                )
            found = {"to": new.upto, "through": new.passed, "by": new.profile, "on_day": new.day, "found": figures}
            at = {
                "old_upto": old.upto,
                "old_profile": old.profile,
                "old_passed": -1 if old.passed is None else old.passed,
            }
            return cursor.scalar(_MOVE, {**found, **at}) is not None

    def ends(self, study_ids: Sequence[int]) -> dict[int, str]:
        """Return until when studies were to be kept as computed last; those not computed yet are left out."""
        with self._snapshots.reading() as cursor:
            return dict(cursor.all(_COMPUTED, {"ids": cursor.several(list(study_ids))}))

    def of_study(self, study_uid: str) -> Computed | None:
        """Return what was computed of a study last."""
        with self._snapshots.reading() as cursor:
            row = cursor.first(_OF_STUDY, {"study": study_uid})
        return None if row is None else Computed(*row)

    def put(self, found: Sequence[Computed]) -> None:
        """Write down what was found when the journal stood at one position; what is there from later ones stays."""
        if not found:
            return
        rows = sorted(found, key=lambda each: each.study_id)
        with self._statements.transaction() as cursor:
            ids = cursor.several([each.study_id for each in rows])
            cursor.do(_OUTDATED, {"ids": ids, "position": rows[0].computed_at})
            for each in rows:
                cursor.insert(retention, asdict(each), unless_there=True)

    def forget_gone(self) -> int:
        """Delete the rows of studies that are not held any more; return how many there were, a part of them at most."""
        with self._snapshots.reading() as cursor:
            gone = [row[0] for row in cursor.all(_ANY_GONE, {})]
        if gone:
            with self._statements.transaction() as cursor:
                cursor.do(_GONE, {"ids": cursor.several(gone)})
        return len(gone)

    def not_computed(self) -> list[int]:
        """Return the patients of studies that nothing was computed of."""
        with self._snapshots.reading() as cursor:
            return [row[0] for row in cursor.all(_NOT_COMPUTED, {})]

    def ended(self, day: str, *, after: tuple[str, int], newly: bool) -> list[Ended]:
        """Return studies of which something ends before a day, by that end, a page of them.

        Args:
            after: the end and the number of the last one of the page before.
            newly: only those that were computed before it ended.
        """
        at = {"day": day, "last_end": after[0], "last_study": after[1]}
        with self._snapshots.reading() as cursor:
            return [Ended(*row) for row in cursor.all(_NEWLY_ENDED if newly else _ENDED, at)]

    def by_state(self) -> dict[str, int]:
        """Return how many studies are in each state."""
        with self._snapshots.reading() as cursor:
            return dict(cursor.all(_BY_STATE, {}))

    def by_modality(self) -> list[Counted]:
        """Return how many studies end when, by modality and state."""
        with self._snapshots.reading() as cursor:
            return [Counted(*row) for row in cursor.all(_BY_MODALITY, {})]

    def ending(self, first: str, end: str, *, left_alone: Sequence[str]) -> int:
        """Return how many studies end on a day from `first` on and before `end`, in other states than these."""
        return sum(self.ending_by_rules(first, end, left_alone=left_alone).values())

    def ending_by_rules(self, first: str, end: str, *, left_alone: Sequence[str]) -> dict[str, int]:
        """Return the same by the rules that count."""
        with self._snapshots.reading() as cursor:
            at = {"first": first, "end": end, "left_alone": cursor.several(list(left_alone))}
            return dict(cursor.all(_ENDING_BY_RULES, at))

    def overdue(self, day: str, *, after: int, left_alone: Sequence[str]) -> tuple[int, list[Overdue]]:
        """Return a page of studies whose end lies before a day, in other states than these, and where to go on."""
        with self._snapshots.reading() as cursor:
            at = {"day": day, "after": after, "left_alone": cursor.several(list(left_alone))}
            rows = cursor.all(_OVERDUE, at)
        return (rows[-1][-1] if rows else after), [Overdue(*row[:-1]) for row in rows]
