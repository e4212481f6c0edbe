"""Arrivals made by hand, for tests of the index without files or sockets."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vna.dicom.describe import Description, Value
from vna.dicom.recipe import Recipe
from vna.events import Arrival, BlobEntry, Event, Rejected, Restored
from vna.index import EliminateEntry, EventEntry, Index, Payload, Recorded, StoreEntry
from vna.model import InstanceKey, InstanceUID, RejectionReason, Scope, SeriesUID, Source, StudyUID

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
PACS_A = Source("PACS_A")
PACS_B = Source("PACS_B")

TIME = "2026-01-01T00:00:00.000000+00:00"

PATIENT = {"PatientID": "P1", "PatientName": "Martin^Jean", "PatientBirthDate": "19500203", "PatientSex": "M"}
STUDY = {"StudyDate": "20240102", "StudyTime": "101112", "AccessionNumber": "A1", "StudyDescription": "CT Thorax"}
SERIES = {"Modality": "CT", "SeriesNumber": "1", "SeriesDescription": "axial"}


def key(study: str = "1.1", series: str = "1.1.1", instance: str = "1.1.1.1") -> InstanceKey:
    """Return an instance key."""
    return InstanceKey(StudyUID(study), SeriesUID(series), InstanceUID(instance))


def digest_of(text: str) -> str:
    """Return the digest of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def description(
    patient: Mapping[str, Value] | None = None,
    study: Mapping[str, Value] | None = None,
    series: Mapping[str, Value] | None = None,
) -> Description:
    """Return the attributes of an instance, the usual ones with changes."""
    return Description(
        {**PATIENT, **(patient or {})},
        {**STUDY, **(study or {})},
        {**SERIES, **(series or {})},
        {"InstanceNumber": "1"},
    )


def arrival(
    content: str, at: InstanceKey | None = None, *, source: Source = PACS_A, blobs: tuple[str, ...] = ("pixels",)
) -> Arrival:
    """Return an arrival whose bytes are told apart by `content`."""
    at = at or key()
    return Arrival(
        key=at,
        sop_class_uid=CT,
        transfer_syntax=EXPLICIT_LE,
        digest=digest_of(content),
        size=1000,
        source=source,
        issuer=source.issuer or source.name,
        recipe=Recipe(()).to_cbor(),
        blobs=tuple(BlobEntry(digest_of(blob), "dns", 100, 10) for blob in blobs),
        association="association-1",
    )


class Sender:
    """Submits arrivals to an index."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def entry(self, arrived: Arrival, described: Description | None = None, *, written: bool = True) -> StoreEntry:
        """Return the entry of an arrival whose blobs were all written by it, or not."""
        base = hashlib.sha256(b"base").digest()
        return StoreEntry(
            origin_sequence=self.index.committer.next_sequence(),
            time=TIME,
            actor="test",
            arrival=arrived,
            description=described or description(),
            payload=Payload(arrived.key.study, b"salt", b"digest", b"data", base, b"base"),
            written=frozenset(blob.digest for blob in arrived.blobs) if written else frozenset(),
        )

    def send(self, arrived: Arrival, described: Description | None = None):
        """Submit an arrival and return what became of it."""
        return self.index.committer.submit(self.entry(arrived, described))

    def record(self, event: Event) -> int:
        """Record an event that needs no decision; return its position."""
        sequence = self.index.committer.next_sequence()
        recorded = self.index.committer.submit(EventEntry(sequence, TIME, "test", event))
        assert isinstance(recorded, Recorded)
        return recorded.position

    def eliminate(
        self, study: str = "1.1", series: str | None = None, instance: str | None = None, **changed: Any
    ) -> object:
        """Eliminate what is held of a study, series or instance, as a ledger of another history would have it."""
        scope = Scope(study, series, instance)
        held = [each for each in self.index.reader.every_version(study) if scope.covers(each.key)]
        base = hashlib.sha256(b"base").digest()
        entry = EliminateEntry(
            origin_sequence=self.index.committer.next_sequence(),
            time=TIME,
            actor="test",
            elimination=0,
            scope=scope,
            rules=("rule",),
            manifest="manifest",
            versions=tuple(each.version_id for each in held),
            evaluated_at=self.index.reader.position(),
            payload=Payload("elimination-0", b"salt", b"digest", b"data", base, b"base"),
            ledger="ledger",
        )
        return self.index.committer.submit(replace(entry, **changed))

    def reject(self, study: str = "1.1", series: str | None = None, instance: str | None = None) -> int:
        """Reject a study, series or instance; return the number of the rejection."""
        return self.record(Rejected(Scope(study, series, instance), RejectionReason.QUALITY))

    def restore(self, number: int) -> int:
        """Let a rejection stand no longer."""
        return self.record(Restored(number))
