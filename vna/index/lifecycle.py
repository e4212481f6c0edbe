"""The events of the lifecycle in the index: each goes to the module that knows its tables."""

from collections.abc import Mapping
from typing import Any

from vna.events import (
    EventRecord,
    HoldPlaced,
    HoldReleased,
    PatientFactRecorded,
    PatientFactWithdrawn,
    ProfileActivated,
    ProfileProposed,
    RetentionShortened,
)
from vna.index.facts import apply_fact_event
from vna.index.holds import apply_hold_event
from vna.index.profiles import apply_profile_event
from vna.index.statements import Cursor


def apply_lifecycle_event(cursor: Cursor, record: EventRecord, detail: Mapping[str, Any] | None) -> None:
    """Put the effect of one event of the lifecycle into the tables."""
    match record.event:
        case PatientFactRecorded() | PatientFactWithdrawn() as event:
            apply_fact_event(cursor, record, event, detail)
        case HoldPlaced() | HoldReleased() as event:
            apply_hold_event(cursor, record, event, detail)
        case ProfileProposed() | ProfileActivated() | RetentionShortened() as event:
            apply_profile_event(cursor, record, event)
