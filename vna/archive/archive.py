"""The archive: one index, one store, one journal, behind one door.

Everything an edge can ask for is a method here; what the rules are is decided below this door, never
in an edge.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from storage_backends import MAIN, BlobStore, StorageError
from vna.archive.accesses import Accesses
from vna.archive.bulk import BulkContent, BulkReader
from vna.archive.clock_guard import ClockGuard
from vna.archive.comments import Comments
from vna.archive.commitments import Commitments
from vna.archive.derived import Derived
from vna.archive.destruction import Destruction
from vna.archive.elimination_preview import Previewer
from vna.archive.eliminations import Eliminations
from vna.archive.executing import Executor
from vna.archive.extra import ExtraIndexer, HeaderValues
from vna.archive.frames import FrameReader, Frames
from vna.archive.headers import HeaderCodec
from vna.archive.healing import Healer, store_name
from vna.archive.holds import Holds
from vna.archive.kept import Shelf
from vna.archive.limitations import Limitations
from vna.archive.notes import NoteReader, Policies, policies_of
from vna.archive.overview import WINDOW, Overview, days_left, growth, last_midnight
from vna.archive.patients import Patients
from vna.archive.placing import Placer
from vna.archive.receive import Receiver, StoreSession
from vna.archive.recording import record
from vna.archive.rejections import Rejections
from vna.archive.rendering import Renderer
from vna.archive.retention import Retention
from vna.archive.retrieve import Choose, DataSet, Retriever, Wanted
from vna.archive.room import Room
from vna.archive.spool import Incoming, Spool
from vna.archive.standing import StoreStanding, standing
from vna.archive.tiers import Tiers, TierStanding
from vna.archive.translation import storage_errors
from vna.archive.verify import Finding, Verifier
from vna.dicom.bulk_path import BulkPath
from vna.dicom.describe import Value
from vna.dicom.extra import ExtraAttributes
from vna.dicom.query import Query
from vna.dicom.values import StoredDataSet
from vna.errors import NotFound, VnaError
from vna.events import Arrival, Event, JournalMark, PeerRegistered, PeerRemoved, Refuse, RefuseGone
from vna.index import Counts, HeldInstance, Index, Page, index_errors
from vna.journal import SealedJournal
from vna.metrics import Metrics
from vna.model import InstanceKey, Peer, Source
from vna.pixels.transcode import Transcoder

_PEERS_FRESH_S = 1.0
_HEADERS_AT_ONCE = 128


class Archive:
    """One archive, opened. Thread-safe; close it when done."""

    def __init__(
        self, index: Index, blobs: BlobStore, spool: Spool, room: Room, metrics: Metrics | None = None
    ) -> None:
        """Put the parts together; what passes the door is counted in `metrics`, by the edges too."""
        self.metrics = metrics or Metrics()
        self._index, self._blobs, self._spool, self._room = index, blobs, spool, room
        headers = HeaderCodec(index.reader)
        self.healer = healer = Healer(index, blobs, self.metrics, spool.folder)
        kept = Shelf(index.reader, blobs, headers, rescue=lambda blob: healer.sound_place(blob, "retrieve"))
        placer = Placer(healer, kept, room)
        accesses = Accesses(index, placer.stores)
        shelf = kept.telling(accesses.note)
        self._receiver = Receiver(index, blobs, headers, kept, self.metrics)
        transcoder = Transcoder(spool.incoming)
        self._retriever = Retriever(shelf, transcoder)
        self._frames = FrameReader(shelf, transcoder)
        self.rendering = Renderer(shelf, self._frames, transcoder)
        self._verifier = Verifier(index.reader, Shelf(index.reader, blobs, headers), healer)
        self._peers = _PeerCache(index)
        self._bulk = BulkReader(shelf)
        self._shelf, self.derived = kept, Derived(spool.folder, 0)
        values = HeaderValues(index, kept)
        self.extra, index.finder.read_headers = ExtraIndexer(index, values), values.read
        comments = Comments(headers)
        self.rejections, self.limitations = Rejections(index, comments), Limitations(index, comments)
        self.patients, self.holds = Patients(index, comments), Holds(index, comments)
        self.retention = Retention(index)
        self.note_policies(policies_of(self.retention.in_force))
        self.destruction = Destruction(index, blobs, headers, lambda: self.derived)
        self.tiers = Tiers(index, placer, accesses, self.retention.in_force)
        self.clock = ClockGuard(index)
        self.eliminations = Eliminations(index, comments, self.retention, self.holds)
        self.elimination_preview = preview = Previewer(index, self.retention)
        self.executor = Executor(index, self.eliminations, preview, self.destruction, self.clock)
        self.commitments = Commitments(index, self._verifier, {MAIN: blobs, **blobs.replicas})

    def close(self) -> None:
        """Finish what is begun and let go of index and store."""
        self._receiver.close()
        self._retriever.close()
        self.commitments.close()
        self.tiers.accesses.close()
        self._index.close()
        self._blobs.close()

    def incoming(self, source: str | None = None) -> Incoming:
        """Start to receive one data set; what comes from a `source` is bounded, in all and for each.

        Raises:
            OutOfResources: the store is below its free-space watermark.
        """
        self._room.check()
        return self._spool.incoming(source)

    def session(self, source: Source, actor: str, *, association: str | None = None) -> StoreSession:
        """Open a session for what one source sends over one association or request.

        Args:
            actor: who is doing it, for the journal: an AE title and address, or a user.
            association: its id in journal and log, a new one without it.
        """
        return StoreSession(self._receiver, source, actor, association)

    @property
    def extra_attributes(self) -> ExtraAttributes:
        """What queries know beside the table of attributes; see `vna.dicom.extra`."""
        return self._index.extra_attributes

    def find(self, query: Query) -> Iterator[Mapping[str, Value]]:
        """Go through the matches of a query, with the values of all known attributes asked for."""
        with index_errors():
            yield from self._index.finder.find(query)

    def find_page(self, query: Query, *, offset: int, limit: int) -> Page:
        """Return at most `limit` matches of a query behind the first `offset` ones, in the order of the journal."""
        with index_errors():
            return self._index.finder.page(query, offset=offset, limit=limit)

    def instances(self, query: Query) -> list[HeldInstance]:
        """Return the served instances a query stands for, by series and instance number."""
        with index_errors():
            return self._index.finder.instances(query)

    def versions(self, key: InstanceKey) -> list[HeldInstance]:
        """Return all versions of an instance, oldest first, superseded ones and renditions too."""
        with index_errors():
            return self._index.reader.held_versions(key)

    def open(self, held: HeldInstance, *, transfer_syntax: str | None = None) -> DataSet:
        """Open one instance for reading; see `Retriever.open`."""
        return self._retriever.open(held, transfer_syntax=transfer_syntax)

    def frames(self, held: HeldInstance, numbers: Sequence[int], transfer_syntax: str | None = None) -> Frames:
        """Open frames of an instance, counted from 1; see `FrameReader.open`."""
        return self._frames.open(held, numbers, transfer_syntax)

    def headers(self, instances: Sequence[HeldInstance]) -> Iterator[StoredDataSet]:
        """Go through instances in order as they are kept; of their values in blobs none is read yet.

        Raises:
            Damaged: the index or the store has lost a part of one.
        """
        for at in range(0, len(instances), _HEADERS_AT_ONCE):
            for kept in self._shelf.fetch(instances[at : at + _HEADERS_AT_ONCE]):
                yield self._shelf.data_set(kept, {})

    def opened(self, instances: Sequence[HeldInstance]) -> None:
        """Note that somebody opens instances to look at; see `vna.archive.accesses`."""
        self.tiers.accesses.opened(instances)

    def bulk(self, held: HeldInstance, path: BulkPath) -> BulkContent:
        """Open a value of an instance by the way to it; see `BulkReader.open`."""
        return self._bulk.open(held, path)

    def keep_derived(self, derived: Derived) -> None:
        """Keep documents made out of instances from now on; without this they are made each time."""
        self.derived = derived

    def note_policies(self, policies: Policies) -> None:
        """Say what rejection notes that arrive do from now on; without this what they do without a profile."""
        self._receiver.notes = NoteReader(policies)

    def part10_head(self, held: HeldInstance) -> bytes:
        """Return the preamble and File Meta an instance came with, empty if it did not come as a file."""
        return self._retriever.part10_head(held)

    def retrieve(
        self, instances: Sequence[HeldInstance], choose: Choose
    ) -> Iterator[tuple[HeldInstance, DataSet | VnaError]]:
        """Go through instances in order, each with its data set or the reason why there is none."""
        return self._retriever.retrieve(instances, choose)

    def possible(self, instances: Sequence[HeldInstance], wanted: Wanted) -> dict[int, tuple[str, ...]]:
        """Return, by version, which of the transfer syntaxes wanted for an instance can be had; see `Retriever`."""
        return self._retriever.possible(instances, wanted)

    def outline(self, instances: Sequence[HeldInstance], choose: Choose) -> Iterator[DataSet | VnaError]:
        """Go through instances to be told the size of each as `retrieve` gives it; see `Retriever.outline`."""
        return self._retriever.outline(instances, choose)

    def verify(self, study_uid: str | None = None) -> Iterator[Finding]:
        """Re-read every version held, or those of one study."""
        return self._verifier.verify(study_uid)

    def peers(self) -> Mapping[str, Peer]:
        """Return the registered peers by AE title; at most a second old."""
        with index_errors():
            return self._peers.all()

    def add_peer(self, peer: Peer, *, actor: str) -> None:
        """Register a peer, or replace its entry."""
        self._record(PeerRegistered(peer), actor)

    def remove_peer(self, ae_title: str, *, actor: str) -> None:
        """Forget a peer.

        Raises:
            NotFound: it is not registered.
        """
        if ae_title not in self._index.reader.peers():
            raise NotFound(f"no peer {ae_title} is registered")
        self._record(PeerRemoved(ae_title), actor)

    def counts(self) -> Counts:
        """Return how much is held."""
        with index_errors():
            return self._index.reader.counts()

    def overview(self, now: datetime) -> Overview:
        """Return the archive in a few numbers; costs the same however much it holds.

        Args:
            now: with the time zone whose midnight the day begins at.
        """
        with index_errors():
            counts, intake = self._index.reader.counts(), self._index.intake
            today, week = tuple(intake.since(last_midnight(now))), tuple(intake.since(now - WINDOW))
            rate = growth(week, first=intake.first_hour(), now=now)
            bad = self._index.blobs.bad()
        try:
            space = self._room.space()
        except StorageError:  # the store is away, which readiness tells
            space = None
        bad = {store_name(store): bad.get(store, 0) for store in self._blobs.stores}
        jump = self.clock.jump()
        return Overview(counts, today, week, space, rate, days_left(space, rate), bad, jump)

    def stores(self) -> tuple[StoreStanding, ...]:
        """Return how the store and its replicas stand; costs 0.6 s for a million blobs."""
        with index_errors():
            return standing(self._index, self._blobs, self.tiers.placer.shortage)

    def tier_standings(self) -> tuple[TierStanding, ...]:
        """Return how the stores stand as places that studies lie in; goes through the rows of all blobs."""
        return self.tiers.list(self._room)

    def journal_mark(self) -> JournalMark:
        """Return where the journal stands."""
        with index_errors():
            return self._index.reader.journal_mark()

    def knows_mark(self, mark: JournalMark) -> bool:
        """Return whether a mark is of this archive's history; not if it was put back from an older backup."""
        with index_errors():
            return self._index.reader.knows_mark(mark)

    def compare_with(self, journal: SealedJournal) -> None:
        """Take in nothing on a new connection to the index before it agrees with this sealed journal."""

        def sealed() -> JournalMark:
            with storage_errors():
                return journal.mark()

        self._index.committer.history.compare_with(sealed)

    def history_problem(self) -> str | None:
        """Say how the index is not the one this process knows; None where it is."""
        with index_errors():
            return self._index.history_problem()

    def would_refuse(self, arrival: Arrival) -> bool:
        """Return whether an arrival would not be taken now, because it was rejected or eliminated before."""
        with index_errors():
            return isinstance(self._index.trial.decide(arrival), Refuse | RefuseGone)

    def shortage(self) -> str | None:
        """Say why nothing is taken in now, or None when there is room."""
        return self._room.shortage()

    def _record(self, event: Event, actor: str) -> None:
        record(self._index, event, actor)
        self._peers.forget()


class _PeerCache:
    """The peers as of at most a second ago: other processes may change them."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._peers: Mapping[str, Peer] = {}

    def all(self) -> Mapping[str, Peer]:
        with self._lock:
            if time.monotonic() - self._read_at > _PEERS_FRESH_S:
                self._peers, self._read_at = self._index.reader.peers(), time.monotonic()
            return self._peers

    def forget(self) -> None:
        with self._lock:
            self._read_at = float("-inf")
