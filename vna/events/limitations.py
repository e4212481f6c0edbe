"""Limitations: what is kept and shown to nobody, because the patient has a right to it (GDPR Article 18)."""

from dataclasses import dataclass
from typing import ClassVar

from vna.model import Scope


@dataclass(frozen=True, slots=True)
class Limited:
    """A study, series or instance is hidden everywhere from here on; known by the position of this event.

    What arrives in it is taken, and hidden too. Why is the payload.
    """

    kind: ClassVar[str] = "limited"
    schema_version: ClassVar[int] = 1

    scope: Scope


@dataclass(frozen=True, slots=True)
class LimitationLifted:
    """A limitation stands no longer; why is the payload."""

    kind: ClassVar[str] = "limitation-lifted"
    schema_version: ClassVar[int] = 1

    limitation: int


@dataclass(frozen=True, slots=True)
class GlassBroken:
    """Somebody (the actor) was given what is limited, for a reason, which is the payload."""

    kind: ClassVar[str] = "glass-broken"
    schema_version: ClassVar[int] = 1

    scope: Scope


LimitationEvent = Limited | LimitationLifted | GlassBroken
