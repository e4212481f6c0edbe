"""The node: puts the parts together, owns the data folder, starts and stops; known by the command line only."""

from vna.node.data_folder import Address, DataFolder, NodeRecord
from vna.node.journal import Rebuild, open_documents, open_journal_reader, open_sealer
from vna.node.node import Node
from vna.node.parts import open_archive
from vna.node.serve import serve

__all__ = [
    "Address",
    "DataFolder",
    "Node",
    "NodeRecord",
    "Rebuild",
    "open_archive",
    "open_documents",
    "open_journal_reader",
    "open_sealer",
    "serve",
]
