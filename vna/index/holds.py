"""Holds in the index: how events change them."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import bindparam, update

from vna.events import EventRecord, HoldDetail, HoldEvent, HoldPlaced, HoldReleased
from vna.index.lifecycle_tables import hold
from vna.index.statements import Cursor

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
