"""Facts of patients in the index: how events change them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, update

from vna.events import EventRecord, FactEvent, PatientFact, PatientFactRecorded, PatientFactWithdrawn
from vna.index.lifecycle_tables import patient_fact, subject
from vna.index.statements import Cursor

_WITHDRAW = (
    update(patient_fact)
    .where(patient_fact.c.id == bindparam("which"), patient_fact.c.withdrawn_at.is_(None))
    .values(withdrawn_at=bindparam("at"))
)


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
