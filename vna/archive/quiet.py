"""Quiet studies: nothing came in for them for a while, over all workers and nodes; what waits for that may begin.

Whoever keeps house follows the journal, where every arrival is whoever took it. It waits by its own clock from when it
saw an arrival, so a clock that is set makes no study quiet; at worst, after a change of housekeeper, one is reported
later. That none is reported twice for the same arrivals is decided in the transaction of the report.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Final

from vna.archive.recording import record_if_due
from vna.events import StudyQuiet
from vna.index import Index, index_errors
from vna.model import StudyUID

_ACTOR: Final = "housekeeper"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The first and the last arrival of a study that are not reported, and when the last one was seen."""

    first: int
    last: int
    seen_s: float


class QuietStudies:
    """Reports studies that have become quiet. Owns the index it is given; close it when done."""

    def __init__(self, index: Index, quiet_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the index, and how long nothing must have come in; `clock` is in seconds, and never set."""
        self._index, self._quiet_s, self._clock = index, quiet_s, clock
        self._read_upto: int | None = None
        self._waiting: dict[StudyUID, _Waiting] = {}

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def report(self, stopping: Event) -> int:
        """Read what has come in, and report the studies that are quiet; return how many are reported now.

        Raises:
            OutOfResources: the index is full or unreachable; what is not reported is reported next time.
        """
        with index_errors():
            read_upto = self._read_on()
        due_at = self._clock() - self._quiet_s
        due = [(study, waiting) for study, waiting in self._waiting.items() if waiting.seen_s <= due_at]
        due.sort(key=lambda each: each[1].first)
        others = (waiting.first for waiting in self._waiting.values() if waiting.seen_s > due_at)
        settled = min(others, default=read_upto + 1) - 1
        reported = 0
        for number, (study, waiting) in enumerate(due, 1):
            if stopping.is_set():
                break
            next_first = due[number][1].first if number < len(due) else read_upto + 1
            event = StudyQuiet(study, waiting.last, settled_upto=min(settled, next_first - 1))
            reported += record_if_due(self._index, event, _ACTOR) is not None
            del self._waiting[study]
        return reported

    def _read_on(self) -> int:
        """Note every arrival since the last time; return the position up to which all are noted."""
        if self._read_upto is None:
            self._read_upto = self._index.quiet.settled_upto()
        upto = self._index.journal.mark().position
        for page in self._index.quiet.arrivals(after=self._read_upto, upto=upto):
            now = self._clock()
            for position, study in page:
                known = self._waiting.get(study)
                self._waiting[study] = _Waiting(known.first if known else position, position, now)
        self._read_upto = upto
        return upto
