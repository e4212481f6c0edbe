"""The clock that retention goes by: when it jumped, and who found that it is right."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ClockJumped:
    """The clock said `seen` when, after `trusted`, it could not be that late or that early; both are UTC in ISO 8601.

    From here on nothing is eliminated or moved, until somebody confirms the time. Known by the position of this event.
    """

    kind: ClassVar[str] = "clock-jumped"
    schema_version: ClassVar[int] = 1

    trusted: str
    seen: str


@dataclass(frozen=True, slots=True)
class ClockConfirmed:
    """Somebody, the actor, has found that the clock is right after the jump at position `jump`."""

    kind: ClassVar[str] = "clock-confirmed"
    schema_version: ClassVar[int] = 1

    jump: int


ClockEvent = ClockJumped | ClockConfirmed
