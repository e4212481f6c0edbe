"""The index: the journal's tail and everything that can be asked of it, in SQL."""

from vna.index.blob_reading import BlobReader, Holding, place_key
from vna.index.commitments import ANYBODY, Copy, Owed, Turn, Waiting
from vna.index.database import sqlite_path
from vna.index.election import Election
from vna.index.entries import (
    BlobState,
    EventEntry,
    NeedsBlobs,
    NeedsComparison,
    Payload,
    Recorded,
    Refused,
    StoreEntry,
    SweepEntry,
)
from vna.index.extra_filling import ExtraStretch, Reached
from vna.index.held import Counts, HeldInstance, StoredForm
from vna.index.index import Index, open_index
from vna.index.intake import Intake
from vna.index.journal import JournalReader, open_journal, position_of
from vna.index.paging import Page
from vna.index.reading import Reader
from vna.index.rejections import Rejection, RejectionReader, Visible
from vna.index.replay import Past, Replayer, open_replay
from vna.index.scrubbing import Round
from vna.index.sweeping import BlobRow, LostUse, SweepReader
from vna.index.translation import index_errors

__all__ = [
    "ANYBODY",
    "BlobReader",
    "BlobRow",
    "BlobState",
    "Copy",
    "Counts",
    "Election",
    "EventEntry",
    "ExtraStretch",
    "HeldInstance",
    "Holding",
    "Index",
    "Intake",
    "JournalReader",
    "LostUse",
    "NeedsBlobs",
    "NeedsComparison",
    "Owed",
    "Page",
    "Past",
    "Payload",
    "Reached",
    "Reader",
    "Recorded",
    "Refused",
    "Rejection",
    "RejectionReader",
    "Replayer",
    "Round",
    "StoreEntry",
    "StoredForm",
    "SweepEntry",
    "SweepReader",
    "Turn",
    "Visible",
    "Waiting",
    "index_errors",
    "open_index",
    "open_journal",
    "open_replay",
    "place_key",
    "position_of",
    "sqlite_path",
]
