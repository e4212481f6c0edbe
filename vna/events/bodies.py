"""How the bodies of events stand in the journal, and how they are read back.

A body is a map of short text keys to CBOR values; it holds UIDs, digests and settings, never
patient data (headers lie in the payload, which the chain knows by a salted digest only). Every
kind carries a schema version from the first day; `event_from_body` upcasts older ones.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from vna.events.kinds import (
    BlobDamaged,
    BlobEntry,
    BlobHealed,
    BlobPlace,
    BlobsEntered,
    BlobsRetaken,
    CommitmentAnswered,
    CommitmentRequested,
    CommitmentSettled,
    Event,
    InstanceRestored,
    InstanceStored,
    PayloadsErased,
    PeerRegistered,
    PeerRemoved,
    ReceivedAgain,
    Rejected,
    Restored,
    StudyQuiet,
    SweepBegan,
    SweepEnded,
)
from vna.events.lifecycle import LIFECYCLE_KINDS, lifecycle_body, lifecycle_event
from vna.events.notes import NoteRejected, note_body, note_event
from vna.model import InstanceKey, InstanceUID, Outcome, Peer, RejectionReason, Scope, SeriesUID, StudyUID

Body = dict[str, Any]


def body_of(event: Event) -> Body:
    """Return the CBOR-ready body of an event."""
    match event:
        case InstanceStored():
            return _stored_body(event)
        case PeerRegistered():
            return asdict(event.peer)
        case Rejected():
            return {**asdict(event.scope), "reason": event.reason.code}
        case NoteRejected():
            return note_body(event)
        case InstanceRestored():
            return {**asdict(event), "rejections": list(event.rejections)}
        case BlobsEntered() | SweepBegan():
            return {"blobs": [_entry_array(blob) for blob in event.blobs]}
        case BlobDamaged():
            return {"place": _place_array(event.place), "problem": event.problem}
        case BlobHealed():
            return {"place": _place_array(event.place), "source": event.source}
        case SweepEnded() | BlobsRetaken():
            return {"places": [_place_array(place) for place in event.places]}
        case CommitmentRequested():
            return {**asdict(event), "instances": [list(each) for each in event.instances]}
        case CommitmentAnswered():
            return {**asdict(event), "failed": [list(each) for each in event.failed]}
        case ReceivedAgain() | PeerRemoved() | Restored() | StudyQuiet() | CommitmentSettled() | PayloadsErased():
            return asdict(event)
        case _:
            return lifecycle_body(event)


def event_from_body(kind: str, schema_version: int, body: Body) -> Event:
    """Return the event a body stands for.

    Raises:
        ValueError: the kind or its schema version is not known to this release, or it is no such body.
    """
    read = _READERS.get((kind, schema_version))
    if read is None and (kind not in LIFECYCLE_KINDS or schema_version != 1):
        raise ValueError(f"event kind {kind!r} version {schema_version} is not known to this release")
    try:
        return read(body) if read else lifecycle_event(kind, body)
    except (KeyError, TypeError, AttributeError, OverflowError) as exc:
        raise ValueError(f"the body of an event of kind {kind!r} is not what it should be") from exc


def _stored_body(event: InstanceStored) -> Body:
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
        "blobs": [_entry_array(blob) for blob in event.blobs],
    }


def _stored_event(body: Body) -> InstanceStored:
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
        blobs=_entries(body),
    )


def _rejected_event(body: Body) -> Rejected:
    scope = Scope(body["study"], body["series"], body["instance"])
    return Rejected(scope, RejectionReason.of_code(body["reason"]))


def _restored_instance(body: Body) -> InstanceRestored:
    rejections = tuple(body["rejections"])
    return InstanceRestored(InstanceKey(**body["key"]), rejections, body["source"], body["association"])


def _requested_event(body: Body) -> CommitmentRequested:
    instances = tuple((sop_class, InstanceUID(instance)) for sop_class, instance in body["instances"])
    return CommitmentRequested(**{**body, "instances": instances})


def _answered_event(body: Body) -> CommitmentAnswered:
    failed = tuple((sop_class, InstanceUID(instance), reason) for sop_class, instance, reason in body["failed"])
    return CommitmentAnswered(body["request"], failed, body["sealed"])


def _entry_array(blob: BlobEntry) -> list[Any]:
    """A blob of the store itself has four items; its replicas name theirs as a fifth."""
    return [
        bytes.fromhex(blob.digest),
        blob.codec,
        blob.plain_size,
        blob.stored_size,
        *([blob.store] if blob.store else []),
    ]


def _entries(body: Body) -> tuple[BlobEntry, ...]:
    return tuple(BlobEntry(digest.hex(), *rest) for digest, *rest in body["blobs"])


def _place_array(place: BlobPlace) -> list[Any]:
    return [bytes.fromhex(place.digest), place.codec, place.store]


def _place(array: list[Any]) -> BlobPlace:
    digest, codec, store = array
    return BlobPlace(digest.hex(), codec, store)


_READERS: Final[dict[tuple[str, int], Callable[[Body], Event]]] = {
    (InstanceStored.kind, 1): _stored_event,
    (ReceivedAgain.kind, 1): lambda body: ReceivedAgain(**body),
    (PeerRegistered.kind, 1): lambda body: PeerRegistered(Peer(**body)),
    (PeerRemoved.kind, 1): lambda body: PeerRemoved(**body),
    (Rejected.kind, 1): _rejected_event,
    (NoteRejected.kind, 1): note_event,
    (Restored.kind, 1): lambda body: Restored(**body),
    (InstanceRestored.kind, 1): _restored_instance,
    (BlobsEntered.kind, 1): lambda body: BlobsEntered(_entries(body)),
    (BlobDamaged.kind, 1): lambda body: BlobDamaged(_place(body["place"]), body["problem"]),
    (BlobHealed.kind, 1): lambda body: BlobHealed(_place(body["place"]), body["source"]),
    (SweepBegan.kind, 1): lambda body: SweepBegan(_entries(body)),
    (SweepEnded.kind, 1): lambda body: SweepEnded(tuple(_place(place) for place in body["places"])),
    (BlobsRetaken.kind, 1): lambda body: BlobsRetaken(tuple(_place(place) for place in body["places"])),
    (StudyQuiet.kind, 1): lambda body: StudyQuiet(**body),
    (CommitmentRequested.kind, 1): _requested_event,
    (CommitmentAnswered.kind, 1): _answered_event,
    (CommitmentSettled.kind, 1): lambda body: CommitmentSettled(**body),
    (PayloadsErased.kind, 1): lambda body: PayloadsErased(**body),
}
