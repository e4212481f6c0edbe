"""How code counts: by family and label values, onto the board of its process.

An observation costs about a microsecond. Where there is no node (the command line, tests), a `Metrics` without a
board counts in memory of its own that nobody reads: the same code, no files, and nothing to switch off.
"""

import time
from bisect import bisect_left
from types import TracebackType

from vna.metrics.board import Board
from vna.metrics.families import FAMILIES, Counter, Gauge, Histogram


class Metrics:
    """Counts onto one board. Thread-safe."""

    def __init__(self, board: Board | None = None) -> None:
        """Begin to count on a board, where nothing is under way any more."""
        self._board = board or Board()
        under_way = {family.name for family in FAMILIES if isinstance(family, Gauge)}
        for series in self._board.series():
            if series.key[0] in under_way:
                self._board.reset(series.key)

    def count(self, counter: Counter, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        self._board.add(self._board.place((counter.name, *labels), 1), by)

    def change(self, gauge: Gauge, *labels: str, by: float) -> None:
        """Add to a gauge, or take away from it."""
        self._board.add(self._board.place((gauge.name, *labels), 1), by)

    def observe(self, histogram: Histogram, value: float, *labels: str) -> None:
        """Enter one observation."""
        buckets = histogram.buckets
        place = self._board.place((histogram.name, *labels), len(buckets) + 2)
        self._board.add_two(place, value, place + 1 + bisect_left(buckets, value), 1)

    def timed(self, histogram: Histogram, *labels: str) -> "Timed":
        """Return a context manager whose block's duration in seconds is one observation, if it ends in order."""
        return Timed(self, histogram, labels)


class Timed:
    """Measures one block."""

    __slots__ = ("_histogram", "_labels", "_metrics", "_started")

    def __init__(self, metrics: Metrics, histogram: Histogram, labels: tuple[str, ...]) -> None:
        self._metrics, self._histogram, self._labels = metrics, histogram, labels
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._metrics.observe(self._histogram, time.perf_counter() - self._started, *self._labels)
