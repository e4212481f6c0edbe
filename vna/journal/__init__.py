"""The sealed journal: its files, how they are made, and how they are checked, from the store alone.

Knows events as the chain holds them and payloads as bytes; nothing of the index, and nothing of what a payload says.
"""

from vna.journal.names import HEADS, SEGMENTS, first_of_segment
from vna.journal.packing import Unreadable
from vna.journal.payloads import PayloadFile, PayloadReader
from vna.journal.sealed import Broken, SealedJournal, Stretch
from vna.journal.segment import MARK_BYTES, Segment
from vna.journal.signing import SignedHead, SigningKey, load_key, make_key, read_head
from vna.journal.verify import Erasure, Problem, Report, verify

__all__ = [
    "HEADS",
    "MARK_BYTES",
    "SEGMENTS",
    "Broken",
    "Erasure",
    "PayloadFile",
    "PayloadReader",
    "Problem",
    "Report",
    "SealedJournal",
    "Segment",
    "SignedHead",
    "SigningKey",
    "Stretch",
    "Unreadable",
    "first_of_segment",
    "load_key",
    "make_key",
    "read_head",
    "verify",
]
