"""The one door: every edge stores, finds and reads through `Archive`, and decides nothing itself."""

from vna.archive.archive import Archive
from vna.archive.bordereau import ACCEPTABLE, Wanted
from vna.archive.bulk import BulkContent
from vna.archive.certificate_checks import Fault, check_certificate
from vna.archive.certifying import Notary
from vna.archive.commitments import NOBODY, CommitmentReport, Commitments, FailureReason, report_of
from vna.archive.composing import NUMBER_OF_FRAMES, BulkPart, compose, references
from vna.archive.derived import Derived, document_name
from vna.archive.describing import ahead_of
from vna.archive.destruction import Destruction, Means, Remaining, Went
from vna.archive.discrepancies import Discrepancy, Plan, Tally
from vna.archive.elimination_preview import EliminationPreview
from vna.archive.elimination_telling import told_elimination, told_elimination_standing
from vna.archive.eliminations import (
    KEEPING_CAUSES,
    Eliminations,
    EliminationShown,
    EliminationStanding,
    EliminationState,
    Visa,
)
from vna.archive.erasing import erase_payloads
from vna.archive.executing import EliminationRun, Executor
from vna.archive.extra import ExtraProgress
from vna.archive.frames import Frame, Frames
from vna.archive.fsck import Fsck
from vna.archive.healing import Healer, store_name
from vna.archive.holds import Holds, HoldTarget, HoldTerms, today_utc, told_covered, told_hold
from vna.archive.in_flight import InFlight
from vna.archive.kept import part_of
from vna.archive.ledger import BrokenLedger, Ledger
from vna.archive.limitations import Limitations, Opened
from vna.archive.locking import LockKeeper, Reasons, locked_stores
from vna.archive.overview import Overview
from vna.archive.patients import Patients, Told, told_fact
from vna.archive.placing import Moved
from vna.archive.quiet import QuietStudies
from vna.archive.rebuilding import Rebuilder, catch_up
from vna.archive.receipts import write_receipt
from vna.archive.receive import Arrived, Expected, Stored, StoreSession
from vna.archive.rejections import Rejections, Statement
from vna.archive.rendering import NotInPicture, Renderer
from vna.archive.replicating import Replicator
from vna.archive.retention import Explanation, Retention
from vna.archive.retention_profiles import understood as understood_profile
from vna.archive.retention_report import RetentionReport
from vna.archive.retention_simulating import SimulatedStudy, Simulation
from vna.archive.retrieve import DataSet, is_plain
from vna.archive.room import Room, Space, Watermark
from vna.archive.same_history import NOTHING_SEALED, Remembered
from vna.archive.scrubbing import Pace, Scrubber
from vna.archive.sealing import Sealer
from vna.archive.spool import Incoming, Spool
from vna.archive.standing import StoreStanding
from vna.archive.subjects import Kind, Subject, representative
from vna.archive.sweeping import Sweeper, Swept
from vna.archive.tier_stores import Traits
from vna.archive.tiers import StudyPlace, StudyStanding, Tiers, TierStanding
from vna.archive.translation import storage_errors
from vna.archive.verify import Finding
from vna.events import CommitmentRequested, JournalMark
from vna.index import (
    ANYBODY,
    Counts,
    HeldInstance,
    Hold,
    Intake,
    KeptProfile,
    Limitation,
    Page,
    RecordedFact,
    Rejection,
    Turn,
    Visible,
    Waiting,
)

__all__ = [
    "ACCEPTABLE",
    "ANYBODY",
    "KEEPING_CAUSES",
    "NOBODY",
    "NOTHING_SEALED",
    "NUMBER_OF_FRAMES",
    "Archive",
    "Arrived",
    "BrokenLedger",
    "BulkContent",
    "BulkPart",
    "CommitmentReport",
    "CommitmentRequested",
    "Commitments",
    "Counts",
    "DataSet",
    "Derived",
    "Destruction",
    "Discrepancy",
    "EliminationPreview",
    "EliminationRun",
    "EliminationShown",
    "EliminationStanding",
    "EliminationState",
    "Eliminations",
    "Executor",
    "Expected",
    "Explanation",
    "ExtraProgress",
    "FailureReason",
    "Fault",
    "Finding",
    "Frame",
    "Frames",
    "Fsck",
    "Healer",
    "HeldInstance",
    "Hold",
    "HoldTarget",
    "HoldTerms",
    "Holds",
    "InFlight",
    "Incoming",
    "Intake",
    "JournalMark",
    "KeptProfile",
    "Kind",
    "Ledger",
    "Limitation",
    "Limitations",
    "LockKeeper",
    "Means",
    "Moved",
    "NotInPicture",
    "Notary",
    "Opened",
    "Overview",
    "Pace",
    "Page",
    "Patients",
    "Plan",
    "QuietStudies",
    "Reasons",
    "Rebuilder",
    "RecordedFact",
    "Rejection",
    "Rejections",
    "Remaining",
    "Remembered",
    "Renderer",
    "Replicator",
    "Retention",
    "RetentionReport",
    "Room",
    "Scrubber",
    "Sealer",
    "SimulatedStudy",
    "Simulation",
    "Space",
    "Spool",
    "Statement",
    "StoreSession",
    "StoreStanding",
    "Stored",
    "StudyPlace",
    "StudyStanding",
    "Subject",
    "Sweeper",
    "Swept",
    "Tally",
    "TierStanding",
    "Tiers",
    "Told",
    "Traits",
    "Turn",
    "Visa",
    "Visible",
    "Waiting",
    "Wanted",
    "Watermark",
    "Went",
    "ahead_of",
    "catch_up",
    "check_certificate",
    "compose",
    "document_name",
    "erase_payloads",
    "is_plain",
    "locked_stores",
    "part_of",
    "references",
    "report_of",
    "representative",
    "storage_errors",
    "store_name",
    "today_utc",
    "told_covered",
    "told_elimination",
    "told_elimination_standing",
    "told_fact",
    "told_hold",
    "understood_profile",
    "write_receipt",
]
