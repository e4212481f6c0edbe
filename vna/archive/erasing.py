"""Erasing what the journal keeps beside the chain of one owner: the event first, then the files, then the rows.

The event is sealed before the first file goes, so that whoever verifies the journal finds out why one is missing. Cut
short at any step it is made good by doing it again: the rows, which say where the files are, go last.

This is the journal's part of an elimination alone (`vna.archive.destruction`): there the event is `Eliminated`, which
names the owners, and the rows go with the event that attests.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from vna.archive.headers import HeaderCodec, pack_together
from vna.archive.recording import record
from vna.archive.sealing import Sealer
from vna.archive.translation import storage_errors
from vna.events import KeptPayload, PayloadsErased
from vna.index import Buried, Index, index_errors
from vna.journal import PayloadFile, SealedJournal


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


class Eraser:
    """Erases what the journal keeps of what was eliminated."""

    def __init__(self, index: Index, headers: HeaderCodec) -> None:
        self._index, self._headers = index, headers

    def erase(self, journal: SealedJournal, buried: Sequence[Buried]) -> tuple[int, int]:
        """Delete the payload files of what was eliminated; return how many there were, and their bytes.

        A file that keeps something else of its owner is replaced by one that holds nothing but that. The rows stay
        until `DestructionAttested` says that it is done: they tell where files are.

        Raises:
            OutOfResources: the store is unreachable; do it again.
        """
        files = size = 0
        with storage_errors():
            firsts = journal.firsts()
            for each in buried:
                for owner in dict.fromkeys((*each.owners, each.scope.study)):
                    whole = owner in each.owners
                    table = self._index.erasures
                    gone = (table.positions if whole else table.of_nothing)(owner, before=each.number)
                    if not gone:
                        continue
                    rows = table.rows(owner) if whole else self._rebased(owner, set(gone))
                    for first in sorted({_segment_of(firsts, at) for at in (gone if whole else rows)} - {0}):
                        removed = journal.erase(first, owner, self._left(journal, first, owner, rows, set(gone)))
                        files, size = files + (removed > 0), size + removed
        return files, size

    def _left(
        self, journal: SealedJournal, first: int, owner: str, rows: Mapping[int, KeptPayload], gone: set[int]
    ) -> PayloadFile | None:
        """Return the file of what a segment keeps of an owner beside what is gone; None where that is nothing."""
        segment = journal.segment(first)
        left = {at: kept for at, kept in rows.items() if segment.first <= at <= segment.last and at not in gone}
        if not left:
            return None
        bases = self._index.journal.bases({kept.base for kept in left.values()})
        return PayloadFile(segment.archive, owner, segment.first, segment.last, bases, left)

    def _rebased(self, study: str, gone: set[int]) -> dict[int, KeptPayload]:
        """Keep the headers of a study no more against one that is gone; return all payloads of the study."""
        rows = self._index.erasures.rows(study)
        bases = {rows[at].base for at in gone}
        left = {at: kept for at, kept in rows.items() if at not in gone and kept.base in bases}
        for base in sorted({kept.base for kept in left.values()}):
            of_base = {at: kept for at, kept in left.items() if kept.base == base}
            plains = {at: self._headers.unpack(kept.data, kept.base) for at, kept in of_base.items()}
            packed = pack_together(list(plains.values()))
            repacked = {at: (each.base, each.data) for at, each in zip(plains, packed, strict=True)}
            self._index.erasures.repack(repacked, {each.base: each.base_data for each in packed})
        return self._index.erasures.rows(study)


def _segment_of(firsts: Sequence[int], position: int) -> int:
    """Return where the segment begins that a position lies in; 0 before the first one."""
    number = bisect_right(firsts, position)
    return firsts[number - 1] if number else 0
