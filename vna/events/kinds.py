"""The kinds of event: everything that can happen to an archive.

None holds patient data; `vna.events.bodies` says how they stand in the journal.
"""

from dataclasses import dataclass
from typing import ClassVar

from vna.events.lifecycle import LifecycleEvent
from vna.events.notes import NoteRejected
from vna.model import InstanceKey, InstanceUID, Outcome, Peer, RejectionReason, Scope, StudyUID


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """One blob as the index knows it; sizes in bytes. `store` names the replica it lies in, empty for the store."""

    digest: str
    codec: str
    plain_size: int
    stored_size: int
    store: str = ""

    @property
    def place(self) -> "BlobPlace":
        """Where its bytes lie."""
        return BlobPlace(self.digest, self.codec, self.store)


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """Where the bytes of a blob lie: under its digest and codec, in the store (an empty name) or a replica of it."""

    digest: str
    codec: str
    store: str = ""


@dataclass(frozen=True, slots=True)
class InstanceStored:
    """An instance was kept: `outcome` says as what, `version` counts from 1 within its key.

    `digest` is SHA-256(transfer syntax UID, 0x00, data set bytes as received); `size` is the length
    of those bytes; `recipe` (CBOR, vna.dicom.recipe) puts them back from header and blobs. The
    header, and for files the preamble and File Meta, are the payload.
    """

    kind: ClassVar[str] = "instance-stored"
    schema_version: ClassVar[int] = 1

    key: InstanceKey
    sop_class_uid: str
    transfer_syntax: str
    digest: str
    size: int
    source: str
    issuer: str
    outcome: Outcome
    version: int
    recipe: bytes
    blobs: tuple[BlobEntry, ...]


@dataclass(frozen=True, slots=True)
class ReceivedAgain:
    """Bytes already held arrived again: one light event per association and study."""

    kind: ClassVar[str] = "received-again"
    schema_version: ClassVar[int] = 1

    study: StudyUID
    source: str
    association: str


@dataclass(frozen=True, slots=True)
class PeerRegistered:
    """A peer was added, or its entry replaced."""

    kind: ClassVar[str] = "peer-registered"
    schema_version: ClassVar[int] = 1

    peer: Peer


@dataclass(frozen=True, slots=True)
class PeerRemoved:
    """A peer is no longer known."""

    kind: ClassVar[str] = "peer-removed"
    schema_version: ClassVar[int] = 1

    ae_title: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A study, series or instance was hidden, with all that arrives in it while the rejection stands.

    The rejection is known by the position of this event. The reason is kept as its code (PS3.16 CID 7010, scheme
    DCM); what the person who rejected wrote beside it is the payload.
    """

    kind: ClassVar[str] = "rejected"
    schema_version: ClassVar[int] = 1

    scope: Scope
    reason: RejectionReason


@dataclass(frozen=True, slots=True)
class Restored:
    """A rejection no longer stands; what no other one hides is where it was before. A comment is the payload."""

    kind: ClassVar[str] = "restored"
    schema_version: ClassVar[int] = 1

    rejection: int


@dataclass(frozen=True, slots=True)
class InstanceRestored:
    """An instance arrived again and these rejections, which stand, no longer hide it (`RejectedAgain.RESTORE`)."""

    kind: ClassVar[str] = "instance-restored"
    schema_version: ClassVar[int] = 1

    key: InstanceKey
    rejections: tuple[int, ...]
    source: str
    association: str


@dataclass(frozen=True, slots=True)
class BlobsEntered:
    """Bytes of blobs were brought to a store beside an arrival: copies to a replica, or once more after a loss."""

    kind: ClassVar[str] = "blobs-entered"
    schema_version: ClassVar[int] = 1

    blobs: tuple[BlobEntry, ...]


@dataclass(frozen=True, slots=True)
class BlobDamaged:
    """The bytes of a blob were found altered or missing in one place; `problem` says which."""

    kind: ClassVar[str] = "blob-damaged"
    schema_version: ClassVar[int] = 1

    place: BlobPlace
    problem: str


@dataclass(frozen=True, slots=True)
class BlobHealed:
    """The bytes of a damaged blob were written again, out of what `source` says: "receive", "main" or a replica's name.

    Where that is the place's own name, the bytes were found right again.
    """

    kind: ClassVar[str] = "blob-healed"
    schema_version: ClassVar[int] = 1

    place: BlobPlace
    source: str


@dataclass(frozen=True, slots=True)
class SweepBegan:
    """Nothing that lives names these blobs: their files go now, and nothing may rely on them from here on.

    The plain size of a file that the index did not know is 0.
    """

    kind: ClassVar[str] = "sweep-began"
    schema_version: ClassVar[int] = 1

    blobs: tuple[BlobEntry, ...]


@dataclass(frozen=True, slots=True)
class SweepEnded:
    """The files of these blobs are gone."""

    kind: ClassVar[str] = "sweep-ended"
    schema_version: ClassVar[int] = 1

    places: tuple[BlobPlace, ...]


@dataclass(frozen=True, slots=True)
class BlobsRetaken:
    """These blobs were to be deleted, are locked where they lie, and are used there again: their lock was renewed."""

    kind: ClassVar[str] = "blobs-retaken"
    schema_version: ClassVar[int] = 1

    places: tuple[BlobPlace, ...]


@dataclass(frozen=True, slots=True)
class StudyQuiet:
    """Nothing has come in for a study for as long as the settings ask; `arrivals_upto` is its last arrival.

    With this event the arrivals of every study up to position `settled_upto` are reported.
    """

    kind: ClassVar[str] = "study-quiet"
    schema_version: ClassVar[int] = 1

    study: StudyUID
    arrivals_upto: int
    settled_upto: int


@dataclass(frozen=True, slots=True)
class CommitmentRequested:
    """A source asked whether instances it sent are kept (PS3.4 J.3.2); known by the position of this event.

    `instances` are (SOP Class UID, SOP Instance UID); `ae_title` is the application that the answer goes to, and
    `called_ae_title` the one of ours that it asked.
    """

    kind: ClassVar[str] = "commitment-requested"
    schema_version: ClassVar[int] = 1

    transaction: str
    source: str
    ae_title: str
    called_ae_title: str
    instances: tuple[tuple[str, InstanceUID], ...]


@dataclass(frozen=True, slots=True)
class CommitmentAnswered:
    """A commitment was decided: all of its instances are kept but the failed ones, each with a failure reason.

    `failed` are (SOP Class UID, SOP Instance UID, Failure Reason (0008,1197)), PS3.3 C.14. What is said to be kept is
    sealed up to `sealed`.
    """

    kind: ClassVar[str] = "commitment-answered"
    schema_version: ClassVar[int] = 1

    request: int
    failed: tuple[tuple[str, InstanceUID, int], ...]
    sealed: int


@dataclass(frozen=True, slots=True)
class CommitmentSettled:
    """The answer to a commitment was taken by who asked for it, or (`delivered` false) nobody could be told."""

    kind: ClassVar[str] = "commitment-settled"
    schema_version: ClassVar[int] = 1

    request: int
    delivered: bool


@dataclass(frozen=True, slots=True)
class PayloadsErased:
    """All payloads that earlier events kept of this owner (a study or a patient) are erased, or about to be."""

    kind: ClassVar[str] = "payloads-erased"
    schema_version: ClassVar[int] = 1

    owner: str


BlobEvent = BlobsEntered | BlobDamaged | BlobHealed | SweepBegan | SweepEnded | BlobsRetaken
CommitmentEvent = CommitmentRequested | CommitmentAnswered | CommitmentSettled
RejectionEvent = Rejected | NoteRejected | Restored | InstanceRestored
Event = (
    InstanceStored
    | ReceivedAgain
    | PeerRegistered
    | PeerRemoved
    | RejectionEvent
    | BlobEvent
    | StudyQuiet
    | CommitmentEvent
    | PayloadsErased
    | LifecycleEvent
)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event with its envelope: who, when, from which writer, and its place in the journal.

    `time` is UTC in ISO 8601 with microseconds; `origin` names one writer's lifetime and
    `origin_sequence` counts its events, which makes a repeated submission harmless.
    """

    position: int
    origin: str
    origin_sequence: int
    time: str
    actor: str
    event: Event
    payload_digest: bytes | None
