"""What happened that retention depends on: whose studies are to be computed again, and because of which events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
from sqlalchemy import bindparam, select

from vna.events import (
    Eliminated,
    HoldPlaced,
    HoldReleased,
    InstanceRestored,
    InstanceStored,
    NoteRejected,
    PatientFactRecorded,
    PatientFactWithdrawn,
    PayloadsErased,
    Rejected,
    Restored,
)
from vna.index import tables
from vna.index.hiding_tables import note_instance
from vna.index.lifecycle_tables import patient_fact, subject
from vna.index.snapshots import Snapshots
from vna.index.statements import Cursor

PATIENT_OWNER: Final = "patient-"
"""How the names begin that the journal has for patients, and study UIDs never."""
EVENTS_AT_ONCE: Final = 1000
_NAMED_AT_MOST: Final = 3
_OF_STUDIES: Final = {each.kind for each in (InstanceStored, InstanceRestored, Rejected, NoteRejected, Restored)}

_EVENT, _PATIENT = tables.event.c, tables.patient.c
_EVENTS = (
    select(_EVENT.position, _EVENT.kind, _EVENT.body)
    .where(_EVENT.position > bindparam("after"), _EVENT.position <= bindparam("upto"))
    .order_by(_EVENT.position)
)
_OF_STUDY = (
    select(tables.study_record.c.patient_id)
    .join(tables.study, tables.study.c.id == tables.study_record.c.study_id)
    .where(tables.study.c.study_uid == bindparam("uid"))
    .distinct()
)
_OF_OWNER = (
    select(_PATIENT.id)
    .join(subject, (subject.c.patient_id == _PATIENT.patient_id) & (subject.c.issuer == _PATIENT.issuer))
    .where(subject.c.owner == bindparam("whose"))
)
_FACT_OWNER = select(patient_fact.c.owner).where(patient_fact.c.id == bindparam("which"))
_REJECTED_STUDY = select(tables.rejection.c.study_uid).where(tables.rejection.c.id == bindparam("which"))
_NOTED_STUDIES = select(note_instance.c.study_uid).where(note_instance.c.rejection_id == bindparam("which")).distinct()


@dataclass(slots=True)
class Changes:
    """What changed up to a position: patients by number, each with the events that are the cause, and holds.

    `gone` says that something was eliminated; `erased` that what was known of a patient was erased, whom nobody knows
    any more, so that it may be anybody.
    """

    upto: int
    patients: dict[int, list[str]] = field(default_factory=dict)
    holds: dict[int, str] = field(default_factory=dict)
    gone: bool = False
    erased: bool = False

    def cause(self, patient: int) -> str:
        """Return what is written as the cause of what changed for a patient."""
        said = self.patients.get(patient, [])
        more = ", ..." if len(said) > _NAMED_AT_MOST else ""
        return ", ".join(said[-_NAMED_AT_MOST:]) + more


class ChangeReader:
    """Reads what changed from one database; close it when done."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def changes(self, *, after: int, upto: int) -> Changes:
        """Return what the next `EVENTS_AT_ONCE` events behind `after` changed, none behind `upto`."""
        until = min(after + EVENTS_AT_ONCE, upto)
        found = Changes(until)
        with self._snapshots.reading() as cursor:
            studies: dict[str, list[str]] = {}
            owners: dict[str, list[str]] = {}
            for position, kind, body in cursor.all(_EVENTS, {"after": after, "upto": until}):
                cause = f"{kind} {position}"
                match kind:
                    case HoldPlaced.kind:
                        found.holds[position] = cause
                    case HoldReleased.kind:
                        found.holds[cbor2.loads(body)["hold"]] = cause
                    case PatientFactRecorded.kind | PatientFactWithdrawn.kind:
                        owners.setdefault(_owner(cursor, kind, cbor2.loads(body)), []).append(cause)
                    case PayloadsErased.kind if str(cbor2.loads(body)["owner"]).startswith(PATIENT_OWNER):
                        found.erased = True
                    case Eliminated.kind:
                        found.gone = True
                    case _ if kind in _OF_STUDIES:
                        for study in _study(cursor, kind, cbor2.loads(body)):
                            studies.setdefault(study, []).append(cause)
            for statement, name, causes in ((_OF_STUDY, "uid", studies), (_OF_OWNER, "whose", owners)):
                for which, because in causes.items():
                    for (patient,) in cursor.all(statement, {name: which}):
                        found.patients.setdefault(patient, []).extend(because[-_NAMED_AT_MOST - 1 :])
        return found


def _study(cursor: Cursor, kind: str, body: Mapping[str, Any]) -> Sequence[str]:
    """Return the studies of an event of `_OF_STUDIES`."""
    match kind:
        case InstanceRestored.kind:
            return (body["key"]["study"],)
        case NoteRejected.kind:
            return (body["note"][0], *(study for study, _ in body["instances"]))
        case Restored.kind:
            which = {"which": body["rejection"]}
            return [row[0] for row in (*cursor.all(_REJECTED_STUDY, which), *cursor.all(_NOTED_STUDIES, which))]
    return (body["study"],)


def _owner(cursor: Cursor, kind: str, body: Mapping[str, Any]) -> str:
    """Return whose fact an event is about: the name that the journal has for a patient."""
    if kind != PatientFactWithdrawn.kind:
        return str(body["owner"])
    return str(cursor.scalar(_FACT_OWNER, {"which": body["fact"]}) or "")
