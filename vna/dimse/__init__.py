"""The DIMSE edge (PS3.7, PS3.8): C-ECHO, C-STORE, C-FIND, C-GET, C-MOVE and Storage Commitment in front of the archive.

It translates protocol to calls of `vna.archive` and back, and decides nothing about the archive.
"""

from vna.dimse.echo import echo_peer
from vna.dimse.reporter import Reporter
from vna.dimse.server import DimseServer, listen

__all__ = ["DimseServer", "Reporter", "echo_peer", "listen"]
