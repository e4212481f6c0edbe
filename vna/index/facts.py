"""Facts of patients in the index: how events change them, and which may be recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from vna.errors import NotPlausible
from vna.events import Event, EventRecord, FactEvent, FactKind, PatientFact, PatientFactRecorded, PatientFactWithdrawn
from vna.events.plausibility import implausible, implausible_without, same_fact
from vna.index.lifecycle_tables import hold, patient_fact, subject
from vna.index.statements import Cursor

_WITHDRAW = (
    update(patient_fact)
    .where(patient_fact.c.id == bindparam("which"), patient_fact.c.withdrawn_at.is_(None))
    .values(withdrawn_at=bindparam("at"))
)
_FACTS = select(
    *(patient_fact.c.id, subject.c.issuer, subject.c.patient_id, patient_fact.c.kind, patient_fact.c.date),
    *(patient_fact.c.establishment, patient_fact.c.code, patient_fact.c.system, patient_fact.c.feed),
    *(patient_fact.c.time, patient_fact.c.actor, patient_fact.c.withdrawn_at),
).join_from(patient_fact, subject, subject.c.owner == patient_fact.c.owner)
_OF_PATIENT = _FACTS.where(
    subject.c.patient_id == bindparam("whose_id"), subject.c.issuer == bindparam("whose_issuer")
).order_by(patient_fact.c.id)
_ONE = _FACTS.where(patient_fact.c.id == bindparam("which"))
_OWNER = (
    select(subject.c.owner)
    .where(subject.c.patient_id == bindparam("whose_id"), subject.c.issuer == bindparam("whose_issuer"))
    .order_by(subject.c.owner)
)
_FORGET = (
    delete(patient_fact).where(patient_fact.c.owner == bindparam("whose"), patient_fact.c.id < bindparam("before")),
    delete(hold).where(hold.c.owner == bindparam("whose"), hold.c.id < bindparam("before")),
    delete(subject).where(
        subject.c.owner == bindparam("whose"),
        ~select(patient_fact.c.id).where(patient_fact.c.owner == subject.c.owner).exists(),
    ),
)


@dataclass(frozen=True, slots=True)
class RecordedFact:
    """A fact as it was recorded; `number` is its event's position, `withdrawn_at` that of its withdrawal, if any."""

    number: int
    fact: PatientFact
    time: str
    actor: str
    withdrawn_at: int | None


def facts_of(cursor: Cursor, issuer: str, patient_id: str) -> list[RecordedFact]:
    """Return what is known of a patient, withdrawn facts too, in the order it was recorded."""
    return [_recorded(row) for row in cursor.all(_OF_PATIENT, {"whose_id": patient_id, "whose_issuer": issuer})]


def fact_at(cursor: Cursor, number: int) -> RecordedFact | None:
    """Return the fact of a number."""
    row = cursor.first(_ONE, {"which": number})
    return None if row is None else _recorded(row)


def owner_of(cursor: Cursor, issuer: str, patient_id: str) -> str | None:
    """Return the name that the journal has for a patient, None while nothing is known of it."""
    name: str | None = cursor.scalar(_OWNER, {"whose_id": patient_id, "whose_issuer": issuer})
    return name


def _recorded(row: tuple[Any, ...]) -> RecordedFact:
    number, issuer, patient_id, kind, on, establishment, code, system, feed, time, actor, withdrawn_at = row
    fact = PatientFact(issuer, patient_id, FactKind(kind), on, establishment, code, system, feed)
    return RecordedFact(number, fact, time, actor, withdrawn_at)


def facts_permit(cursor: Cursor, event: Event, detail: Mapping[str, Any] | None, today: str) -> bool:
    """Return whether an event says something new of a patient, asked behind the lock on the position.

    Raises:
        NotPlausible: it contradicts what is known.
    """
    match event:
        case PatientFactRecorded() if detail is not None:
            return is_new_fact(cursor, PatientFact.of_detail(detail), (), date.fromisoformat(today))
        case PatientFactWithdrawn(fact=number):
            found = fact_at(cursor, number)
            if found is None or found.withdrawn_at is not None:
                return False
            others = facts_of(cursor, found.fact.issuer, found.fact.patient_id)
            staying = [each.fact for each in others if each.withdrawn_at is None and each.number != number]
            _refuse(implausible_without(found.fact, staying))
    return True


def is_new_fact(cursor: Cursor, fact: PatientFact, earlier: Iterable[PatientFact], today: date) -> bool:
    """Return whether a fact says something new beside what stands and some earlier ones.

    Raises:
        NotPlausible: it contradicts these.
    """
    standing = [each.fact for each in facts_of(cursor, fact.issuer, fact.patient_id) if each.withdrawn_at is None]
    known = [*standing, *earlier]
    if any(same_fact(fact, each) for each in known):
        return False
    _refuse(implausible(fact, known, today))
    return True


def _refuse(reason: str) -> None:
    if reason:
        raise NotPlausible(reason)


def forget_details(cursor: Cursor, owner: str, position: int) -> None:
    """Take out what the tables have of payloads that an event at a position says are erased."""
    for statement in _FORGET:
        cursor.do(statement, {"whose": owner, "before": position})


def apply_fact_event(cursor: Cursor, record: EventRecord, event: FactEvent, detail: Mapping[str, Any] | None) -> None:
    """Put the effect of one event into the tables; a fact whose payload is erased has none."""
    match event:
        case PatientFactRecorded(owner=owner) if detail is not None:
            fact = PatientFact.of_detail(detail)
            named = {"owner": owner, "issuer": fact.issuer, "patient_id": fact.patient_id}
            cursor.insert(subject, named, unless_there=True)
            row = {
                "id": record.position,
                "owner": owner,
                "kind": fact.kind.value,
                "date": fact.date,
                "establishment": fact.establishment,
                "code": fact.code,
                "system": fact.system,
                "feed": fact.feed,
                "time": record.time,
                "actor": record.actor,
            }
            cursor.insert(patient_fact, row)
        case PatientFactWithdrawn(fact=number):
            cursor.do(_WITHDRAW, {"which": number, "at": record.position})
