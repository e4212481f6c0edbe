"""The node: puts the parts together, owns the data folder, starts and stops; known by the command line only."""

from vna.node.data_folder import Address, DataFolder, NodeRecord
from vna.node.fsck import open_fsck
from vna.node.journal import (
    Rebuild,
    lost_end,
    open_existing_sealing_archive,
    open_journal_reader,
    open_sealer,
    open_sealing_archive,
)
from vna.node.lifecycle import lifecycle_of
from vna.node.node import Node
from vna.node.parts import open_archive, open_documents, open_existing_archive
from vna.node.serve import serve
from vna.node.sweeping import open_sweeper

__all__ = [
    "Address",
    "DataFolder",
    "Node",
    "NodeRecord",
    "Rebuild",
    "lifecycle_of",
    "lost_end",
    "open_archive",
    "open_documents",
    "open_existing_archive",
    "open_existing_sealing_archive",
    "open_fsck",
    "open_journal_reader",
    "open_sealer",
    "open_sealing_archive",
    "open_sweeper",
    "serve",
]
