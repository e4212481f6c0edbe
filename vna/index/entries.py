"""What goes into the committer and what comes out of it: one entry is one would-be event."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vna.dicom.describe import Description
from vna.events import Arrival, BlobEntry, Decision, Event, NoteRejected
from vna.model import Scope


class BlobState(StrEnum):
    """Where the bytes of a blob stand."""

    PRESENT = "present"
    BAD = "bad"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Payload:
    """What an event keeps beside the chain: `data` is zstd, with `base` as raw-content dictionary.

    `owner` is the study (or patient) it belongs to and can be erased with; `digest` is
    SHA-256(salt, plain payload); `base_data` is the base itself, compressed, entered with it if unknown.
    """

    owner: str
    salt: bytes
    digest: bytes
    data: bytes
    base: bytes
    base_data: bytes


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """An arrival to be decided on and recorded.

    `written` are the blobs whose bytes this arrival has made durable itself, none of them before the journal stood
    at position `began`: what a sweep has removed since then does not count. Every other blob it names must be
    `present` in the index at commit. `receipt_due` is true until the association has
    left a receipt for the study. `note` is what it rejects, where it is a rejection note. `base_at` is up to which
    elimination the base of its header is known to be of nothing that went; None where it has none.
    """

    origin_sequence: int
    time: str
    actor: str
    arrival: Arrival
    description: Description
    payload: Payload
    written: frozenset[str]
    receipt_due: bool = True
    began: int = 0
    note: NoteRejected | None = None
    base_at: int | None = None


@dataclass(frozen=True, slots=True)
class EventEntry:
    """An event that needs no decision.

    `detail` is the map that its payload holds, where the tables take something of it.
    """

    origin_sequence: int
    time: str
    actor: str
    event: Event
    payload: Payload | None = None
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoreNames:
    """The stores an archive knows: `full` ones are to hold all that is not displaced, tiers what is placed there."""

    full: tuple[str, ...] = ("",)
    tiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SweepEntry:
    """Blobs that nothing seemed to need when somebody looked; those that nothing needs at commit are to be deleted."""

    origin_sequence: int
    time: str
    actor: str
    blobs: tuple[BlobEntry, ...]
    stores: StoreNames = StoreNames()


@dataclass(frozen=True, slots=True)
class CopyEntry:
    """Copies that were made and read back, none of them before the journal stood at position `began`.

    Those that a sweep has removed since then, or is removing, are passed over, and what nothing needs any more.
    """

    origin_sequence: int
    time: str
    actor: str
    blobs: tuple[BlobEntry, ...]
    began: int


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """A study seems to lie in a store completely."""

    origin_sequence: int
    time: str
    actor: str
    study: str
    store: str
    stores: StoreNames


@dataclass(frozen=True, slots=True)
class DisplaceEntry:
    """A study is not to be kept in a store, if at least so many `copies` of each blob stay where it is kept.

    `unless_held` is set where what stays cannot be read at once: then a hold over any part of it forbids that.
    """

    origin_sequence: int
    time: str
    actor: str
    study: str
    store: str
    copies: int
    stores: StoreNames
    unless_held: bool = False


@dataclass(frozen=True, slots=True)
class EliminateEntry:
    """An item of an elimination that is to go, as it was listed; `versions` are the positions that brought it, sorted.

    Nothing that its retention hangs on may have changed since the journal stood at `evaluated_at`. `payload` is the
    list of its objects, `manifest` the digest of that. With a `ledger` it is one that a ledger says has gone before.
    """

    origin_sequence: int
    time: str
    actor: str
    elimination: int
    scope: Scope
    rules: tuple[str, ...]
    manifest: str
    versions: tuple[int, ...]
    evaluated_at: int
    payload: Payload
    ledger: str = ""


class SparedFor(StrEnum):
    """Why an item stays."""

    NOT_DECIDED = "not-decided"
    HELD = "held"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Spared:
    """Nothing was recorded: the item stays, for now, because of this; `holds` are those that stand over it."""

    cause: SparedFor
    reason: str
    holds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The entry is committed; `position` is None when nothing had to be recorded."""

    position: int | None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class NeedsComparison:
    """Nothing was recorded: compare the arrival with these held versions and submit again."""

    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeedsBlobs:
    """Nothing was recorded: these blobs are not present; write them and submit again.

    `wait` is true when the sweep is just deleting one, whose row must go first.
    """

    digests: tuple[str, ...]
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was recorded, and nothing will be while these rejections stand over the arrival."""

    rejections: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TooFewCopies:
    """Nothing was recorded: of these blobs too few copies would be left, `least` of the one that has the fewest."""

    digests: tuple[str, ...]
    least: int


@dataclass(frozen=True, slots=True)
class RefusedEliminated:
    """Nothing was recorded: the arrival lies in what this elimination destroyed."""

    elimination: int


@dataclass(frozen=True, slots=True)
class NeedsHeader:
    """Nothing was recorded: pack the header anew, against nothing that was known before this elimination."""

    eliminated_at: int


TierEntry = CopyEntry | PlaceEntry | DisplaceEntry
Entry = StoreEntry | EventEntry | SweepEntry | TierEntry | EliminateEntry
RefusedResult = Refused | RefusedEliminated | Spared | TooFewCopies
Result = Recorded | NeedsComparison | NeedsBlobs | NeedsHeader | RefusedResult
