"""Erasing what the journal keeps beside the chain of one owner: the event first, then the files, then the rows.

The event is sealed before the first file goes, so that whoever verifies the journal finds out why one is missing. Cut
short at any step it is made good by doing it again: the rows, which say where the files are, go last.

This is the journal's part of an elimination alone. What the index shows of the owner, and the blobs, stay: an archive
that only this was done to still answers queries with what is erased, and a rebuild of it does not.
"""

from bisect import bisect_right

from vna.archive.recording import record
from vna.archive.sealing import Sealer
from vna.archive.translation import storage_errors
from vna.events import PayloadsErased
from vna.index import Index, index_errors
from vna.journal import SealedJournal


def erase_payloads(index: Index, journal: SealedJournal, sealer: Sealer, *, owner: str, actor: str) -> int:
    """Erase all payloads that events until now keep of an owner; return the position of the event that says so.

    Raises:
        OutOfResources: index or store is full or unreachable; do it again.
        StartRefused: the sealed journal is not that of this index.
    """
    erased_at = record(index, PayloadsErased(owner), actor)
    sealer.seal()
    with index_errors(), storage_errors():
        firsts = journal.firsts()
        positions = index.erasures.positions(owner, before=erased_at)
        for first in sorted({firsts[bisect_right(firsts, position) - 1] for position in positions}):
            journal.erase(first, owner)
        index.erasures.erase(owner, before=erased_at)
    return erased_at
