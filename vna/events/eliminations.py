"""Eliminations: proposed as a list (the bordereau), decided on step by step, carried out, attested and certified."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from vna.model import Scope


class StepDecision(StrEnum):
    """What a person in a role says of a proposed elimination."""

    FAVOURABLE = "favourable"
    """An opinion in favour, or an approval."""
    UNFAVOURABLE = "unfavourable"
    """An opinion against, or a refusal: the elimination ends there."""


@dataclass(frozen=True, slots=True)
class EliminationItem:
    """A line of the list: a study, or a series or instance of one; `rules` are the ids of those whose time is over.

    `retain_until` is ISO 8601; `instances` counts all versions, `size` is their bytes as received.
    """

    scope: Scope
    rules: tuple[str, ...]
    retain_until: str
    instances: int
    size: int


@dataclass(frozen=True, slots=True)
class EliminationProposed:
    """A list of what may go, by the profile proposed at position `profile`; known by the position of this event.

    `digest` is the SHA-256 of the list (vna.archive.bordereau says of what). `roles` are who has to agree, in this
    order; of those in `visas` a number and a date are asked for. `wait_days` is how long nothing happens after the last
    of them did, `max_per_day` how many items go in a day (0: any). `accepted` are blockers of an automatic elimination
    that the person who proposes takes on. The bordereau is the payload, which `owner` names: it is kept as proof.
    """

    kind: ClassVar[str] = "elimination-proposed"
    schema_version: ClassVar[int] = 1

    owner: str
    profile: int
    action: str
    digest: str
    roles: tuple[str, ...]
    visas: tuple[str, ...]
    wait_days: int
    max_per_day: int
    accepted: tuple[str, ...]
    items: tuple[EliminationItem, ...]


@dataclass(frozen=True, slots=True)
class EliminationDecided:
    """What a person, the actor, decided in a role; a comment is the payload.

    `reference` is such as a visa's number and `reference_date` its date (ISO 8601). `document` is the SOP Instance UID
    of the signed paper, where that is held in the archive.
    """

    kind: ClassVar[str] = "elimination-decided"
    schema_version: ClassVar[int] = 1

    elimination: int
    role: str
    decision: StepDecision
    reference: str
    reference_date: str
    document: str


@dataclass(frozen=True, slots=True)
class EliminationItemsKept:
    """These items leave the list and are kept; `cause` is such as historical, sample, hold or not-due.

    `holds` are those over them, where that is the cause.
    """

    kind: ClassVar[str] = "elimination-items-kept"
    schema_version: ClassVar[int] = 1

    elimination: int
    scopes: tuple[Scope, ...]
    cause: str
    holds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EliminationCancelled:
    """An elimination that has not begun will not be; a comment is the payload."""

    kind: ClassVar[str] = "elimination-cancelled"
    schema_version: ClassVar[int] = 1

    elimination: int


@dataclass(frozen=True, slots=True)
class Eliminated:
    """An item went: from here on the index does not know it, and this is its tombstone.

    `rules` name those whose time was over. `manifest` is the digest of the list of objects that the certificate holds,
    which is the payload; `instances` counts all versions, `size` their bytes as received, `first_versions` those that
    were the first of their key, and `stored_size` the stored bytes that nothing else needs. `owners` are patients and
    holds of which nothing is left, by the names that their payloads are erased with. Rebuild and restore apply this
    again, whatever a backup brings back. An `elimination` of 0 means that a ledger of another history of this archive
    says so, and `ledger` is the digest of what it says.
    """

    kind: ClassVar[str] = "eliminated"
    schema_version: ClassVar[int] = 1

    elimination: int
    scope: Scope
    rules: tuple[str, ...]
    manifest: str
    instances: int
    size: int
    first_versions: int = 0
    stored_size: int = 0
    owners: tuple[str, ...] = ()
    ledger: str = ""


JOURNAL_PLACE: Final = "journal"
"""The place that attests that payloads are erased: what the index keeps of them goes with it."""


@dataclass(frozen=True, slots=True)
class DestructionAttested:
    """Of an elimination nothing is left in one place: a store, the journal's payloads, the index, derived documents.

    `method` says how it was destroyed; `files` and `size` are what went there.
    """

    kind: ClassVar[str] = "destruction-attested"
    schema_version: ClassVar[int] = 1

    elimination: int
    place: str
    method: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class EliminationCertified:
    """Every place has attested; `digest` is the SHA-256 of the signed certificate."""

    kind: ClassVar[str] = "elimination-certified"
    schema_version: ClassVar[int] = 1

    elimination: int
    digest: str


EliminationEvent = (
    EliminationProposed
    | EliminationDecided
    | EliminationItemsKept
    | EliminationCancelled
    | Eliminated
    | DestructionAttested
    | EliminationCertified
)
