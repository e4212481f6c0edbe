"""What fsck may find, how it is told to go about it, and what it has compared."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from vna.archive.same_history import NOTHING_REMEMBERED, Remembered


class Kind(StrEnum):
    """What is found."""

    JOURNAL = "journal"
    HISTORY = "history"
    EVENT = "event"
    TABLE = "table"
    UNSEALED = "unsealed"
    AWAY = "away"
    MISSING = "missing"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"
    LOST = "lost"
    LEFTOVER = "leftover"
    UNUSED = "unused"
    DELETING = "deleting"


HARMLESS: Final = frozenset({Kind.UNSEALED, Kind.LEFTOVER, Kind.UNUSED, Kind.DELETING})
"""What a node puts in order by itself, without loss."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is not as it should be: what it is of, in words, and what was done about it, if anything.

    `subject` is a place of the store, a document of the journal, or the index; `instances` are so many that are made
    of the blob, the first of them in `study`.
    """

    kind: Kind
    subject: str
    problem: str
    repair: str = ""
    is_repaired: bool = False
    instances: int = 0
    study: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether something is wrong that is still so."""
        return self.kind not in HARMLESS and not self.is_repaired


@dataclass(slots=True)
class Tally:
    """What was compared: blobs the index has rows of, files, and segments; `young` files are too new to be judged."""

    rows: int = 0
    files: int = 0
    young: int = 0
    segments: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How to check: `deep` reads every byte; `repair` puts right what can be; the key must have signed heads.

    Files that nobody knows are told of only when they are older than `grace_s`: they may just be coming in. How far the
    journal was sealed once is `remembered`; what is made for a check in depth goes into `scratch`, and away again.
    """

    grace_s: float
    deep: bool = False
    repair: bool = False
    public_key: str | None = None
    remembered: Remembered = NOTHING_REMEMBERED
    scratch: Path | None = None
