"""A retention profile: the rules of a site as values, with the text of the law each one follows.

`vna.retention.reading` makes one out of YAML. Its predicates are closures: hand `text` to another process, and read it
again there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from vna.events import HoldKind
from vna.retention.anniversaries import Span
from vna.retention.case import Case
from vna.retention.facts import StudyFacts, Timeline


class Level(StrEnum):
    """What a rule is about."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


class ClockScope(StrEnum):
    """Whose visits and studies count as the last one."""

    PATIENT = "patient"
    PATIENT_IN_ESTABLISHMENT = "patient_in_establishment"
    """Those in the establishments of the study; where one of both is not known, too."""
    STUDY = "study"
    """None: the study itself counts alone."""


class Start(StrEnum):
    """The event that a rule counts from."""

    LAST_VISIT = "last_visit"
    """The last stay, consultation or study of the patient within the clock's scope."""
    LAST_EXAMINATION = "last_examination"
    """The last study of the patient within the clock's scope that has one of the rule's modalities."""
    STUDY_DATE = "study_date"
    ACT = "act"
    """The last of the events that the rule's `event` condition names."""
    LATER_OF_BOTH = "later_of_both"
    """The later of `act` and `last_visit`."""
    DIAGNOSIS = "diagnosis"
    """The last of the diagnoses that the rule's `diagnosis` condition names."""
    DEATH = "death"
    BIRTH = "birth"


class RuleScope(StrEnum):
    """To which studies of the patient a rule on an event applies."""

    WHOLE_RECORD = "whole_record"
    TAGGED_DOCUMENTS = "tagged_documents"
    """Those of a day of the event."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes of one coding system, listed or by the beginnings they share; an empty system stands for any."""

    system: str
    values: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def has(self, system: str, value: str) -> bool:
        """Return whether a code is one of them."""
        if self.system and system != self.system:
            return False
        return value in self.values or (bool(self.prefixes) and value.startswith(self.prefixes))


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies: a predicate, and what it asks for.

    `keys` are the names of all conditions in it. `events`, `diagnoses` and `modalities` are those its outermost
    level names: what `act`, `diagnosis` and `last_examination` are counted from.
    """

    holds: Callable[[Case], bool] = field(compare=False)
    keys: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    diagnoses: tuple[Codes, ...] = ()
    modalities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that says how long something is kept; `note` says what of it nobody has checked against the law's text."""

    id: str
    level: Level
    enabled: bool
    when: Condition
    start: Start
    keep: Span
    replaces: frozenset[str]
    scope: RuleScope
    cite: str
    note: str
    line: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """While what time stands still: claims that are patient facts, holds of these kinds; `cite` is the law."""

    claims: bool = False
    holds: frozenset[HoldKind] = frozenset()
    cite: str = ""


class TierVerb(StrEnum):
    """What a tier rule does with a study."""

    MOVE = "move"
    COPY = "copy"
    REENCODE = "reencode"
    RECALL = "recall"
    """When it is asked for, it is brought back from the one store to the other."""


@dataclass(frozen=True, slots=True)
class TierRule:
    """A rule about where a study lies: from one named store to another, or to another codec where it is.

    Both ages must have passed where both are given; `min_copies` is what must be left elsewhere or there, verified.
    """

    id: str
    enabled: bool
    when: Condition
    verb: TierVerb
    source: str
    target: str
    codec: str
    after_study: Span | None
    after_access: Span | None
    min_copies: int
    cite: str


@dataclass(frozen=True, slots=True)
class OnlineFloor:
    """For so long after its date a study of this kind lies in a store that is online, whatever tier rules say."""

    when: Condition
    keep: Span
    cite: str


@dataclass(frozen=True, slots=True)
class TierPolicy:
    """Where studies lie: rules in the order they are tried, and what none of them may go below."""

    min_copies: int = 1
    floors: tuple[OnlineFloor, ...] = ()
    rules: tuple[TierRule, ...] = ()


class NotePolicy(StrEnum):
    """What a rejection note does (IHE RAD TF-2 4.66, PS3.16 CID 7010)."""

    HIDE = "hide"
    """What it names is hidden, and stays so when it is sent again."""
    REPLACE = "replace"
    """What it names is hidden, and what is sent again under the same UIDs takes its place."""
    IGNORE = "ignore"
    """The note is kept, and changes nothing."""


class EliminationAction(StrEnum):
    """What becomes of what is due."""

    PROPOSE = "propose_elimination"
    KEEP = "keep"


class ApprovalKind(StrEnum):
    """What a person in a role gives."""

    OPINION = "opinion"
    APPROVAL = "approval"
    VISA = "visa"
    """An approval from outside, with a number and a date."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A step of the decision; no person gives two of them."""

    role: str
    kind: ApprovalKind
    reference: bool
    """Whether a reference, such as the number of a visa, must be given with it."""


class LateArrival(StrEnum):
    """What becomes of an instance that arrives after it was eliminated."""

    REFUSE = "refuse"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Elimination:
    """How what is due is decided on.

    `max_per_day` counts objects, 0 for no limit; `sample_every` keeps every nth item for history, 0 for none.
    """

    action: EliminationAction = EliminationAction.PROPOSE
    approvals: tuple[Approval, ...] = ()
    wait_days: int = 0
    max_per_day: int = 0
    sample_every: int = 0
    late_arrival: LateArrival = LateArrival.REFUSE


@dataclass(frozen=True, slots=True)
class ClosedTerm:
    """How long what is kept for history is closed to the public: after death or birth; `cite` is the law."""

    start: Start
    keep: Span
    cite: str


@dataclass(frozen=True, slots=True)
class Verified:
    """Who has checked a profile against the law, and when."""

    by: str
    on: date


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as read; `text` is the YAML, and two profiles of one text are equal.

    `study_rules` and `part_rules` are the enabled rules on studies, and on series and instances. `needs` names the
    conditions and starts that enabled rules use: a fact that none of them asks for need not be gathered. Of the
    terms in `communicable` the first one counts whose start is known.
    """

    name: str
    version: str
    text: str
    title: str
    jurisdiction: str
    verified: Verified | None
    clock_scope: ClockScope
    rules: tuple[Rule, ...]
    suspension: Suspension
    tiers: TierPolicy
    rejection_notes: Mapping[str, NotePolicy]
    elimination: Elimination
    communicable: tuple[ClosedTerm, ...]
    study_rules: tuple[Rule, ...]
    part_rules: tuple[Rule, ...]
    needs: frozenset[str]
    needs_birth_date: bool

    def case_of(self, timeline: Timeline, study: StudyFacts) -> Case:
        """Return the case of a study, among the visits and studies within the clock's scope."""
        scope = self.clock_scope
        return Case(timeline, study, everywhere=scope is ClockScope.PATIENT, alone=scope is ClockScope.STUDY)

    def cite(self, rule_id: str) -> str:
        """Return the text of the law that a rule follows; empty for an unknown rule."""
        return next((rule.cite for rule in self.rules if rule.id == rule_id), "")
