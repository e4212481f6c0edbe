"""What goes into the committer and what comes out of it: one entry is one would-be event."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vna.dicom.describe import Description
from vna.events import Arrival, BlobEntry, Decision, Event


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
    left a receipt for the study.
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
class SweepEntry:
    """Blobs that nothing seemed to need when somebody looked; those that nothing needs at commit are to be deleted."""

    origin_sequence: int
    time: str
    actor: str
    blobs: tuple[BlobEntry, ...]


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


Entry = StoreEntry | EventEntry | SweepEntry
Result = Recorded | NeedsComparison | NeedsBlobs | Refused
