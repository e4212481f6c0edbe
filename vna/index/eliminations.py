"""Eliminations in the index: how events change them, and which events are in order when their turn comes.

What is asked of an event here is asked behind the lock on the position, so that of two persons who decide at once in
one role only one does, and nobody twice.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import bindparam, func, or_, select, update

from vna.events import (
    DestructionAttested,
    Eliminated,
    EliminationCancelled,
    EliminationCertified,
    EliminationDecided,
    EliminationEvent,
    EliminationItemsKept,
    EliminationProposed,
    Event,
    EventRecord,
    StepDecision,
)
from vna.events.persons import same_person
from vna.index.elimination_tables import (
    elimination,
    elimination_attestation,
    elimination_item,
    elimination_step,
)
from vna.index.statements import Cursor, one_of
from vna.model import Scope

PROPOSED: Final = "proposed"
OPINIONS: Final = "opinions"
APPROVED: Final = "approved"
EXECUTING: Final = "executing"
CERTIFIED: Final = "certified"
REFUSED: Final = "refused"
CANCELLED: Final = "cancelled"
OPEN: Final = (PROPOSED, OPINIONS, APPROVED, EXECUTING)
"""The states in which items of the list may still go."""

_E, _ITEM, _STEP = elimination.c, elimination_item.c, elimination_step.c
_IS = _E.id == bindparam("which")
_NAMED = (
    _ITEM.elimination_id == bindparam("which"),
    _ITEM.study_uid == bindparam("study"),
    func.coalesce(_ITEM.series_uid, "") == bindparam("series"),
    func.coalesce(_ITEM.sop_instance_uid, "") == bindparam("instance"),
)
_STANDS = (_ITEM.kept_at.is_(None), _ITEM.eliminated_at.is_(None))
_TERMS = select(_E.state, _E.actor, _E.roles, _E.visas, _E.wait_days, _E.approved_time).where(_IS)
_DECIDERS = select(_STEP.actor).where(_STEP.elimination_id == bindparam("which"))
_STANDING = select(func.count()).where(_ITEM.elimination_id == bindparam("which"), *_STANDS)
_STANDING_ITEM = select(_ITEM.number).where(*_NAMED, *_STANDS)
_ELSEWHERE = (
    select(_ITEM.study_uid)
    .join(elimination, _E.id == _ITEM.elimination_id)
    .where(one_of(_ITEM.study_uid, "studies"), *_STANDS, or_(*(_E.state == state for state in OPEN)))
    .limit(1)
)
_SET_STATE = update(elimination).where(_IS).values(state=bindparam("to"), state_time=bindparam("when"))
_APPROVE = (
    update(elimination).where(_IS).values(state=APPROVED, state_time=bindparam("when"), approved_time=bindparam("when"))
)
_CERTIFY = (
    update(elimination)
    .where(_IS)
    .values(state=CERTIFIED, state_time=bindparam("when"), certificate=bindparam("certificate_digest"))
)
_KEEP = (
    update(elimination_item)
    .where(*_NAMED, *_STANDS)
    .values(
        kept_at=bindparam("at"),
        kept_time=bindparam("when"),
        kept_by=bindparam("by_whom"),
        cause=bindparam("why"),
        holds=bindparam("those"),
    )
)
_GONE = (
    update(elimination_item)
    .where(*_NAMED, *_STANDS)
    .values(eliminated_at=bindparam("at"), eliminated_time=bindparam("when"), manifest=bindparam("listed"))
)


def apply_elimination_event(cursor: Cursor, record: EventRecord, event: EliminationEvent) -> None:
    """Put the effect of one event into the tables of eliminations; what it does to others is not done here."""
    when = {"when": record.time}
    match event:
        case EliminationProposed():
            _insert(cursor, record, event)
        case EliminationDecided(elimination=number):
            _decide(cursor, record, event)
        case EliminationItemsKept(elimination=number):
            why = {"why": event.cause, "those": orjson.dumps(event.holds).decode(), "by_whom": record.actor}
            for scope in event.scopes:
                cursor.do(_KEEP, {**_names(number, scope), "at": record.position, **when, **why})
        case EliminationCancelled(elimination=number):
            cursor.do(_SET_STATE, {"which": number, "to": CANCELLED, **when})
        case Eliminated(elimination=number):
            gone = {"at": record.position, "listed": event.manifest, **when}
            cursor.do(_GONE, {**_names(number, event.scope), **gone})
            cursor.do(_SET_STATE, {"which": number, "to": EXECUTING, **when})
        case DestructionAttested():
            _attest(cursor, record, event)
        case EliminationCertified(elimination=number, digest=digest):
            cursor.do(_CERTIFY, {"which": number, "certificate_digest": digest, **when})


def in_order(cursor: Cursor, event: Event, actor: str) -> bool:
    """Return whether an event of an elimination, brought about by this actor, may happen now; others always may."""
    match event:
        case EliminationProposed():
            studies = sorted({item.scope.study for item in event.items})
            return cursor.first(_ELSEWHERE, {"studies": cursor.several(studies)}) is None
        case EliminationDecided():
            return _may_decide(cursor, event, actor)
        case EliminationItemsKept(elimination=number, scopes=scopes):
            stand = all(cursor.first(_STANDING_ITEM, _names(number, scope)) is not None for scope in scopes)
            return _state(cursor, number) in OPEN and stand
        case EliminationCancelled(elimination=number):
            return _state(cursor, number) in (PROPOSED, OPINIONS, APPROVED)
        case EliminationCertified(elimination=number):
            return _state(cursor, number) == EXECUTING and not cursor.scalar(_STANDING, {"which": number})
    return True


def why_not(cursor: Cursor, number: int, scope: Scope, now: datetime) -> str:
    """Say why an item of an elimination may not go now; nothing where all have agreed and the waiting time is over."""
    terms = cursor.first(_TERMS, {"which": number})
    if terms is None:
        return f"there is no elimination {number}"
    state, wait_days, approved = terms[0], terms[4], terms[5]
    if state not in (APPROVED, EXECUTING) or approved is None:
        return f"elimination {number} is {state}, not approved"
    if now < waits_until(approved, wait_days):
        return f"elimination {number} waits until {waits_until(approved, wait_days).isoformat()}"
    if cursor.first(_STANDING_ITEM, _names(number, scope)) is None:
        return f"{scope} is no item of elimination {number}, or is kept, or has gone"
    return ""


def waits_until(approved_time: str, wait_days: int) -> datetime:
    """Return when the waiting time of an elimination is over that the last role agreed to at this time."""
    return datetime.fromisoformat(approved_time) + timedelta(days=wait_days)


def _insert(cursor: Cursor, record: EventRecord, event: EliminationProposed) -> None:
    row = {
        "id": record.position,
        "owner": event.owner,
        "profile": event.profile,
        "action": event.action,
        "digest": event.digest,
        "roles": orjson.dumps(event.roles).decode(),
        "visas": orjson.dumps(event.visas).decode(),
        "wait_days": event.wait_days,
        "max_per_day": event.max_per_day,
        "accepted": orjson.dumps(event.accepted).decode(),
        "time": record.time,
        "actor": record.actor,
        "state": PROPOSED,
        "state_time": record.time,
    }
    cursor.insert(elimination, row)
    rows = [
        {
            "elimination_id": record.position,
            "number": number,
            "study_uid": item.scope.study,
            "series_uid": item.scope.series,
            "sop_instance_uid": item.scope.instance,
            "rules": orjson.dumps(item.rules).decode(),
            "retain_until": item.retain_until,
            "instances": item.instances,
            "size": item.size,
        }
        for number, item in enumerate(event.items, 1)
    ]
    cursor.insert_many(elimination_item, rows)


def _decide(cursor: Cursor, record: EventRecord, event: EliminationDecided) -> None:
    row = {
        "id": record.position,
        "elimination_id": event.elimination,
        "role": event.role,
        "decision": event.decision.value,
        "reference": event.reference,
        "reference_date": event.reference_date,
        "document": event.document,
        "time": record.time,
        "actor": record.actor,
    }
    cursor.insert(elimination_step, row)
    which = {"which": event.elimination}
    if event.decision is StepDecision.UNFAVOURABLE:
        cursor.do(_SET_STATE, {**which, "to": REFUSED, "when": record.time})
        return
    terms = cursor.first(_TERMS, which)
    if terms is not None and len(cursor.all(_DECIDERS, which)) == len(orjson.loads(terms[2])):
        cursor.do(_APPROVE, {**which, "when": record.time})
    else:
        cursor.do(_SET_STATE, {**which, "to": OPINIONS, "when": record.time})


def _attest(cursor: Cursor, record: EventRecord, event: DestructionAttested) -> None:
    row = {
        "id": record.position,
        "elimination_id": event.elimination,
        "place": event.place,
        "method": event.method,
        "files": event.files,
        "size": event.size,
        "time": record.time,
    }
    cursor.insert(elimination_attestation, row)


def _may_decide(cursor: Cursor, event: EliminationDecided, actor: str) -> bool:
    terms = cursor.first(_TERMS, {"which": event.elimination})
    if terms is None or terms[0] not in (PROPOSED, OPINIONS):
        return False
    _, proposer, roles, visas, _, _ = terms
    before = [row[0] for row in cursor.all(_DECIDERS, {"which": event.elimination})]
    in_turn = orjson.loads(roles)[len(before)] == event.role
    needs_visa = event.decision is StepDecision.FAVOURABLE and event.role in orjson.loads(visas)
    has_visa = bool(event.reference and event.reference_date)
    is_other = not any(same_person(actor, each) for each in (proposer, *before))
    return in_turn and is_other and (has_visa or not needs_visa)


def _state(cursor: Cursor, number: int) -> str:
    terms = cursor.first(_TERMS, {"which": number})
    return "" if terms is None else terms[0]


def _names(number: int, scope: Scope) -> dict[str, Any]:
    return {"which": number, "study": scope.study, "series": scope.series or "", "instance": scope.instance or ""}
