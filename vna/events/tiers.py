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
    """A study as it was up to journal position `upto` is not kept in this store any more.

    What only it needed there is deleted, while of each blob at least `copies` lie in other stores.
    """

    kind: ClassVar[str] = "study-displaced"
    schema_version: ClassVar[int] = 1

    study: str
    store: str
    upto: int
    copies: int


TierEvent = StudyPlaced | StudyDisplaced
