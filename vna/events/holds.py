"""Holds: what must be kept whatever any rule says, because somebody with a reason says so, until somebody else lets go.

Reason, case number, patient and query are the payload. It is erased after the hold is released, never before.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar


class HoldKind(StrEnum):
    """Why something is held."""

    LIABILITY_CLAIM = "liability-claim"
    SEIZURE = "seizure"
    INQUIRY = "inquiry"
    RESEARCH = "research"
    INCIDENT = "incident"
    OTHER = "other"


class HoldLevel(StrEnum):
    """What a hold names."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class HoldDetail:
    """What a hold says that the chain must not hold.

    `query` are matching keys by keyword, for a hold of level query; it holds what comes later and matches, too.
    """

    reason: str
    case_number: str = ""
    issuer: str = ""
    patient_id: str = ""
    query: tuple[tuple[str, str], ...] = ()

    def detail(self) -> dict[str, Any]:
        """Return it as the map that is the payload."""
        return {**asdict(self), "query": [list(each) for each in self.query]}

    @classmethod
    def of_detail(cls, detail: Mapping[str, Any]) -> "HoldDetail":
        """Return what a payload holds.

        Raises:
            ValueError: it is no such payload.
        """
        try:
            return cls(**{**detail, "query": tuple((str(key), str(value)) for key, value in detail["query"])})
        except (TypeError, KeyError) as exc:
            raise ValueError("no hold") from exc


@dataclass(frozen=True, slots=True)
class HoldPlaced:
    """A hold stands from `from_date` (ISO 8601) on, until `until_date` (empty: until released), both inclusive.

    It is known by the position of this event. `study` and `series` are UIDs, empty where the level needs none.
    `owner` is what the payload can be erased with: a name drawn by lot.
    """

    kind: ClassVar[str] = "hold-placed"
    schema_version: ClassVar[int] = 1

    owner: str
    hold_kind: HoldKind
    level: HoldLevel
    study: str
    series: str
    from_date: str
    until_date: str


@dataclass(frozen=True, slots=True)
class HoldReleased:
    """A hold stands no longer; why is the payload. Its actor is another person than who placed it."""

    kind: ClassVar[str] = "hold-released"
    schema_version: ClassVar[int] = 1

    hold: int


HoldEvent = HoldPlaced | HoldReleased
