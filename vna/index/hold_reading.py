"""Reading holds: which there are, which stand, over what, and what each covers."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, bindparam, select

from vna.events import HoldKind, HoldLevel
from vna.index import tables
from vna.index.hold_queries import Found, matching, parse_hold_query
from vna.index.holds import any_over, any_over_patient, query_keys
from vna.index.lifecycle_tables import hold
from vna.index.snapshots import Snapshots
from vna.index.statements import Cursor
from vna.model import Scope

_HOLDS = select(hold).order_by(hold.c.id)
_OF_PATIENT = (
    select(tables.study.c.study_uid)
    .join(tables.study_record, tables.study_record.c.study_id == tables.study.c.id)
    .join(tables.patient, tables.patient.c.id == tables.study_record.c.patient_id)
    .where(tables.patient.c.patient_id == bindparam("whose_id"), tables.patient.c.issuer == bindparam("whose_issuer"))
    .distinct()
)
_THERE = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("study"))
_SERIES_THERE = select(tables.series.c.id).where(
    tables.series.c.series_uid == bindparam("series"),
    tables.series.c.study_id == _THERE.scalar_subquery(),
)
_ONE = select(hold).where(hold.c.id == bindparam("which"))
_OWNER = select(hold.c.owner).where(hold.c.id == bindparam("which"))


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold; `number` is its event's position.

    Dates are ISO 8601, `until_date` is empty for one without an end; `released_at` is the position of its
    release, None until then, and time and person are empty.
    """

    number: int
    kind: HoldKind
    level: HoldLevel
    issuer: str
    patient_id: str
    study: str
    series: str
    query: tuple[tuple[str, str], ...]
    reason: str
    case_number: str
    from_date: str
    until_date: str
    time: str
    actor: str
    released_at: int | None
    released_time: str
    released_by: str

    def stands(self, on: date) -> bool:
        """Return whether it holds anything on a date."""
        today = on.isoformat()
        is_over = self.until_date != "" and self.until_date < today
        return self.released_at is None and self.from_date <= today and not is_over


class HoldReader:
    """Answers from one database; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._snapshots = Snapshots(engine)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._snapshots.close()

    def all(self) -> list[Hold]:
        """Return every hold that ever was, oldest first."""
        with self._snapshots.reading() as cursor:
            return [_hold(row) for row in cursor.all(_HOLDS, {})]

    def owner(self, number: int) -> str:
        """Return what the payload of a hold can be erased with; empty if there is no such hold."""
        with self._snapshots.reading() as cursor:
            return cursor.scalar(_OWNER, {"which": number}) or ""

    def at(self, number: int) -> Hold | None:
        """Return the hold of a number."""
        with self._snapshots.reading() as cursor:
            row = cursor.first(_ONE, {"which": number})
        return None if row is None else _hold(row)

    def over(self, scope: Scope, on: date) -> tuple[int, ...]:
        """Return the numbers of the holds that stand over a scope on a date; see `vna.index.holds.any_over`."""
        with self._snapshots.reading() as cursor:
            return any_over(cursor, scope, on.isoformat())

    def over_patient(self, issuer: str, patient_id: str, on: date) -> tuple[int, ...]:
        """Return the numbers of the holds on a patient that stand on a date."""
        with self._snapshots.reading() as cursor:
            return any_over_patient(cursor, issuer, patient_id, on.isoformat())

    def covered(self, one: Hold) -> set[Found]:
        """Return what a hold covers of what is held now, shown or not: studies, or series of one."""
        with self._snapshots.reading() as cursor:
            return _covered(cursor, one)


def _covered(cursor: Cursor, one: Hold) -> set[Found]:
    match one.level:
        case HoldLevel.PATIENT:
            whose = {"whose_id": one.patient_id, "whose_issuer": one.issuer}
            return {(study, None) for (study,) in cursor.all(_OF_PATIENT, whose)}
        case HoldLevel.STUDY:
            return {(one.study, None)} if cursor.first(_THERE, {"study": one.study}) else set()
        case HoldLevel.SERIES:
            named = {"study": one.study, "series": one.series}
            return {(one.study, one.series)} if cursor.first(_SERIES_THERE, named) else set()
        case HoldLevel.QUERY:
            return matching(cursor, parse_hold_query(one.query))


def _hold(row: tuple[Any, ...]) -> Hold:
    values = dict(zip(hold.c.keys(), row, strict=True))
    return Hold(
        number=values["id"],
        kind=HoldKind(values["kind"]),
        level=HoldLevel(values["level"]),
        issuer=values["issuer"],
        patient_id=values["patient_id"],
        study=values["study_uid"],
        series=values["series_uid"],
        query=query_keys(values["query"]),
        reason=values["reason"],
        case_number=values["case_number"],
        from_date=values["from_date"],
        until_date=values["until_date"],
        time=values["time"],
        actor=values["actor"],
        released_at=values["released_at"],
        released_time=values["released_time"] or "",
        released_by=values["released_by"] or "",
    )
