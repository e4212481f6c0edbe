"""Retention profiles in the journal: proposed by one person, brought into force by another one.

A profile holds no patient data, so its text is in the body.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ProfileProposed:
    """A profile, as YAML text; known by the position of this event. `name` and `version` are those it says itself."""

    kind: ClassVar[str] = "profile-proposed"
    schema_version: ClassVar[int] = 1

    name: str
    version: str
    text: str


@dataclass(frozen=True, slots=True)
class ProfileActivated:
    """The profile proposed at position `proposal` is in force from here on, and the one before it is not."""

    kind: ClassVar[str] = "profile-activated"
    schema_version: ClassVar[int] = 1

    proposal: int


@dataclass(frozen=True, slots=True)
class RetentionShortened:
    """A study need not be kept as long as was computed before; dates are ISO 8601, `cause` says what changed.

    An empty date means that no end was known.
    """

    kind: ClassVar[str] = "retention-shortened"
    schema_version: ClassVar[int] = 1

    study: str
    before: str
    after: str
    cause: str


ProfileEvent = ProfileProposed | ProfileActivated | RetentionShortened
