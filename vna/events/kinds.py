"""The kinds of event, and how their bodies stand in the journal.

A body is a map of short text keys to CBOR values; it holds UIDs, digests and settings, never
patient data (headers lie in the payload, which the chain knows by a salted digest only). Every
kind carries a schema version from the first day; `event_from_body` upcasts older ones.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from vna.model import InstanceKey, InstanceUID, Outcome, Peer, RejectionReason, Scope, SeriesUID, StudyUID


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """One blob as the index knows it; sizes in bytes."""

    digest: str
    codec: str
    plain_size: int
    stored_size: int


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


Event = InstanceStored | ReceivedAgain | PeerRegistered | PeerRemoved | Rejected | Restored | InstanceRestored


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


def body_of(event: Event) -> dict[str, Any]:
    """Return the CBOR-ready body of an event."""
    match event:
        case InstanceStored():
            return _stored_body(event)
        case ReceivedAgain():
            return {"study": event.study, "source": event.source, "association": event.association}
        case PeerRegistered():
            return asdict(event.peer)
        case PeerRemoved():
            return {"ae_title": event.ae_title}
        case Rejected():
            return {**asdict(event.scope), "reason": event.reason.code}
        case Restored():
            return {"rejection": event.rejection}
        case InstanceRestored():
            return {**asdict(event), "rejections": list(event.rejections)}


def event_from_body(kind: str, schema_version: int, body: dict[str, Any]) -> Event:
    """Return the event a body stands for.

    Raises:
        ValueError: the kind or its schema version is not known to this release.
    """
    match kind, schema_version:
        case InstanceStored.kind, 1:
            return _stored_event(body)
        case ReceivedAgain.kind, 1:
            return ReceivedAgain(StudyUID(body["study"]), body["source"], body["association"])
        case PeerRegistered.kind, 1:
            return PeerRegistered(Peer(**body))
        case PeerRemoved.kind, 1:
            return PeerRemoved(body["ae_title"])
        case Rejected.kind, 1:
            scope = Scope(body["study"], body["series"], body["instance"])
            return Rejected(scope, RejectionReason.of_code(body["reason"]))
        case Restored.kind, 1:
            return Restored(body["rejection"])
        case InstanceRestored.kind, 1:
            rejections = tuple(body["rejections"])
            return InstanceRestored(InstanceKey(**body["key"]), rejections, body["source"], body["association"])
    raise ValueError(f"event kind {kind!r} version {schema_version} is not known to this release")


def _stored_body(event: InstanceStored) -> dict[str, Any]:
    return {
        "study": event.key.study,
        "series": event.key.series,
        "instance": event.key.instance,
        "class": event.sop_class_uid,
        "syntax": event.transfer_syntax,
        "digest": bytes.fromhex(event.digest),
        "size": event.size,
        "source": event.source,
        "issuer": event.issuer,
        "outcome": event.outcome.value,
        "version": event.version,
        "recipe": event.recipe,
        "blobs": [[bytes.fromhex(b.digest), b.codec, b.plain_size, b.stored_size] for b in event.blobs],
    }


def _stored_event(body: dict[str, Any]) -> InstanceStored:
    key = InstanceKey(StudyUID(body["study"]), SeriesUID(body["series"]), InstanceUID(body["instance"]))
    return InstanceStored(
        key=key,
        sop_class_uid=body["class"],
        transfer_syntax=body["syntax"],
        digest=body["digest"].hex(),
        size=body["size"],
        source=body["source"],
        issuer=body["issuer"],
        outcome=Outcome(body["outcome"]),
        version=body["version"],
        recipe=body["recipe"],
        blobs=tuple(BlobEntry(d.hex(), codec, plain, stored) for d, codec, plain, stored in body["blobs"]),
    )
