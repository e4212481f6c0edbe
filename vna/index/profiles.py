"""Retention profiles in the index: how events change them, and which one is in force."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, bindparam, select, update

from vna.events import Event, EventRecord, ProfileActivated, ProfileEvent, ProfileProposed, RetentionShortened
from vna.index import tables
from vna.index.lifecycle_tables import retention_profile
from vna.index.retention_tables import retention
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
_NAMED = select(_PROFILE.id).where(_PROFILE.name == bindparam("of_name"), _PROFILE.version == bindparam("of_version"))
_TO_ACTIVATE = select(_PROFILE.id).where(
    _PROFILE.id == bindparam("which"), (_PROFILE.active_at.is_(None)) | (_PROFILE.replaced_at.is_not(None))
)
_STUDY_ID = select(tables.study.c.id).where(tables.study.c.study_uid == bindparam("of_study")).scalar_subquery()
_COMPUTED = select(retention.c.retain_until).where(retention.c.study_id == _STUDY_ID)
_SHORTEN = update(retention).where(retention.c.study_id == _STUDY_ID).values(retain_until=bindparam("end"))


@dataclass(frozen=True, slots=True)
class KeptProfile:
    """A profile that was proposed; `number` is the position of that event, times are UTC in ISO 8601.

    `active_at` is the position since which it is or was in force, `replaced_at` that since which it is not any more.
    """

    number: int
    name: str
    version: str
    text: str
    time: str
    actor: str
    active_at: int | None
    active_time: str | None
    activated_by: str | None
    replaced_at: int | None

    @property
    def is_in_force(self) -> bool:
        """Whether retention is computed by it now."""
        return self.active_at is not None and self.replaced_at is None


class ProfileReader:
    """Reads the profiles of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[KeptProfile]:
        """Return every profile, in the order they were proposed in."""
        return self._read(select(retention_profile).order_by(_PROFILE.id))

    def in_force(self) -> KeptProfile | None:
        """Return the profile in force; None before the first one was activated."""
        active = (_PROFILE.active_at.is_not(None), _PROFILE.replaced_at.is_(None))
        return next(iter(self._read(select(retention_profile).where(*active))), None)

    def get(self, number: int) -> KeptProfile | None:
        """Return the profile of this number."""
        return next(iter(self._read(select(retention_profile).where(_PROFILE.id == number))), None)

    def named(self, name: str, version: str) -> KeptProfile | None:
        """Return the profile of this name and version."""
        named = (_PROFILE.name == name, _PROFILE.version == version)
        return next(iter(self._read(select(retention_profile).where(*named))), None)

    def _read(self, wanted: Select[Any]) -> list[KeptProfile]:
        with self._engine.connect() as connection:
            return [KeptProfile(*row) for row in connection.execute(wanted)]


def profiles_permit(cursor: Cursor, event: Event) -> bool:
    """Return whether a proposal, activation or shortening changes anything, asked behind the lock on the position.

    A name and version that are published stay what they are; what is in force need not be brought into force. That a
    study may go earlier than was computed is news as long as the longer time is what was computed last.
    """
    match event:
        case ProfileProposed():
            return cursor.scalar(_NAMED, {"of_name": event.name, "of_version": event.version}) is None
        case ProfileActivated():
            return cursor.scalar(_TO_ACTIVATE, {"which": event.proposal}) is not None
        case RetentionShortened():
            return bool(cursor.scalar(_COMPUTED, {"of_study": event.study}) == event.before)
    return True


def apply_profile_event(cursor: Cursor, record: EventRecord, event: ProfileEvent) -> None:
    """Put the effect of one event into the tables; of a date that came earlier only what was computed knows."""
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
        case RetentionShortened():
            cursor.do(_SHORTEN, {"of_study": event.study, "end": event.after})
