"""The index: the journal's tail and everything that can be asked of it, in SQL."""

from vna.index.blob_reading import BlobReader, Holding, place_key
from vna.index.clock import ClockJump, ClockMarks
from vna.index.commitments import ANYBODY, Copy, Owed, Turn, Waiting
from vna.index.comparing import Difference, FoldedTables, differences
from vna.index.database import sqlite_path
from vna.index.election import Election
from vna.index.elimination_reading import Attestation, Elimination, EliminationReader, ListedItem, Step
from vna.index.eliminations import waits_until
from vna.index.entries import (
    BlobState,
    CopyEntry,
    DisplaceEntry,
    EliminateEntry,
    EventEntry,
    NeedsBlobs,
    NeedsComparison,
    NeedsHeader,
    Payload,
    PlaceEntry,
    Recorded,
    Refused,
    RefusedEliminated,
    Result,
    Spared,
    SparedFor,
    StoreEntry,
    StoreNames,
    SweepEntry,
    TooFewCopies,
)
from vna.index.extra_filling import ExtraStretch, Reached
from vna.index.facts import RecordedFact
from vna.index.held import Counts, HeldInstance, StoredForm
from vna.index.hold_queries import parse_hold_query
from vna.index.hold_reading import Hold, HoldReader
from vna.index.index import Index, open_index
from vna.index.intake import Intake
from vna.index.journal import JournalReader, open_journal, position_of
from vna.index.limitations import Limitation
from vna.index.listing import ItemContent
from vna.index.object_locks import KnownLock, LockedBlobs, LockTable, Use
from vna.index.paging import Page
from vna.index.placement_reading import Filling, Lying, PlacementReader, Placing, Whereabouts
from vna.index.profiles import KeptProfile
from vna.index.reading import Reader
from vna.index.rejections import Comment, Rejection, RejectionReader, Visible
from vna.index.replay import Past, Replayer, open_replay
from vna.index.retention import Detail, FactRow, Gathered, InstanceRow, SeriesRow, StudyRow
from vna.index.retention_changes import Changes
from vna.index.retention_results import Computed, Counted, Ended, Overdue, Progress, RetentionTable
from vna.index.scrubbing import Round
from vna.index.sweeping import BlobRow, LostUse, SweepReader
from vna.index.tombstones import Buried, Listing, TombstoneReader
from vna.index.translation import index_errors

__all__ = [
    "ANYBODY",
    "Attestation",
    "BlobReader",
    "BlobRow",
    "BlobState",
    "Buried",
    "Changes",
    "ClockJump",
    "ClockMarks",
    "Comment",
    "Computed",
    "Copy",
    "CopyEntry",
    "Counted",
    "Counts",
    "Detail",
    "Difference",
    "DisplaceEntry",
    "Election",
    "EliminateEntry",
    "Elimination",
    "EliminationReader",
    "Ended",
    "EventEntry",
    "ExtraStretch",
    "FactRow",
    "Filling",
    "FoldedTables",
    "Gathered",
    "HeldInstance",
    "Hold",
    "HoldReader",
    "Holding",
    "Index",
    "InstanceRow",
    "Intake",
    "ItemContent",
    "JournalReader",
    "KeptProfile",
    "KnownLock",
    "Limitation",
    "ListedItem",
    "Listing",
    "LockTable",
    "LockedBlobs",
    "LostUse",
    "Lying",
    "NeedsBlobs",
    "NeedsComparison",
    "NeedsHeader",
    "Overdue",
    "Owed",
    "Page",
    "Past",
    "Payload",
    "PlaceEntry",
    "PlacementReader",
    "Placing",
    "Progress",
    "Reached",
    "Reader",
    "Recorded",
    "RecordedFact",
    "Refused",
    "RefusedEliminated",
    "Rejection",
    "RejectionReader",
    "Replayer",
    "Result",
    "RetentionTable",
    "Round",
    "SeriesRow",
    "Spared",
    "SparedFor",
    "Step",
    "StoreEntry",
    "StoreNames",
    "StoredForm",
    "StudyRow",
    "SweepEntry",
    "SweepReader",
    "TombstoneReader",
    "TooFewCopies",
    "Turn",
    "Use",
    "Visible",
    "Waiting",
    "Whereabouts",
    "differences",
    "index_errors",
    "open_index",
    "open_journal",
    "open_replay",
    "parse_hold_query",
    "place_key",
    "position_of",
    "sqlite_path",
    "waits_until",
]
