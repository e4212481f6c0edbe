"""The index: the journal's tail and everything that can be asked of it, in SQL."""

from vna.index.database import sqlite_path
from vna.index.entries import (
    BlobState,
    EventEntry,
    NeedsBlobs,
    NeedsComparison,
    Payload,
    Recorded,
    Refused,
    StoreEntry,
)
from vna.index.held import Counts, HeldInstance, StoredForm
from vna.index.index import Index, open_index
from vna.index.intake import Intake
from vna.index.journal import JournalReader, open_journal
from vna.index.reading import Reader
from vna.index.rejections import Rejection, RejectionReader, Visible
from vna.index.replay import Past, Replayer, open_replay
from vna.index.translation import index_errors

__all__ = [
    "BlobState",
    "Counts",
    "EventEntry",
    "HeldInstance",
    "Index",
    "Intake",
    "JournalReader",
    "NeedsBlobs",
    "NeedsComparison",
    "Past",
    "Payload",
    "Reader",
    "Recorded",
    "Refused",
    "Rejection",
    "RejectionReader",
    "Replayer",
    "StoreEntry",
    "StoredForm",
    "Visible",
    "index_errors",
    "open_index",
    "open_journal",
    "open_replay",
    "sqlite_path",
]
