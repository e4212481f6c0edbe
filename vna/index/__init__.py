"""The index: the journal's tail and everything that can be asked of it, in SQL."""

from vna.index.database import sqlite_path
from vna.index.entries import (
    BlobState,
    EventEntry,
    NeedsBlobs,
    NeedsComparison,
    Payload,
    Recorded,
    StoreEntry,
)
from vna.index.held import Counts, HeldInstance, StoredForm
from vna.index.index import Index, open_index
from vna.index.reading import Reader
from vna.index.translation import index_errors

__all__ = [
    "BlobState",
    "Counts",
    "EventEntry",
    "HeldInstance",
    "Index",
    "NeedsBlobs",
    "NeedsComparison",
    "Payload",
    "Reader",
    "Recorded",
    "StoreEntry",
    "StoredForm",
    "index_errors",
    "open_index",
    "sqlite_path",
]
