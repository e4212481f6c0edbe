"""An elimination as plain values: what the command line prints as JSON, REST answers, and papers are printed from."""

from typing import Any, Final

from vna.archive.eliminations import EliminationShown, EliminationStanding
from vna.index import Attestation, ListedItem, Step
from vna.retention import Communicable

_NO_LINE: Final[list[Any]] = [[], "", [], [], []]


def told_elimination_standing(standing: EliminationStanding) -> dict[str, Any]:
    """Return how an elimination stands; times are UTC in ISO 8601."""
    elimination, until = standing.elimination, standing.waits_until
    return {
        "number": elimination.number,
        "state": standing.state.value,
        "by": elimination.actor,
        "time": elimination.time,
        "state_time": elimination.state_time,
        "waits_until": until.isoformat() if until else None,
        "left": standing.left,
        "profile": elimination.profile,
        "action": elimination.action,
        "roles": list(elimination.roles),
        "visas": list(elimination.visas),
        "wait_days": elimination.wait_days,
        "max_per_day": elimination.max_per_day,
        "accepted": list(elimination.accepted),
        "list_digest": elimination.digest,
        "certificate": elimination.certificate,
    }


def told_elimination(shown: EliminationShown) -> dict[str, Any]:
    """Return all that is known of an elimination."""
    description = {name: value for name, value in shown.description.items() if name != "lines"}
    lines = shown.description.get("lines", [_NO_LINE] * len(shown.items))
    return {
        "archive": shown.archive,
        **told_elimination_standing(shown.standing),
        "bordereau": description,
        "steps": [told_step(step) | {"comment": shown.comments.get(step.position, "")} for step in shown.steps],
        "items": [_told_item(item, line, shown) for item, line in zip(shown.items, lines, strict=True)],
        "places": [told_attestation(each) for each in shown.attestations],
    }


def told_step(step: Step) -> dict[str, Any]:
    """Return a decision."""
    return {
        "role": step.role,
        "by": step.actor,
        "time": step.time,
        "decision": step.decision.value,
        "reference": step.reference,
        "reference_date": step.reference_date,
        "document": step.document,
        "position": step.position,
    }


def told_attestation(attestation: Attestation) -> dict[str, Any]:
    """Return what a place attested."""
    return {
        "place": attestation.place,
        "method": attestation.method,
        "files": attestation.files,
        "size": attestation.size,
        "time": attestation.time,
        "position": attestation.position,
    }


def _told_item(item: ListedItem, line: list[Any], shown: EliminationShown) -> dict[str, Any]:
    modalities, study_date, establishments, departments, patients = line
    outcome = "kept" if item.kept_at is not None else "eliminated" if item.eliminated_at is not None else "listed"
    return {
        "item": item.number,
        "study": item.scope.study,
        "series": item.scope.series,
        "instance": item.scope.instance,
        "modalities": list(modalities),
        "study_date": study_date,
        "establishments": list(establishments),
        "departments": list(departments),
        "patients": list(patients),
        "rules": list(item.rules),
        "retain_until": item.retain_until,
        "instances": item.instances,
        "size": item.size,
        "outcome": outcome,
        "cause": item.cause or "",
        "holds": list(item.holds),
        "by": item.kept_by or "",
        "time": item.kept_time or item.eliminated_time or "",
        "comment": shown.comments.get(item.kept_at, "") if item.kept_at is not None else "",
        "communicable": _told_term(shown.communicable.get(item.number)),
    }


def _told_term(term: Communicable | None) -> dict[str, str] | None:
    """Return from when on something may be communicated, without the day that is counted from."""
    return term and {"after": term.after.isoformat(), "start_event": term.start_event, "cite": term.cite}
