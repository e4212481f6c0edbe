"""The one door: every edge stores, finds and reads through `Archive`, and decides nothing itself."""

from vna.archive.archive import Archive
from vna.archive.receive import Arrived, Expected, Stored, StoreSession
from vna.archive.retrieve import DataSet
from vna.archive.room import Room
from vna.archive.spool import Incoming, Spool
from vna.archive.verify import Finding
from vna.index import HeldInstance

__all__ = [
    "Archive",
    "Arrived",
    "DataSet",
    "Expected",
    "Finding",
    "HeldInstance",
    "Incoming",
    "Room",
    "Spool",
    "StoreSession",
    "Stored",
]
