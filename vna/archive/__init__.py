"""The one door: every edge stores, finds and reads through `Archive`, and decides nothing itself."""

from vna.archive.archive import Archive
from vna.archive.bulk import BulkContent
from vna.archive.commitments import NOBODY, CommitmentReport, Commitments, FailureReason, report_of
from vna.archive.composing import NUMBER_OF_FRAMES, BulkPart, compose, references
from vna.archive.derived import Derived, document_name
from vna.archive.erasing import erase_payloads
from vna.archive.extra import ExtraProgress
from vna.archive.frames import Frame, Frames
from vna.archive.fsck import Discrepancy, Fsck, Plan, Tally
from vna.archive.healing import Healer, store_name
from vna.archive.in_flight import InFlight
from vna.archive.overview import Overview
from vna.archive.quiet import QuietStudies
from vna.archive.rebuilding import Rebuilder, catch_up
from vna.archive.receipts import write_receipt
from vna.archive.receive import Arrived, Expected, Stored, StoreSession
from vna.archive.rejections import Rejections, Statement
from vna.archive.rendering import NotInPicture, Renderer
from vna.archive.replicating import Replicator
from vna.archive.retrieve import DataSet
from vna.archive.room import Room, Space, Watermark
from vna.archive.scrubbing import Pace, Scrubber
from vna.archive.sealing import Sealer
from vna.archive.spool import Incoming, Spool
from vna.archive.standing import StoreStanding
from vna.archive.subjects import Kind, Subject, representative
from vna.archive.sweeping import Sweeper, Swept
from vna.archive.translation import storage_errors
from vna.archive.verify import Finding
from vna.events import CommitmentRequested, JournalMark
from vna.index import ANYBODY, Counts, HeldInstance, Intake, Page, Rejection, Turn, Visible, Waiting

__all__ = [
    "ANYBODY",
    "NOBODY",
    "NUMBER_OF_FRAMES",
    "Archive",
    "Arrived",
    "BulkContent",
    "BulkPart",
    "CommitmentReport",
    "CommitmentRequested",
    "Commitments",
    "Counts",
    "DataSet",
    "Derived",
    "Discrepancy",
    "Expected",
    "ExtraProgress",
    "FailureReason",
    "Finding",
    "Frame",
    "Frames",
    "Fsck",
    "Healer",
    "HeldInstance",
    "InFlight",
    "Incoming",
    "Intake",
    "JournalMark",
    "Kind",
    "NotInPicture",
    "Overview",
    "Pace",
    "Page",
    "Plan",
    "QuietStudies",
    "Rebuilder",
    "Rejection",
    "Rejections",
    "Renderer",
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
    "Subject",
    "Sweeper",
    "Swept",
    "Tally",
    "Turn",
    "Visible",
    "Waiting",
    "Watermark",
    "catch_up",
    "compose",
    "document_name",
    "erase_payloads",
    "references",
    "report_of",
    "representative",
    "storage_errors",
    "store_name",
    "write_receipt",
]
