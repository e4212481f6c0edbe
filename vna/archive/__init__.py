"""The one door: every edge stores, finds and reads through `Archive`, and decides nothing itself."""

from vna.archive.archive import Archive
from vna.archive.overview import Overview
from vna.archive.rebuilding import Rebuilder, catch_up
from vna.archive.receive import Arrived, Expected, Stored, StoreSession
from vna.archive.rejections import Rejections, Statement
from vna.archive.retrieve import DataSet
from vna.archive.room import Room, Space
from vna.archive.sealing import Sealer
from vna.archive.spool import Incoming, Spool
from vna.archive.translation import storage_errors
from vna.archive.verify import Finding
from vna.events import JournalMark
from vna.index import Counts, HeldInstance, Intake, Rejection, Visible

__all__ = [
    "Archive",
    "Arrived",
    "Counts",
    "DataSet",
    "Expected",
    "Finding",
    "HeldInstance",
    "Incoming",
    "Intake",
    "JournalMark",
    "Overview",
    "Rebuilder",
    "Rejection",
    "Rejections",
    "Room",
    "Sealer",
    "Space",
    "Spool",
    "Statement",
    "StoreSession",
    "Stored",
    "Visible",
    "catch_up",
    "storage_errors",
]
