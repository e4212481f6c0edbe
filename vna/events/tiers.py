"""Tiers: in which of the named stores a study lies."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class StudyPlaced:
    """All blobs of a study up to journal position `upto` lie in this store, each read back there.

    Their rows were entered by events before this one. `store` is empty for the main store.
    """

    kind: ClassVar[str] = "study-placed"
    schema_version: ClassVar[int] = 1

    study: str
    store: str
    upto: int


@dataclass(frozen=True, slots=True)
class StudyDisplaced:
    """A study is not kept in this store any more; what only it needed there is deleted."""

    kind: ClassVar[str] = "study-displaced"
    schema_version: ClassVar[int] = 1

    study: str
    store: str


TierEvent = StudyPlaced | StudyDisplaced
