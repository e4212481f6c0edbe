"""Receiving: an arriving data set becomes blobs, a header and one event, in that order.

1. scan; 2. blobs: encoded beside their hash, then made durable; 3. one index transaction, of one data set
or of several that came together; 4. the answer. What the committer may want in between (a comparison with
what is held, blobs that have gone missing) is done and the same entry submitted again; the content is kept
until then.
"""

import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from storage_backends import BlobStore, Content
from vna.archive.compare import Comparer
from vna.archive.headers import HeaderCodec, PackedHeader
from vna.archive.kept import Shelf
from vna.archive.notes import NoteReader
from vna.archive.payload import HeaderParts, Salts, pack
from vna.archive.recording import time_stamp
from vna.archive.sweeping import Sweeper
from vna.archive.translation import storage_errors
from vna.archive.writing import BlobWriter
from vna.dicom.admissible import check_admissible
from vna.dicom.describe import Description, describe, key_of
from vna.dicom.encoding import encoding_of
from vna.dicom.scan import Scan, scan
from vna.errors import DataSetMismatch, EliminatedBefore, OutOfResources, RejectedBefore, StudyMismatch, only, tried
from vna.events import Arrival, BlobEntry, Decision, payload_digest
from vna.index import (
    Index,
    NeedsBlobs,
    NeedsComparison,
    NeedsHeader,
    Payload,
    Recorded,
    Refused,
    RefusedEliminated,
    Result,
    StoreEntry,
    index_errors,
)
from vna.metrics import Metrics, Stage
from vna.metrics.families import STAGES
from vna.model import InstanceKey, Outcome, Source, StudyUID
from vna.retention.policies import DEFAULT_NOTES

log = logging.getLogger(__name__)

_SWEEP_WAIT_S = 5.0
_SWEEP_STEP_S = 0.05


@dataclass(frozen=True, slots=True)
class Expected:
    """What the sender's own command or request says the data set is; None where it says nothing (a file)."""

    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to a store: durable, indexed, findable. `version` counts from 1 within the key.

    Where `hidden_by` rejections stand over it, by number, it is kept but not findable. Of a rejection note that is not
    told: it is hidden because it was applied.
    """

    sop_class_uid: str
    key: InstanceKey
    digest: str
    outcome: Outcome
    version: int
    hidden_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """One data set as it came. `part10_head` is the preamble and File Meta of what came as a file."""

    content: Content
    transfer_syntax: str
    expected: Expected = Expected()
    part10_head: bytes = b""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A data set whose blobs are durable, and what is to be recorded of it."""

    entry: StoreEntry
    content: Content
    scanned: Scan


class Receiver:
    """Stores arriving data sets; shared by all sessions of an archive."""

    def __init__(self, index: Index, blobs: BlobStore, headers: HeaderCodec, shelf: Shelf, metrics: Metrics) -> None:
        self._index, self._headers, self._salts, self._metrics = index, headers, Salts(), metrics
        self.notes = NoteReader(lambda: DEFAULT_NOTES)
        """Reads rejection notes; to be replaced by one that asks the profile in force."""
        self._sweeper = Sweeper(index, blobs, 0)
        self._writer = BlobWriter(blobs, index.reader, metrics)
        self._comparer = Comparer(index.reader, shelf)

    def close(self) -> None:
        """Let begun work finish and end the helper threads."""
        self._writer.close()

    def receive_all(self, arrived: Sequence[Arrived], session: "StoreSession") -> "list[Stored | Exception]":
        """Store data sets with one transaction; see `StoreSession.store_all`."""
        prepared = [tried(self._prepare, each, session) for each in arrived]
        entries = [each.entry for each in prepared if isinstance(each, _Prepared)]
        began = time.perf_counter()
        results = iter(self._index.committer.submit_all(entries) if entries else ())
        return [self._outcome(each, next(results), began) if isinstance(each, _Prepared) else each for each in prepared]

    @index_errors()
    def _prepare(self, arrived: Arrived, session: "StoreSession") -> _Prepared:
        """Take a data set apart, make its blobs durable, and return what is to be recorded."""
        scanned, sop_class, key = self._admitted(arrived)
        session.tell_layout(scanned, key)
        note = self.notes.read(sop_class, key, scanned, arrived.content)
        with storage_errors(), self._writer.begin(arrived.content, scanned) as writing:
            identified = writing.identify(key.study)
            description = describe(scanned)
            base_at = self._headers.fresh_at
            payload = self._payload(key, HeaderParts(identified.header, identified.header_blob, arrived.part10_head))
            written = writing.finish()
        arrival = Arrival(
            key=key,
            sop_class_uid=sop_class,
            transfer_syntax=arrived.transfer_syntax,
            digest=identified.digest,
            size=arrived.content.size,
            source=session.source,
            issuer=_issuer(description, session.source),
            recipe=identified.recipe,
            blobs=written.blobs,
            association=session.association,
        )
        entry = StoreEntry(
            origin_sequence=self._index.committer.next_sequence(),
            time=time_stamp(),
            actor=session.actor,
            arrival=arrival,
            description=description,
            payload=payload,
            base_at=base_at,
            written=written.fresh,
            receipt_due=session.receipt_due(key.study),
            began=written.began,
            note=note,
        )
        return _Prepared(entry, arrived.content, scanned)

    def _outcome(self, prepared: _Prepared, result: Result | Exception, began: float) -> "Stored | Exception":
        outcome = tried(self._settle, prepared, [result])
        self._metrics.observe(STAGES, time.perf_counter() - began, Stage.COMMIT)
        return outcome

    @index_errors()
    def _settle(self, prepared: _Prepared, results: list[Any]) -> Stored:
        """Make the one result of a data set its answer."""
        entry, result = prepared.entry, only(results)
        decision = self._decided(entry, prepared.content, prepared.scanned, result)
        return _stored(entry.arrival, decision, is_note=entry.note is not None)

    def _admitted(self, arrived: Arrived) -> tuple[Scan, str, InstanceKey]:
        """Take a data set apart; return it with its SOP Class and key, if it is what it is said to be."""
        with self._metrics.timed(STAGES, Stage.SCAN):
            scanned = scan(arrived.content.buffer(), arrived.transfer_syntax)
        sop_class, key = key_of(scanned)
        check_admissible(scanned)
        _check_expected(arrived.expected, sop_class, key)
        return scanned, sop_class, key

    def _payload(self, key: InstanceKey, parts: HeaderParts) -> Payload:
        plain, salt = pack(parts), self._salts.next()
        packed = self._headers.pack(key.series, plain)
        return Payload(key.study, salt, payload_digest(salt, plain), packed.data, packed.base, packed.base_data)

    def _decided(self, entry: StoreEntry, content: Content, scanned: Scan, result: Result) -> Decision:
        """Submit again until recorded, doing in between what the committer asks for."""
        deadline = time.monotonic() + _SWEEP_WAIT_S
        while True:
            match result:
                case Recorded(decision=Decision() as decision):
                    return decision
                case Refused(rejections):
                    raise RejectedBefore(f"rejected before, and not taken again: rejection {rejections[0]} stands")
                case RefusedEliminated(elimination):
                    self._take_back(entry)
                    raise EliminatedBefore(f"destroyed by elimination {elimination}, and not taken again")
                case NeedsHeader(eliminated_at):
                    entry = self._repacked(entry, eliminated_at)
                case NeedsComparison(digests):
                    same = self._comparer.compare(entry.arrival, content, scanned, digests)
                    arrival = replace(entry.arrival, same_content={**entry.arrival.same_content, **same})
                    entry = replace(entry, arrival=arrival)
                    deadline = time.monotonic() + _SWEEP_WAIT_S
                case NeedsBlobs(wait=True):  # what was written goes with the row: after that it is asked for again
                    time.sleep(_SWEEP_STEP_S)
                case NeedsBlobs(digests):
                    began, wanted = self._index.reader.position(), entry.written | set(digests)
                    with storage_errors():
                        written = self._writer.rewrite(content, scanned, tuple(wanted))
                    entry = replace(_rewritten(entry, written), began=began)
            if time.monotonic() > deadline:
                raise OutOfResources("blobs of this instance are just being removed; send it again")
            result = self._index.committer.submit(entry)

    def _take_back(self, entry: StoreEntry) -> None:
        """Delete what an arrival wrote that is refused, unless others need it: no byte of it is to come back."""
        written = [blob for blob in entry.arrival.blobs if blob.digest in entry.written]
        if written:
            self._sweeper.take_out(written)

    def _repacked(self, entry: StoreEntry, eliminated_at: int) -> StoreEntry:
        """Return an entry whose header is kept against nothing that was known before an elimination."""
        self._headers.forget(eliminated_at)
        before = PackedHeader(entry.payload.data, entry.payload.base, entry.payload.base_data)
        packed = self._headers.repack(entry.arrival.key.series, before)
        payload = replace(entry.payload, data=packed.data, base=packed.base, base_data=packed.base_data)
        return replace(entry, payload=payload, base_at=eliminated_at)


class StoreSession:
    """What one source sends over one association or request; `association` is its id in journal and log."""

    def __init__(self, receiver: Receiver, source: Source, actor: str, association: str | None = None) -> None:
        self._receiver = receiver
        self._receipted: set[StudyUID] = set()
        self._is_layout_told = False
        self.source, self.actor = source, actor
        self.association = association or uuid.uuid4().hex

    def store(self, arrived: Arrived) -> Stored:
        """Store one data set: when this returns it is on disk, indexed, and can be found.

        Raises:
            CannotUnderstand: the bytes are no data set, or do not name an instance.
            DataSetMismatch: the data set is not what the sender's command says.
            RejectedBefore: a rejection stands over the instance, and what is sent again is refused.
            EliminatedBefore: it was destroyed, and what is sent again is refused.
            OutOfResources: the store or the index is full or unreachable.
        """
        return only(self.store_all([arrived]))

    def store_all(self, arrived: Sequence[Arrived]) -> list[Stored | Exception]:
        """Store data sets that have all come, with one commit; return what became of each.

        An error, as `store` raises it, is that of one data set alone: the others are stored.
        """
        outcomes = self._receiver.receive_all(arrived, self)
        for each in outcomes:
            if isinstance(each, Stored) and each.outcome is Outcome.ALREADY_STORED:
                self._receipted.add(each.key.study)
        return outcomes

    def tell_layout(self, scanned: Scan, key: InstanceKey) -> None:
        """Log, once, that the source mixes up implicit and explicit VR: what it sends is kept and given as it came."""
        is_as_said = scanned.encoding.explicit == encoding_of(scanned.transfer_syntax).explicit
        if is_as_said or self._is_layout_told:
            return
        self._is_layout_told = True
        text = "kept as it came, in %s VR, which its transfer syntax is not source=%s transfer_syntax=%s instance=%s"
        layout = "explicit" if scanned.encoding.explicit else "implicit"
        log.warning(text, layout, self.source.name, scanned.transfer_syntax, key.instance)

    def receipt_due(self, study: StudyUID) -> bool:
        """Return whether this session has not yet left a receipt for a study received again."""
        return study not in self._receipted


def _stored(arrival: Arrival, decision: Decision, *, is_note: bool) -> Stored:
    """Return the answer to a store; one of what was destroyed before is logged."""
    if decision.eliminated is not None:
        log.warning("kept again, though destroyed %s elimination=%d", arrival.key.study, decision.eliminated)
    hidden_by = () if is_note else decision.hidden_by
    return Stored(arrival.sop_class_uid, arrival.key, arrival.digest, decision.outcome, decision.version, hidden_by)


def _rewritten(entry: StoreEntry, written: tuple[BlobEntry, ...]) -> StoreEntry:
    """Return an entry that names these blobs where and as they were written now."""
    again = frozenset(blob.digest for blob in written)
    others = tuple(blob for blob in entry.arrival.blobs if blob.digest not in again)
    return replace(entry, arrival=replace(entry.arrival, blobs=(*others, *written)), written=again)


def _issuer(description: Description, source: Source) -> str:
    """Return the issuer that the patient's identity hangs on (DESIGN section 2)."""
    stated = description.patient.get("IssuerOfPatientID", "")
    return (stated if isinstance(stated, str) else "") or source.issuer or source.name


def _check_expected(expected: Expected, sop_class: str, key: InstanceKey) -> None:
    if expected.sop_instance_uid not in (None, key.instance):
        raise DataSetMismatch(f"SOP Instance UID differs from the command's {expected.sop_instance_uid}")
    if expected.sop_class_uid not in (None, sop_class):
        raise DataSetMismatch(f"SOP Class UID differs from the command's {expected.sop_class_uid}")
    if expected.study_instance_uid not in (None, key.study):
        raise StudyMismatch(f"Study Instance UID differs from the request's {expected.study_instance_uid}")
