"""The clock in the index: jumps that stand, and the times that were found right last, or said by the last event."""

from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Engine, Select, bindparam, func, insert, select, update

from vna.events import ClockConfirmed, ClockEvent, ClockJumped, Event, EventRecord
from vna.index import tables
from vna.index.clock_tables import clock_jump, clock_seen
from vna.index.database import turn_of
from vna.index.statements import Cursor

_JUMP = clock_jump.c
_STANDING = select(_JUMP.id).where(_JUMP.confirmed_at.is_(None)).limit(1)
_ONE_STANDING = select(_JUMP.id).where(_JUMP.confirmed_at.is_(None), _JUMP.id == bindparam("which"))
_CONFIRM = (
    update(clock_jump)
    .where(_JUMP.id == bindparam("which"), _JUMP.confirmed_at.is_(None))
    .values(confirmed_at=bindparam("at"), confirmed_time=bindparam("when"), confirmed_by=bindparam("by_whom"))
)
_ROW = 1


@dataclass(frozen=True, slots=True)
class ClockJump:
    """A jump of the clock from a time that was right to one that cannot be; both UTC in ISO 8601."""

    number: int
    trusted: str
    seen: str


@dataclass(frozen=True, slots=True)
class ClockMarks:
    """What is known of the time: found right last, said by the last event, confirmed last, and a jump that stands.

    Times are UTC in ISO 8601, empty where there is none; `confirmed` is a position, 0 for none.
    """

    seen: str
    last_event: str
    confirmed: int
    jump: ClockJump | None


class ClockTable:
    """What the index keeps of the clock."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._writing, self._reading = writing, reading
        self._lock, self._turn = Lock(), turn_of(writing)

    def marks(self) -> ClockMarks:
        """Return what is known of the time."""
        jump = select(_JUMP.id, _JUMP.trusted, _JUMP.seen).where(_JUMP.confirmed_at.is_(None)).limit(1)
        with self._reading.connect() as connection:

            def said(wanted: Select[Any]) -> Any:
                return connection.execute(wanted).scalar()

            found = connection.execute(jump).first()
            last = select(tables.event.c.time).order_by(tables.event.c.position.desc()).limit(1)
            return ClockMarks(
                seen=said(select(clock_seen.c.time)) or "",
                last_event=said(last) or "",
                confirmed=said(select(func.max(_JUMP.confirmed_at))) or 0,
                jump=ClockJump(*found) if found else None,
            )

    def keep(self, time: str) -> None:
        """Write down a time that was found right."""
        changed = update(clock_seen).values(time=time)
        with self._lock, self._turn, self._writing.begin() as connection:
            if connection.execute(changed).rowcount == 0:
                connection.execute(insert(clock_seen).values(id=_ROW, time=time))


def clock_permits(cursor: Cursor, event: Event) -> bool:
    """Return whether a jump or its end is news, asked behind the lock on the position: one jump stands at a time."""
    match event:
        case ClockJumped():
            return cursor.scalar(_STANDING, {}) is None
        case ClockConfirmed():
            return cursor.scalar(_ONE_STANDING, {"which": event.jump}) is not None
    return True


def apply_clock_event(cursor: Cursor, record: EventRecord, event: ClockEvent) -> None:
    """Put the effect of one event into the table."""
    match event:
        case ClockJumped():
            cursor.insert(clock_jump, {"id": record.position, "trusted": event.trusted, "seen": event.seen})
        case ClockConfirmed():
            confirmed = {"at": record.position, "when": record.time, "by_whom": record.actor}
            cursor.do(_CONFIRM, {"which": event.jump, **confirmed})
