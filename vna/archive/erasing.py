"""Erasing what the journal keeps beside the chain of one owner: the event first, then the files, then the rows.

The event is sealed before the first file goes, so that whoever verifies the journal finds out why one is missing. Cut
short at any step it is made good by doing it again: the rows, which say where the files are, go last.

This is the journal's part of an elimination alone (`vna.archive.destruction`): there the event is `Eliminated`, which
names the owners, and the rows go with the event that attests.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vna.archive.headers import HeaderCodec, pack_together
from vna.archive.recording import record
from vna.archive.sealing import Sealer
from vna.archive.translation import storage_errors
from vna.events import PayloadsErased
from vna.index import Buried, Index, index_errors
from vna.journal import PayloadFile, SealedJournal, Segment


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
        for first in sorted({_segment_of(firsts, position) for position in positions} - {0}):
            journal.erase(journal.segment(first), [(owner, None)])
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
            gone = self._gone(buried)
            for first, owners in sorted(self._segments(journal.firsts(), gone).items()):
                segment = journal.segment(first)
                left = ((owner, self._left(segment, owner, gone[owner])) for owner in owners)
                erased = journal.erase(segment, left)
                files, size = files + erased[0], size + erased[1]
        return files, size

    def _gone(self, buried: Sequence[Buried]) -> dict[str, "_Gone"]:
        """Return what is gone, by owner: of each only once, however many items of the elimination are of one study."""
        whole = {owner: each.number for each in buried for owner in each.owners}
        parts = {each.scope.study: each.number for each in buried}
        gone = {
            owner: _Gone(set(self._index.erasures.positions(owner, before=number))) for owner, number in whole.items()
        }
        for study, number in parts.items():
            if number > whole.get(study, 0):
                positions = set(self._index.erasures.of_nothing(study, before=number))
                rebased = self._rebased(study, positions) if positions else ()
                before = gone.get(study, _Gone(set()))
                gone[study] = _Gone(before.positions | positions, rebased)
        return gone

    def _segments(self, firsts: Sequence[int], gone: Mapping[str, "_Gone"]) -> dict[int, list[str]]:
        """Return where the segments begin whose files change, each with the owners of those."""
        segments: dict[int, list[str]] = {}
        for owner, each in gone.items():
            for first in {_segment_of(firsts, at) for at in (*each.positions, *each.rebased)} - {0}:
                segments.setdefault(first, []).append(owner)
        return segments

    def _left(self, segment: Segment, owner: str, gone: "_Gone") -> PayloadFile | None:
        """Return the file of what a segment keeps of an owner beside what is gone; None where that is nothing."""
        rows = self._index.erasures.rows(owner)
        left = {
            at: kept for at, kept in rows.items() if segment.first <= at <= segment.last and at not in gone.positions
        }
        if not left:
            return None
        bases = self._index.journal.bases({kept.base for kept in left.values()})
        return PayloadFile(segment.archive, owner, segment.first, segment.last, bases, left)

    def _rebased(self, study: str, gone: set[int]) -> Sequence[int]:
        """Keep the headers of a study no more against one that is gone; return where all payloads of the study are."""
        rows = self._index.erasures.rows(study)
        bases = {rows[at].base for at in gone}
        left = {at: kept for at, kept in rows.items() if at not in gone and kept.base in bases}
        for base in sorted({kept.base for kept in left.values()}):
            of_base = {at: kept for at, kept in left.items() if kept.base == base}
            plains = {at: self._headers.unpack(kept.data, kept.base) for at, kept in of_base.items()}
            packed = pack_together(list(plains.values()))
            repacked = {at: (each.base, each.data) for at, each in zip(plains, packed, strict=True)}
            self._index.erasures.repack(repacked, {each.base: each.base_data for each in packed})
        return tuple(rows)


@dataclass(frozen=True, slots=True)
class _Gone:
    """Which payloads of an owner are gone, by position; `rebased` are those whose files are written anew for that."""

    positions: set[int]
    rebased: Sequence[int] = ()


def _segment_of(firsts: Sequence[int], position: int) -> int:
    """Return where the segment begins that a position lies in; 0 before the first one."""
    number = bisect_right(firsts, position)
    return firsts[number - 1] if number else 0
