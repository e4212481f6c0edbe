"""The one door: every edge stores, finds and reads through `Archive`, and decides nothing itself."""

from vna.archive.archive import Archive
from vna.archive.commitments import CommitmentReport, Commitments, FailureReason
from vna.archive.erasing import erase_payloads
from vna.archive.fsck import Discrepancy, Fsck, Plan, Tally
from vna.archive.healing import Healer, store_name
from vna.archive.in_flight import InFlight
from vna.archive.overview import Overview
from vna.archive.quiet import QuietStudies
from vna.archive.rebuilding import Rebuilder, catch_up
from vna.archive.receipts import write_receipt
from vna.archive.receive import Arrived, Expected, Stored, StoreSession
from vna.archive.rejections import Rejections, Statement
from vna.archive.replicating import Replicator
from vna.archive.retrieve import DataSet
from vna.archive.room import Room, Space, Watermark
from vna.archive.scrubbing import Pace, Scrubber
from vna.archive.sealing import Sealer
from vna.archive.spool import Incoming, Spool
from vna.archive.standing import StoreStanding
from vna.archive.sweeping import Sweeper, Swept
from vna.archive.translation import storage_errors
from vna.archive.verify import Finding
from vna.events import CommitmentRequested, JournalMark
from vna.index import Counts, HeldInstance, Intake, Rejection, Turn, Visible, Waiting

__all__ = [
    "Archive",
    "Arrived",
    "CommitmentReport",
    "CommitmentRequested",
    "Commitments",
    "Counts",
    "DataSet",
    "Discrepancy",
    "Expected",
    "FailureReason",
    "Finding",
    "Fsck",
    "Healer",
    "HeldInstance",
    "InFlight",
    "Incoming",
    "Intake",
    "JournalMark",
    "Overview",
    "Pace",
    "Plan",
    "QuietStudies",
    "Rebuilder",
    "Rejection",
    "Rejections",
    "Replicator",
    "Room",
    "Scrubber",
    "Sealer",
    "Space",
    "Spool",
    "Statement",
    "StoreSession",
    "StoreStanding",
    "Stored",
    "Sweeper",
    "Swept",
    "Tally",
    "Turn",
    "Visible",
    "Waiting",
    "Watermark",
    "catch_up",
    "erase_payloads",
    "storage_errors",
    "store_name",
    "write_receipt",
]
