"""What evaluation says of a study: how long it must be kept, by which rules, and what stands against letting it go."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a study or a part of one stands on a day. Only DUE may be eliminated without somebody's own judgement."""

    RETAINED = "retained"
    """Its time is not over."""
    DUE = "due"
    """Its time is over, and nothing stands against elimination."""
    HELD = "held"
    """A hold stands over it: it beats every rule."""
    SUSPENDED = "suspended"
    """A claim is open, so time stands still."""
    BLOCKED_IDENTITY = "blocked:identity"
    """Its time is over, but whose it is, or when that one was born, is not sure."""
    BLOCKED_BASIS = "blocked:basis"
    """Its time is over as far as images tell; of visits nothing is known."""
    BLOCKED_UNVERIFIED = "blocked:unverified"
    """Its time is over by a profile that nobody has verified."""
    BLOCKED_RULES = "blocked:rules"
    """No rule says how long it is kept, a rule cannot say since when, or the profile keeps everything."""


class Blocker(StrEnum):
    """What stands against automatic elimination, whether or not the time is over."""

    HOLD = "hold"
    CLAIM = "claim"
    NO_RULE = "no-rule"
    """No rule applies, so it is kept for ever."""
    NO_START = "no-start"
    """A rule applies whose start is not known, such as a study without a date."""
    KEEPS = "keeps"
    """The profile eliminates nothing."""
    IDENTITY = "identity"
    """The identity is doubtful, or in conflict after a merge."""
    BIRTH_DATE = "birth-date"
    """A rule asks for the birth date, which is not known or said in several ways."""
    BASIS = "basis"
    """No visit is known: the basis is imaging only."""
    UNVERIFIED = "unverified"
    """Nobody has verified the profile."""


class Basis(StrEnum):
    """What the last visit is known from."""

    VISITS = "visits"
    IMAGING_ONLY = "imaging-only"


class RuleMatch(NamedTuple):
    """A rule that applied: from which event and day it counts, and to which day, both None where it is not known.

    `replaced_by` names the rule that takes its place, empty where it counts itself.
    """

    rule: str
    start_event: str
    start: date | None
    until: date | None
    cite: str
    replaced_by: str = ""


class Input(NamedTuple):
    """Something that was used, with where it comes from."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class PartVerdict:
    """What becomes of a series, or of an instance of it, before its study goes."""

    series_uid: str
    instance_uid: str | None
    retain_until: date | None
    state: State
    rules: tuple[RuleMatch, ...]
    blockers: tuple[Blocker, ...]
    holds: tuple[int, ...]


@dataclass(slots=True)
class Verdict:
    """What evaluation says of a study on a day.

    `retain_until` is the last day it must be kept; None where no end is known. `holds` are the numbers of those that
    stand over it. `parts` are those that rules of level series or instance let go earlier.
    """

    study_uid: str
    on: date
    profile: str
    version: str
    retain_until: date | None
    state: State
    basis: Basis
    rules: tuple[RuleMatch, ...]
    used: Callable[[], tuple[Input, ...]] = field(repr=False, compare=False)
    blockers: tuple[Blocker, ...]
    holds: tuple[int, ...]
    parts: tuple[PartVerdict, ...] = ()

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What was used, with where it comes from; worked out when asked for, as of a million studies few are."""
        return self.used()

    @property
    def counting(self) -> tuple[str, ...]:
        """The ids of the rules that apply and were not replaced."""
        return tuple(match.rule for match in self.rules if not match.replaced_by)
