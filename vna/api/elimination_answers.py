"""What is answered of eliminations, declared once: the schemas of the description are made from these types.

Times are UTC in ISO 8601; dates are, too, but for study dates, which are as DICOM writes them. Digests are SHA-256.
"""

from typing import TypedDict

from vna.archive import EliminationState
from vna.events import StepDecision


class StandingTold(TypedDict):
    """How an elimination stands; `waits_until` is null before all have agreed, `certificate` until it is signed."""

    number: int
    state: EliminationState
    by: str
    time: str
    state_time: str
    waits_until: str | None
    left: int
    profile: int
    action: str
    roles: list[str]
    visas: list[str]
    wait_days: int
    max_per_day: int
    accepted: list[str]
    list_digest: str
    certificate: str | None


class ProfileTold(TypedDict):
    """The profile a list was made by, and who verified it, if anybody."""

    name: str
    version: str
    jurisdiction: str
    verified_by: str
    verified_on: str


class ApprovalTold(TypedDict):
    """A role that has to decide, and on what."""

    role: str
    kind: str


class FiltersTold(TypedDict):
    """What a proposal was about; empty is anything."""

    modality: str
    establishment: str
    before: str
    limit: int


class RuleTold(TypedDict):
    """A rule, and the text of the law it cites."""

    id: str
    cite: str


class ExcludedTold(TypedDict):
    """What is past its time and was left out, with why, and the holds over it."""

    study: str
    series: str | None
    instance: str | None
    cause: str
    holds: list[int]
    retain_until: str


class BordereauTold(TypedDict, total=False):
    """What a list is described with, `size` in bytes as received; empty once it was erased.

    `comment` is what who proposed it wrote.
    """

    format: str
    version: int
    on: str
    profile: ProfileTold
    approvals: list[ApprovalTold]
    filters: FiltersTold
    rules: list[RuleTold]
    establishments: list[str]
    departments: list[str]
    typology: dict[str, int]
    dates: list[str]
    patients: int
    studies: int
    items: int
    instances: int
    size: int
    excluded: list[ExcludedTold]
    comment: str


class StepTold(TypedDict):
    """A decision; `position` is that of its event in the journal."""

    role: str
    by: str
    time: str
    decision: StepDecision
    reference: str
    reference_date: str
    document: str
    position: int
    comment: str


class TermTold(TypedDict):
    """From when on something may be communicated."""

    after: str
    start_event: str
    cite: str


class ItemTold(TypedDict):
    """A line of a list, and what became of it; `size` in bytes as received, patients as numbers within the list."""

    item: int
    study: str
    series: str | None
    instance: str | None
    modalities: list[str]
    study_date: str
    establishments: list[str]
    departments: list[str]
    patients: list[int]
    rules: list[str]
    retain_until: str
    instances: int
    size: int
    outcome: str
    cause: str
    holds: list[int]
    by: str
    time: str
    comment: str
    communicable: TermTold | None


class PlaceTold(TypedDict):
    """What a place attested; `size` in bytes on disk."""

    place: str
    method: str
    files: int
    size: int
    time: str
    position: int


class EliminationTold(StandingTold):
    """All that is known of an elimination; `archive` is the uid of the archive."""

    archive: str
    bordereau: BordereauTold
    steps: list[StepTold]
    items: list[ItemTold]
    places: list[PlaceTold]
