"""Retention profiles in the index: how events change them, and which one is in force."""

from sqlalchemy import bindparam, update

from vna.events import EventRecord, ProfileActivated, ProfileEvent, ProfileProposed
from vna.index.lifecycle_tables import retention_profile
from vna.index.statements import Cursor

_PROFILE = retention_profile.c
_REPLACE = (
    update(retention_profile)
    .where(_PROFILE.active_at.is_not(None), _PROFILE.replaced_at.is_(None))
    .values(replaced_at=bindparam("at"))
)
_ACTIVATE = (
    update(retention_profile)
    .where(_PROFILE.id == bindparam("which"))
    .values(
        active_at=bindparam("at"), active_time=bindparam("when"), activated_by=bindparam("by_whom"), replaced_at=None
    )
)


def apply_profile_event(cursor: Cursor, record: EventRecord, event: ProfileEvent) -> None:
    """Put the effect of one event into the table; that a date came earlier is known to the journal alone."""
    match event:
        case ProfileProposed():
            row = {
                "id": record.position,
                "name": event.name,
                "version": event.version,
                "text": event.text,
                "time": record.time,
                "actor": record.actor,
            }
            cursor.insert(retention_profile, row)
        case ProfileActivated(proposal=number):
            cursor.do(_REPLACE, {"at": record.position})
            activated = {"at": record.position, "when": record.time, "by_whom": record.actor}
            cursor.do(_ACTIVATE, {"which": number, **activated})
