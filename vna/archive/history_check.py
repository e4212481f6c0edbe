"""The part of fsck that is about what happened: the sealed journal, what the index holds of it, what follows from it.

journal    every document of it, from the store alone (vna.journal.verify), and whether it lost its end
event      those in the index give their hashes one by one, and have their payloads; in depth these give theirs
history    index and journal are one
table      in depth: what stands in the index is what a new one made from the journal holds, row by row
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from tempfile import TemporaryDirectory
from typing import Final

from vna.archive.describing import ahead_of
from vna.archive.discrepancies import Discrepancy, Kind, Plan, Tally
from vna.archive.healing import Healer
from vna.archive.rebuilding import Rebuilder
from vna.archive.same_history import (
    NOTHING_SEALED,
    ChainCheck,
    ErasedPayloads,
    check_head,
    check_same_history,
    payload_problem,
)
from vna.archive.sealing import Sealer
from vna.errors import StartRefused, VnaError
from vna.events import JournalMark, Link
from vna.index import Difference, FoldedTables, differences, open_replay
from vna.journal import PayloadReader, Problem, SealedJournal, first_of_segment
from vna.journal import verify as verify_journal

_PAGE: Final = 1000
_MOST: Final = 100
"""Events, and rows, named one by one; where more are wrong there is one cause."""
_MAKE_ANEW: Final = "put the index back from a backup, or `vna rebuild --into` makes a new one from what is sealed"
_PUT_BACK: Final = "put it back from a backup of the store"


class HistoryCheck:
    """Compares index and journal; to be run once."""

    def __init__(self, healer: Healer, sealer: Sealer, journal: SealedJournal, plan: Plan) -> None:
        self._index, self._blobs = healer.index, healer.blobs
        self._sealer, self._journal, self._plan = sealer, journal, plan

    def run(self, tally: Tally, told: Callable[[float], None]) -> Iterator[Discrepancy]:
        """Go through what is found; nothing is concluded from what is wrong itself.

        Raises:
            OutOfResources: store or index cannot be read.
        """
        documents, events = list(self._documents(tally)), list(self._events())
        yield from documents
        yield from events
        if documents or events:
            return
        histories = list(self._histories())
        yield from histories
        if self._plan.deep and not any(each.is_problem for each in histories):
            yield from self._tables(told)

    def _documents(self, tally: Tally) -> Iterator[Discrepancy]:
        report = verify_journal(self._journal.documents, self._plan.public_key)
        tally.segments = report.segments
        for problem in report.problems:
            text = f"position {problem.position}: {problem.reason}"
            yield Discrepancy(Kind.JOURNAL, problem.document, text, self._way_out(problem))

    def _way_out(self, problem: Problem) -> str:
        """Say what can be done: the last segment can be made again out of the index, where that holds its events."""
        first = first_of_segment(problem.document)
        firsts = self._journal.firsts()
        if first is None or first != firsts[-1] or self._index.journal.mark_at(first) is None:
            return _PUT_BACK
        return f"{_PUT_BACK}; or move it away: the index holds these events, and the node seals them again"

    def _events(self) -> Iterator[Discrepancy]:
        upto = self._index.journal.mark().position
        links = self._index.journal.links(after=0, upto=upto)
        problems = self._altered(iter(links))
        for problem in islice(problems, _MOST):
            yield Discrepancy(Kind.EVENT, "index", problem, _MAKE_ANEW)

    def _altered(self, links: Iterator[Link]) -> Iterator[str]:
        erased = ErasedPayloads(self._index.journal.erasures)
        chain = ChainCheck(NOTHING_SEALED, erased)
        while page := list(islice(links, _PAGE)):
            reader = PayloadReader(self._bases(page)) if self._plan.deep else None
            for link in page:
                problem = chain.problem(link)
                if problem is None and reader is not None:
                    problem = payload_problem(link, reader, erased)
                if problem is not None:
                    yield problem

    def _bases(self, links: Iterable[Link]) -> dict[bytes, bytes]:
        return self._index.journal.bases({link.payload.base for link in links if link.payload is not None})

    def _histories(self) -> Iterator[Discrepancy]:
        sealed, position = self._journal.mark(), self._index.journal.mark().position
        if position < sealed.position:
            behind = f"ends at position {position}, the journal in the store at {sealed.position}"
            yield Discrepancy(Kind.HISTORY, "index", behind, "start the node, it enters what is missing")
            return
        try:
            check_head(self._index)
            check_same_history(self._index, sealed)
        except StartRefused as exc:
            yield Discrepancy(Kind.HISTORY, "index", str(exc))
            return
        yield from self._ends(sealed, position)

    def _ends(self, sealed: JournalMark, position: int) -> Iterator[Discrepancy]:
        known = self._plan.remembered.mark
        found = []
        if sealed.position < known.position:
            text = f"it ends at position {sealed.position}, and was sealed up to {known.position} before"
            found.append(Discrepancy(Kind.JOURNAL, "journal", text, _PUT_BACK))
        if position < known.position:
            yield from found
        elif position > sealed.position:
            text = f"events in the index alone: {position - sealed.position}"
            found.append(Discrepancy(Kind.UNSEALED, "journal", text))
            yield from self._sealed(found)

    def _sealed(self, found: Iterable[Discrepancy]) -> Iterator[Discrepancy]:
        """Tell of what sealing puts right, having done it where that is asked for."""
        if not self._plan.repair:
            yield from (replace(each, repair="a running node seals them, or --repair does") for each in found)
            return
        upto = self._sealer.seal().position
        yield from (replace(each, repair=f"sealed up to position {upto}", is_repaired=True) for each in found)

    def _tables(self, told: Callable[[float], None]) -> Iterator[Discrepancy]:
        """Make an index from the journal, and compare it with the one there is, both as of one moment."""
        try:
            with TemporaryDirectory(prefix="fsck-", dir=self._plan.scratch) as folder:
                different = self._compared(f"sqlite:///{folder}/index.sqlite", told)
        except VnaError as exc:
            yield Discrepancy(Kind.TABLE, "index", f"its tables cannot be compared with the journal: {exc}")
            return
        for each in different[:_MOST]:
            yield Discrepancy(Kind.TABLE, f"{each.table} {each.row}", _words(each), _MAKE_ANEW)
        if len(different) > _MOST:
            yield Discrepancy(Kind.TABLE, "index", f"more rows that differ: {len(different) - _MOST}", _MAKE_ANEW)

    def _compared(self, url: str, told: Callable[[float], None]) -> list[Difference]:
        upto = max(1, self._index.journal.mark().position)

        def reached(position: int) -> None:
            told(min(1.0, position / upto))

        with closing(open_replay(url)) as replayer:
            rebuilder = Rebuilder(replayer, self._blobs, ahead_of(upto))
            position = rebuilder.from_journal(self._journal, 0, reached)
            position = rebuilder.from_index(self._index.journal, position, reached)
            with FoldedTables(self._index.url) as found:
                rebuilder.from_index(self._index.journal, position, reached, upto=found.position)
                with FoldedTables(url) as right:
                    return list(differences(found, right))


def _words(difference: Difference) -> str:
    if difference.columns:
        return f"it is not what the journal says: {', '.join(difference.columns)}"
    return "it is missing, and follows from the journal" if difference.is_missing else "nothing in the journal made it"
