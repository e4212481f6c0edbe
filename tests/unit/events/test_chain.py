"""The chain: its encoding is fixed, and every change of an event changes every head after it."""

import hashlib
from dataclasses import replace

import cbor2
import pytest
from pydicom.sr.codedict import codes

from arrivals import key
from vna.events import (
    GENESIS,
    BlobDamaged,
    BlobEntry,
    BlobHealed,
    BlobPlace,
    BlobsEntered,
    BlobsRetaken,
    ChainedEvent,
    CommitmentAnswered,
    CommitmentRequested,
    CommitmentSettled,
    Event,
    EventRecord,
    InstanceRestored,
    InstanceStored,
    PeerRegistered,
    PeerRemoved,
    ReceivedAgain,
    Rejected,
    Restored,
    StudyQuiet,
    SweepBegan,
    SweepEnded,
    body_of,
    event_from_body,
    link_hash,
)
from vna.model import Outcome, Peer, RejectionReason, Scope, StudyUID

BLOB = BlobEntry("cd" * 32, "dns", 100, 10)
STORED = InstanceStored(
    key=key(),
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    transfer_syntax="1.2.840.10008.1.2.1",
    digest="ab" * 32,
    size=1000,
    source="PACS",
    issuer="HOSPITAL",
    outcome=Outcome.STORED,
    version=1,
    recipe=b"\x82\x01\x80",
    blobs=(BLOB,),
)
EVENTS: list[Event] = [
    STORED,
    ReceivedAgain(StudyUID("1.2"), "PACS", "a1"),
    PeerRegistered(Peer("PACS", "10.0.0.1", 104, issuer="H", charset="ISO_IR 192", max_pdu=65536)),
    PeerRemoved("PACS"),
    Rejected(Scope(key().study), RejectionReason.SAFETY),
    Rejected(Scope(key().study, key().series), RejectionReason.WORKLIST),
    Rejected(Scope(key().study, key().series, key().instance), RejectionReason.QUALITY),
    Restored(5),
    InstanceRestored(key(), (5, 6), "PACS", "a1"),
    replace(STORED, blobs=(BLOB, replace(BLOB, store="second"))),
    BlobsEntered((BLOB, replace(BLOB, store="second"))),
    BlobDamaged(BLOB.place, "missing"),
    BlobHealed(BLOB.place, "receive"),
    SweepBegan((BLOB,)),
    SweepEnded((BLOB.place, BlobPlace("ef" * 32, "zst", "second"))),
    BlobsRetaken((BLOB.place, BlobPlace("ef" * 32, "zst", "second"))),
    StudyQuiet(key().study, 17, 12),
    CommitmentRequested("2.25.7", "PACS", "PACS", "VNA", (("1.2.840.10008.5.1.4.1.1.2", key().instance),)),
    CommitmentAnswered(5, (("1.2.840.10008.5.1.4.1.1.2", key().instance, 0x0112),), 16),
    CommitmentSettled(5, delivered=True),
]
RECORD = EventRecord(1, "origin", 1, "2026-01-01T00:00:00.000000+00:00", "PACS", STORED, b"d" * 32)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_a_body_gives_its_event_back(event: Event) -> None:
    stored = cbor2.loads(cbor2.dumps(body_of(event), canonical=True))

    assert event_from_body(event.kind, event.schema_version, stored) == event


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="not known to this release"):
        event_from_body("instance-teleported", 1, {})


@pytest.mark.parametrize("reason", RejectionReason)
def test_the_reason_of_a_rejection_is_kept_as_its_code(reason: RejectionReason) -> None:
    titles = codes.cid7010  # Key Object Selection Document Title, PS3.16

    body = body_of(Rejected(Scope(key().study), reason))

    assert (body["reason"], reason.meaning) in [(title.value, title.meaning) for title in titles.concepts.values()]


def test_a_reason_of_another_release_is_an_error() -> None:
    with pytest.raises(ValueError, match="113099"):
        event_from_body("rejected", 1, {"study": "1.2", "series": None, "instance": None, "reason": "113099"})


def test_the_head_is_a_hash_over_the_head_before_and_the_event() -> None:
    body = cbor2.dumps(body_of(STORED), canonical=True)
    array = [1, "origin", 1, RECORD.time, "PACS", "instance-stored", 1, body, b"d" * 32]

    expected = hashlib.sha256(GENESIS + cbor2.dumps(array, canonical=True)).digest()

    assert link_hash(GENESIS, ChainedEvent.of(RECORD).encode()) == expected


@pytest.mark.parametrize(
    "changed",
    [
        replace(RECORD, position=2),
        replace(RECORD, actor="SOMEONE"),
        replace(RECORD, time="2026-01-01T00:00:00.000001+00:00"),
        replace(RECORD, payload_digest=None),
        replace(RECORD, event=replace(STORED, size=1001)),
    ],
)
def test_any_change_changes_the_head(changed: EventRecord) -> None:
    before = link_hash(GENESIS, ChainedEvent.of(RECORD).encode())
    assert link_hash(GENESIS, ChainedEvent.of(changed).encode()) != before


@pytest.mark.parametrize(
    "body", [b"", b"\x80", b"\xa0", b"\xff", b"\x81" * 5000 + b"\0"], ids=["", "[]", "{}", "break", "deep"]
)
def test_a_body_that_is_none_is_an_error(body: bytes) -> None:
    event = ChainedEvent(1, "origin", 1, "time", "actor", "instance-stored", 1, body, None)

    with pytest.raises(ValueError, match="body"):
        event.record()
