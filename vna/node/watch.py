"""What the processes of a node tell of themselves: their numbers, and what they have complained of.

The process at the top makes a board for each of them before it forks any, and reads them all. Warnings and errors
that are logged are noted on the board beside going to the log: how often, when last, and in which words. The
notes are by kind of message, of which the code has some dozens, so a flood of one does not hide the others.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from vna.console import Complaint, Worker
from vna.metrics import Board, Gauge, Metrics, Note, Series, boards
from vna.metrics.families import COMPLAINTS, OPEN, PID, STARTS
from vna.node.logs import event_of, one_line

NODE: Final = 0
"""The process at the top; workers are numbered from 1."""


class Watch:
    """The boards of a node's processes."""

    def __init__(self, workers: int) -> None:
        self._memory = boards(workers + 2)
        self._workers = range(1, workers + 1)
        self.supervisor = workers + 1
        self._handler: _NoteHandler | None = None

    def take(self, process: int) -> Metrics:
        """Count and note on the board of this process from now on; what is forked does too, until it takes its own."""
        self.leave()
        board = Board(self._memory[process])
        metrics = Metrics(board)
        if process in self._workers:
            metrics.change(PID, by=os.getpid())
            metrics.count(STARTS, str(process))
        self._handler = _NoteHandler(board, metrics)
        logging.getLogger().addHandler(self._handler)
        return metrics

    def leave(self) -> None:
        """Note no more of what this process logs."""
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler = None

    def series(self) -> list[Series]:
        """Return what all processes have counted, each on its own."""
        return [series for memory in self._memory for series in Board(memory).series()]

    def total(self, gauge: Gauge) -> float:
        """Return what a gauge without labels stands at, all processes together."""
        return sum(series.values[0] for series in self.series() if series.key == (gauge.name,))

    def complaints(self) -> tuple[Complaint, ...]:
        """Return what was complained of since the start, the latest first."""
        merged: dict[tuple[str, ...], Note] = {}
        for note in (note for memory in self._memory for note in Board(memory).notes()):
            other = merged.get(note.key, note)
            later = max(note, other, key=lambda each: each.at)
            merged[note.key] = note if other is note else replace(later, count=note.count + other.count)
        latest_first = sorted(merged.values(), key=lambda note: note.at, reverse=True)
        return tuple(_complaint(note) for note in latest_first)

    def workers(self) -> tuple[Worker, ...]:
        """Return the workers: whether they live, and how many associations they serve."""
        return tuple(self._worker(number) for number in self._workers)

    def _worker(self, number: int) -> Worker:
        values = _Values(Board(self._memory[number]).series())
        pid = int(values.of(PID.name))
        return Worker(
            number=number,
            pid=pid,
            alive=_is_alive(pid),
            associations=int(values.of(OPEN.name)),
            starts=int(values.of(STARTS.name, str(number))),
        )


@dataclass(frozen=True, slots=True)
class _Values:
    """Single values of one board."""

    series: Iterable[Series]

    def of(self, *key: str) -> float:
        return next((each.values[0] for each in self.series if each.key == key), 0.0)


class _NoteHandler(logging.Handler):
    """Notes warnings and errors on a board, and counts them."""

    def __init__(self, board: Board, metrics: Metrics) -> None:
        super().__init__(logging.WARNING)
        self._board, self._metrics = board, metrics

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        self._board.note((level, record.name, event_of(record)), record.created, one_line(record))
        self._metrics.count(COMPLAINTS, level, record.name)


def _complaint(note: Note) -> Complaint:
    level, logger, event = note.key
    return Complaint(level, logger, event, note.count, datetime.fromtimestamp(note.at, UTC), note.text)


def _is_alive(pid: int) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
