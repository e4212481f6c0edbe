"""What rules look at: a patient's timeline, a study with its series and instances, and the holds over it.

Whoever gathers these says of each fact where it comes from. Nothing depends on the order in which facts are given.

Nobody changes a value of this package, though what is made anew for every study is not frozen: a frozen dataclass of a
dozen fields takes eight times as long to make, which was a quarter of an evaluation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from vna.events import FactKind, HoldKind, HoldLevel

TRANSFUSION = "transfusion"
"""The name under which rules ask for facts of kind transfusion, beside the names of flags."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known of a patient (`vna.events.PatientFact`), with its date parsed.

    `source` says who told and, where it is known, when: it is quoted when a date is explained.
    """

    kind: FactKind
    date: date
    establishment: str = ""
    code: str = ""
    system: str = ""
    source: str = ""


class Examination(NamedTuple):
    """A study of the patient that this archive holds: when, where, and of which modalities."""

    date: date
    establishment: str = ""
    modalities: frozenset[str] = frozenset()
    study_uid: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The time in which a claim on medical liability is open: from a day to the day it was closed, or None."""

    opened: date
    closed: date | None
    code: str = ""
    source: str = ""


class Identity(StrEnum):
    """How sure it is whose studies these are, from sure to not."""

    CONFIRMED = "confirmed"
    DOUBTFUL = "doubtful"
    CONFLICT = "conflict"


@dataclass(slots=True)
class Timeline:
    """What is known of a patient, sorted by kind; made by `Timeline.of`.

    `births` are the birth dates that are said: those of corrections if there are any, else those of images. Where they
    differ, the latest one counts (`birth_date`), and the identity is not clear.
    """

    births: frozenset[date] = frozenset()
    birth_date: date | None = None
    birth_source: str = ""
    sex: str = ""
    death: Fact | None = None
    visits: tuple[Fact, ...] = ()
    examinations: tuple[Examination, ...] = ()
    events: tuple[Fact, ...] = ()
    diagnoses: tuple[Fact, ...] = ()
    claims: tuple[Claim, ...] = ()
    identity: Identity = Identity.CONFIRMED

    @classmethod
    def of(
        cls,
        facts: Iterable[Fact] = (),
        examinations: Iterable[Examination] = (),
        *,
        births: Iterable[date] = (),
        sex: str = "",
    ) -> "Timeline":
        """Sort what is known of a patient.

        Args:
            births: the birth dates that the images say, none for none.
        """
        by_kind: dict[FactKind, list[Fact]] = {}
        for fact in facts:
            by_kind.setdefault(fact.kind, []).append(fact)
        corrections = by_kind.get(FactKind.BIRTH_DATE)
        said = frozenset(fact.date for fact in corrections) if corrections else frozenset(births)
        return cls(
            births=said,
            birth_date=max(said, default=None),
            birth_source=max(corrections, key=_when).source if corrections else "images",
            sex=sex,
            death=max(by_kind.get(FactKind.DEATH, ()), key=_when, default=None),
            visits=tuple(by_kind.get(FactKind.VISIT, ())),
            examinations=tuple(examinations),
            events=(*by_kind.get(FactKind.TRANSFUSION, ()), *by_kind.get(FactKind.FLAG, ())),
            diagnoses=tuple(by_kind.get(FactKind.DIAGNOSIS, ())),
            claims=_claims(by_kind.get(FactKind.CLAIM_OPENED, ()), by_kind.get(FactKind.CLAIM_CLOSED, ())),
            identity=_identity(by_kind.get(FactKind.IDENTITY, ())),
        )


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a coding system, such as a procedure code (PS3.3 8.8): scheme designator and value."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """What rules may ask of an instance; thickness in mm, None where it is not known."""

    uid: str
    sop_class: str = ""
    image_type: frozenset[str] = frozenset()
    slice_thickness: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What rules may ask of a series; thickness in mm, None where it is not known.

    `instances` need be given only for profiles that have rules of level instance.
    """

    uid: str
    modality: str = ""
    description: str = ""
    body_part: str = ""
    station: str = ""
    institution: str = ""
    sop_classes: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    slice_thickness: float | None = None
    instances: tuple[InstanceFacts, ...] = ()


@dataclass(slots=True)
class StudyFacts:
    """What rules may ask of a study; what its series say is collected, `series` is for rules of level series.

    `Profile.needs` names what a profile asks for: the rest may be left out. `establishments` is empty where it is not
    known: then visits of any count for the study. `sources` are the names of those who sent it.
    """

    uid: str
    study_date: date | None = None
    establishments: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    sop_classes: frozenset[str] = frozenset()
    body_parts: frozenset[str] = frozenset()
    procedure_codes: tuple[Code, ...] = ()
    description: str = ""
    series_descriptions: frozenset[str] = frozenset()
    stations: frozenset[str] = frozenset()
    institutions: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    record_class: str = "medical_record"
    series: tuple[SeriesFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A hold over the study that is looked at, or over one of its series; released ones of a claim count too.

    `from_date` and `until_date` are both inclusive. `series` is empty unless the hold names a series.
    """

    id: int
    kind: HoldKind
    level: HoldLevel
    from_date: date
    until_date: date | None = None
    released_on: date | None = None
    series: str = ""

    def stands(self, on: date) -> bool:
        """Return whether it stands on a day."""
        if self.released_on is not None or on < self.from_date:
            return False
        return self.until_date is None or on <= self.until_date


def _when(fact: Fact) -> tuple[date, str, str]:
    return fact.date, fact.source, fact.code


def _identity(facts: Iterable[Fact]) -> Identity:
    """Return what is said last; of two said for one day, the less sure one. What is none of the words is a doubt."""
    ranks = list(Identity)
    said = [(fact.date, ranks.index(_identity_word(fact.code))) for fact in facts]
    return ranks[max(said)[1]] if said else Identity.CONFIRMED


def _identity_word(word: str) -> Identity:
    return Identity(word) if word in set(Identity) else Identity.DOUBTFUL


def _claims(opened: Iterable[Fact], closed: Iterable[Fact]) -> tuple[Claim, ...]:
    """Return each claim from its opening to the first closing of the same code on or after that day."""
    closings: dict[str, list[date]] = {}
    for fact in closed:
        closings.setdefault(fact.code, []).append(fact.date)
    found = []
    for fact in sorted(opened, key=_when):
        ends = [day for day in closings.get(fact.code, ()) if day >= fact.date]
        found.append(Claim(fact.date, min(ends, default=None), fact.code, fact.source))
    return tuple(found)
