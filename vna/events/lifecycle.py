"""The events of the lifecycle in the journal: their bodies, written from their fields and read back by their types."""

from dataclasses import asdict
from typing import Any, Final

from vna.events.clock import ClockConfirmed, ClockEvent, ClockJumped
from vna.events.eliminations import (
    DestructionAttested,
    Eliminated,
    EliminationCancelled,
    EliminationCertified,
    EliminationDecided,
    EliminationEvent,
    EliminationItem,
    EliminationItemsKept,
    EliminationProposed,
    StepDecision,
)
from vna.events.facts import FactEvent, PatientFactRecorded, PatientFactWithdrawn
from vna.events.holds import HoldEvent, HoldKind, HoldLevel, HoldPlaced, HoldReleased
from vna.events.limitations import GlassBroken, LimitationEvent, LimitationLifted, Limited
from vna.events.profiles import ProfileActivated, ProfileEvent, ProfileProposed, RetentionShortened
from vna.events.tiers import StudyDisplaced, StudyPlaced, TierEvent
from vna.model import InstanceUID, Scope, SeriesUID, StudyUID

LifecycleEvent = FactEvent | HoldEvent | ProfileEvent | EliminationEvent | TierEvent | LimitationEvent | ClockEvent

_FLAT: Final[dict[str, type[LifecycleEvent]]] = {
    each.kind: each
    for each in (
        PatientFactRecorded,
        PatientFactWithdrawn,
        HoldReleased,
        ProfileProposed,
        ProfileActivated,
        RetentionShortened,
        EliminationCancelled,
        DestructionAttested,
        EliminationCertified,
        StudyPlaced,
        StudyDisplaced,
        LimitationLifted,
        ClockJumped,
        ClockConfirmed,
    )
}
"""Kinds whose fields are text and numbers."""
LIFECYCLE_KINDS: Final = frozenset(_FLAT) | {
    each.kind
    for each in (
        HoldPlaced,
        EliminationProposed,
        EliminationDecided,
        EliminationItemsKept,
        Eliminated,
        Limited,
        GlassBroken,
    )
}

DETAILED: Final = (PatientFactRecorded, HoldPlaced)
"""Events of which the tables take something out of the payload, a CBOR map."""


def lifecycle_body(event: LifecycleEvent) -> dict[str, Any]:
    """Return the CBOR-ready body of an event of the lifecycle."""
    body = asdict(event)
    match event:
        case HoldPlaced():
            return {**body, "hold_kind": event.hold_kind.value, "level": event.level.value}
        case EliminationProposed():
            lists = {"roles": list(event.roles), "visas": list(event.visas), "accepted": list(event.accepted)}
            return {**body, **lists, "items": [_item_array(item) for item in event.items]}
        case EliminationDecided():
            return {**body, "decision": event.decision.value}
        case EliminationItemsKept():
            return {**body, "scopes": [_scope_array(scope) for scope in event.scopes], "holds": list(event.holds)}
        case Eliminated():
            return {
                **body,
                "scope": _scope_array(event.scope),
                "rules": list(event.rules),
                "owners": list(event.owners),
            }
        case Limited() | GlassBroken():
            return {**body, "scope": _scope_array(event.scope)}
    return body


def lifecycle_event(kind: str, body: dict[str, Any]) -> LifecycleEvent:
    """Return the event a body of one of LIFECYCLE_KINDS stands for.

    Raises:
        KeyError, TypeError, ValueError: it is no such body.
    """
    if kind in _FLAT:
        return _FLAT[kind](**body)
    match kind:
        case HoldPlaced.kind:
            kinds = {"hold_kind": HoldKind(body["hold_kind"]), "level": HoldLevel(body["level"])}
            return HoldPlaced(**{**body, **kinds})
        case EliminationProposed.kind:
            lists = {name: tuple(body[name]) for name in ("roles", "visas", "accepted")}
            return EliminationProposed(**{**body, **lists, "items": tuple(_item(array) for array in body["items"])})
        case EliminationDecided.kind:
            return EliminationDecided(**{**body, "decision": StepDecision(body["decision"])})
        case EliminationItemsKept.kind:
            scopes = tuple(_scope(array) for array in body["scopes"])
            return EliminationItemsKept(**{**body, "scopes": scopes, "holds": tuple(body["holds"])})
        case Eliminated.kind:
            tuples = {"rules": tuple(body["rules"]), "owners": tuple(body["owners"])}
            return Eliminated(**{**body, "scope": _scope(body["scope"]), **tuples})
        case Limited.kind:
            return Limited(_scope(body["scope"]))
        case GlassBroken.kind:
            return GlassBroken(_scope(body["scope"]))
    raise KeyError(kind)


def _item_array(item: EliminationItem) -> list[Any]:
    return [_scope_array(item.scope), list(item.rules), item.retain_until, item.instances, item.size]


def _item(array: list[Any]) -> EliminationItem:
    scope, rules, retain_until, instances, size = array
    return EliminationItem(_scope(scope), tuple(rules), retain_until, instances, size)


def _scope_array(scope: Scope) -> list[str | None]:
    return [scope.study, scope.series, scope.instance]


def _scope(array: list[str | None]) -> Scope:
    study, series, instance = array
    if study is None:
        raise ValueError("a scope without a study")
    return Scope(StudyUID(study), None if series is None else SeriesUID(series), _instance(instance))


def _instance(uid: str | None) -> InstanceUID | None:
    return None if uid is None else InstanceUID(uid)
