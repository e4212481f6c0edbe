"""What becomes known of a patient beside images, and decides how long these are kept: visits, death, claims and so on.

A fact names a patient and says something of their health, so all of it is the payload; the chain knows the owner of the
payload alone, a name drawn by lot when the first fact of a patient is recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class FactKind(StrEnum):
    """What a fact says."""

    VISIT = "visit"
    """A stay ended, or an outpatient consultation or examination took place, on this date."""
    DEATH = "death"
    """The patient died on this date."""
    BIRTH_DATE = "birth-date"
    """The patient was born on this date, whatever images say."""
    TRANSFUSION = "transfusion"
    """Blood or a blood product was given on this date."""
    CLAIM_OPENED = "claim-opened"
    """A claim on medical liability, informal or before a court, was lodged on this date; `code` names it."""
    CLAIM_CLOSED = "claim-closed"
    """The claim that `code` names was closed on this date."""
    FLAG = "flag"
    """An event that rules may ask for by the name in `code`: implant, incident, transplant and so on."""
    DIAGNOSIS = "diagnosis"
    """`code` of the coding system `system` was diagnosed on this date."""
    IDENTITY = "identity"
    """How sure the identity is from this date on: `code` is confirmed, doubtful or conflict (of a merge)."""


@dataclass(frozen=True, slots=True)
class PatientFact:
    """One fact of a patient; `date` is ISO 8601 (2026-01-31).

    `establishment` is where it happened (such as a FINESS number), empty where the patient's issuer says enough;
    `feed` is who told: cli, rest, csv, a name of a feed.
    """

    issuer: str
    patient_id: str
    kind: FactKind
    date: str
    establishment: str = ""
    code: str = ""
    system: str = ""
    feed: str = ""

    def detail(self) -> dict[str, Any]:
        """Return it as the map that is the payload."""
        return {name: getattr(self, name) for name in self.__slots__} | {"kind": self.kind.value}

    @classmethod
    def of_detail(cls, detail: Mapping[str, Any]) -> "PatientFact":
        """Return the fact that a payload holds.

        Raises:
            ValueError: it is none.
        """
        try:
            return cls(**{**detail, "kind": FactKind(detail["kind"])})
        except (TypeError, KeyError) as exc:
            raise ValueError("no patient fact") from exc


@dataclass(frozen=True, slots=True)
class PatientFactRecorded:
    """A fact of a patient became known; it is the payload, which `owner` (a patient) is erased with."""

    kind: ClassVar[str] = "patient-fact-recorded"
    schema_version: ClassVar[int] = 1

    owner: str


@dataclass(frozen=True, slots=True)
class PatientFactWithdrawn:
    """The fact that was recorded at position `fact` is not true; why is the payload."""

    kind: ClassVar[str] = "patient-fact-withdrawn"
    schema_version: ClassVar[int] = 1

    fact: int


FactEvent = PatientFactRecorded | PatientFactWithdrawn
