"""The events of the lifecycle in the index: each goes to the module that knows its tables."""

from collections.abc import Mapping
from typing import Any

from vna.events import (
    JOURNAL_PLACE,
    ClockConfirmed,
    ClockJumped,
    DestructionAttested,
    Eliminated,
    EliminationCancelled,
    EliminationCertified,
    EliminationDecided,
    EliminationItemsKept,
    EliminationProposed,
    EventRecord,
    HoldPlaced,
    HoldReleased,
    PatientFactRecorded,
    PatientFactWithdrawn,
    ProfileActivated,
    ProfileProposed,
    RetentionShortened,
    StudyDisplaced,
    StudyPlaced,
)
from vna.index.clock import apply_clock_event
from vna.index.eliminating import apply_eliminated
from vna.index.eliminations import apply_elimination_event
from vna.index.erasing import forget_erased
from vna.index.facts import apply_fact_event
from vna.index.holds import apply_hold_event
from vna.index.placements import apply_tier_event
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
        case StudyPlaced() | StudyDisplaced() as event:
            apply_tier_event(cursor, event)
        case ClockJumped() | ClockConfirmed() as event:
            apply_clock_event(cursor, record, event)
        case Eliminated() as event:
            apply_elimination_event(cursor, record, event)
            apply_eliminated(cursor, record, event)
        case DestructionAttested() as event:
            apply_elimination_event(cursor, record, event)
            if event.place == JOURNAL_PLACE:
                forget_erased(cursor, event.elimination)
        case (
            EliminationProposed()
            | EliminationDecided()
            | EliminationItemsKept()
            | EliminationCancelled()
            | EliminationCertified()
        ) as event:
            apply_elimination_event(cursor, record, event)
