"""Holds in the index: how events change them, and which ones stand over something.

A hold **stands** on a date from its first to its last one, unless it was released. It stands **over** a study or series
when that may not go: it names it, something in it, what it lies in, or a patient it is of, or asks for it by query.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import bindparam, or_, select, update

from vna.errors import Held
from vna.events import Event, EventRecord, HoldDetail, HoldEvent, HoldLevel, HoldPlaced, HoldReleased, PayloadsErased
from vna.events.persons import same_person
from vna.index import tables
from vna.index.hold_queries import matches_study, parse_hold_query
from vna.index.lifecycle_tables import hold, subject
from vna.index.statements import Cursor
from vna.model import Scope, StudyUID

STANDING = (
    hold.c.released_at.is_(None),
    hold.c.from_date <= bindparam("today"),
    or_(hold.c.until_date == "", hold.c.until_date >= bindparam("today")),
)
"""Which holds stand on `today`."""
_NAMED = (
    select(hold.c.id, hold.c.level, hold.c.series_uid)
    .where(*STANDING, hold.c.study_uid == bindparam("study"))
    .where(or_(hold.c.level == HoldLevel.STUDY.value, hold.c.level == HoldLevel.SERIES.value))
)
_PATIENTS = (
    select(tables.patient.c.issuer, tables.patient.c.patient_id)
    .join(tables.study_record, tables.study_record.c.patient_id == tables.patient.c.id)
    .join(tables.study, tables.study.c.id == tables.study_record.c.study_id)
    .where(tables.study.c.study_uid == bindparam("study"))
    .distinct()
)
"""Asked for first, then their holds: in one statement SQLite would go through all holds on patients."""
_BY_QUERY = select(hold.c.id, hold.c.query).where(*STANDING, hold.c.level == HoldLevel.QUERY.value)
_PLACED_BY = select(hold.c.actor).where(hold.c.id == bindparam("which"), hold.c.released_at.is_(None))
_STUDY = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("study"))
_ON_PATIENT = (
    select(hold.c.id)
    .where(*STANDING, hold.c.level == HoldLevel.PATIENT.value)
    .where(hold.c.patient_id == bindparam("whose_id"), hold.c.issuer == bindparam("whose_issuer"))
    .order_by(hold.c.id)
)
_SUBJECT = select(subject.c.issuer, subject.c.patient_id).where(subject.c.owner == bindparam("whose"))
_OF_OWNER = select(hold.c.id).where(hold.c.owner == bindparam("whose"), hold.c.released_at.is_(None))

_RELEASE = (
    update(hold)
    .where(hold.c.id == bindparam("which"), hold.c.released_at.is_(None))
    .values(released_at=bindparam("at"), released_time=bindparam("when"), released_by=bindparam("by_whom"))
)


def apply_hold_event(cursor: Cursor, record: EventRecord, event: HoldEvent, detail: Mapping[str, Any] | None) -> None:
    """Put the effect of one event into the table; a hold whose payload is erased was released before."""
    match event:
        case HoldPlaced() if detail is not None:
            said = HoldDetail.of_detail(detail)
            row = {
                "id": record.position,
                "owner": event.owner,
                "kind": event.hold_kind.value,
                "level": event.level.value,
                "issuer": said.issuer,
                "patient_id": said.patient_id,
                "study_uid": event.study,
                "series_uid": event.series,
                "query": orjson.dumps(said.query).decode() if said.query else "",
                "reason": said.reason,
                "case_number": said.case_number,
                "from_date": event.from_date,
                "until_date": event.until_date,
                "time": record.time,
                "actor": record.actor,
            }
            cursor.insert(hold, row)
        case HoldReleased(hold=number):
            released = {"at": record.position, "when": record.time, "by_whom": record.actor}
            cursor.do(_RELEASE, {"which": number, **released})


def any_over(cursor: Cursor, scope: Scope, today: str) -> tuple[int, ...]:
    """Return the numbers of the holds that stand over a scope, oldest first; an instance is held as its series is.

    Behind the lock on the position the answer stays true until the transaction ends: to place a hold takes the lock.

    Args:
        today: ISO 8601 date, UTC.
    """
    asked = {"today": today, "study": scope.study}
    found = {
        number
        for number, level, series in cursor.all(_NAMED, asked)
        if scope.series is None or level == HoldLevel.STUDY or series == scope.series
    }
    for issuer, patient_id in cursor.all(_PATIENTS, {"study": scope.study}):
        found.update(any_over_patient(cursor, issuer, patient_id, today))
    for number, keys in cursor.all(_BY_QUERY, {"today": today}):
        if matches_study(cursor, parse_hold_query(query_keys(keys)), scope.study, scope.series):
            found.add(number)
    return tuple(sorted(found))


def any_over_patient(cursor: Cursor, issuer: str, patient_id: str, today: str) -> tuple[int, ...]:
    """Return the numbers of the holds on a patient that stand on a date, oldest first."""
    asked = {"whose_id": patient_id, "whose_issuer": issuer, "today": today}
    return tuple(row[0] for row in cursor.all(_ON_PATIENT, asked))


def refuse_held(cursor: Cursor, scope: Scope, today: str) -> None:
    """See that no hold stands over a scope.

    Raises:
        Held: one does; the message names them all.
    """
    numbers = any_over(cursor, scope, today)
    if numbers:
        raise Held.by(numbers, str(scope))


def holds_permit(cursor: Cursor, event: Event, actor: str, today: str) -> bool:
    """Return whether an event is one that holds leave room for, asked behind the lock on the position.

    A hold is released once, and by another person than who placed it.

    Raises:
        Held: payloads are to be erased that a hold stands over.
    """
    match event:
        case HoldReleased(hold=number):
            placed_by = cursor.scalar(_PLACED_BY, {"which": number})
            return placed_by is not None and not same_person(placed_by, actor)
        case PayloadsErased(owner=owner):
            _refuse_held_payloads(cursor, owner, today)
    return True


def _refuse_held_payloads(cursor: Cursor, owner: str, today: str) -> None:
    """See that no hold stands over what an owner names: a study that is still there, a patient, or a hold itself."""
    if cursor.first(_STUDY, {"study": owner}) is not None:
        refuse_held(cursor, Scope(StudyUID(owner)), today)
    numbers = [row[0] for row in cursor.all(_OF_OWNER, {"whose": owner})]
    for issuer, patient_id in cursor.all(_SUBJECT, {"whose": owner}):
        numbers += any_over_patient(cursor, issuer, patient_id, today)
    if numbers:
        raise Held.by(sorted(numbers), f"what {owner} names")


def query_keys(text: str) -> tuple[tuple[str, str], ...]:
    """Return the matching keys of a hold as the table keeps them."""
    return tuple((keyword, value) for keyword, value in orjson.loads(text)) if text else ()
