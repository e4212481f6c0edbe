"""An import: what planning finds is given to worker processes, and what becomes of it is told as it happens."""

import itertools
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from vna.transfer.crew import Crew
from vna.transfer.finished import FinishedUnits
from vna.transfer.handling import Report
from vna.transfer.planning import plan
from vna.transfer.standby import Standby
from vna.transfer.units import Fate, Unit, Verdict, fingerprint
from vna.transfer.worker import Job

_FLUSH_EVERY_S = 1.0
_PLAN_AT_ONCE_S = 0.05


class Importer:
    """One import. `refusal` says why the archive takes nothing more in, if that ended it."""

    def __init__(
        self, job: Job, *, workers: int, finished: FinishedUnits | None = None, standby: Standby | None = None
    ) -> None:
        """Prepare it.

        Args:
            workers: how many processes work at most.
            standby: processes made in advance, of which the first are taken.
            finished: what earlier imports are done with, to be passed over and added to; None reads everything.
        """
        self._job, self._workers, self._finished, self._standby = job, workers, finished, standby or Standby()
        self._stopping = False
        self._unsettled: set[int] = set()
        self._flushed_at = time.monotonic()
        self.refusal: str | None = None

    def stop(self) -> None:
        """Begin nothing new; what is begun is finished and told. May be called from a signal handler."""
        self._stopping = True

    @property
    def was_stopped(self) -> bool:
        """Whether it ended before everything was looked at."""
        return self._stopping

    def run(self, paths: Sequence[Path]) -> Iterator[Verdict]:
        """Import what these paths stand for; yield what becomes of each file and member.

        Raises:
            VnaError: the archive cannot be opened; says why.
        """
        planned = plan(paths, self._is_finished)
        numbers = itertools.count()
        with Crew(self._job, size=self._workers, standby=self._standby) as crew:
            exhausted = False
            while not exhausted or crew.is_busy:
                exhausted = exhausted or self._stopping
                if not exhausted and crew.has_room:
                    batch: list[tuple[int, Unit]] = []
                    exhausted = yield from _fill(batch, planned, numbers, size=crew.batch_size)
                    if batch:
                        crew.give(batch)
                waiting = exhausted or not crew.has_room
                for report in crew.reports(timeout_s=None if waiting and crew.is_busy else 0):
                    yield from self._settle(report, crew)
            self._flush()

    def _is_finished(self, unit: Unit) -> bool:
        return self._finished is not None and self._finished.holds(fingerprint(unit, self._job.source.name))

    def _settle(self, report: Report, crew: Crew) -> Iterator[Verdict]:
        verdict = report.verdict
        if verdict is not None:
            if verdict.fate is Fate.REFUSED:
                self.refusal = verdict.reason
                self.stop()
            if not verdict.fate.is_settled:
                self._unsettled.add(report.number)
            yield verdict
        if report.finished and self._finished is not None:
            if report.number not in self._unsettled:
                self._finished.add(fingerprint(crew.unit(report.number), self._job.source.name))
            if time.monotonic() - self._flushed_at > _FLUSH_EVERY_S:
                self._flush()

    def _flush(self) -> None:
        if self._finished is not None:
            self._finished.flush()
        self._flushed_at = time.monotonic()


def _fill(
    batch: list[tuple[int, Unit]], planned: Iterator[Unit | Verdict], numbers: Iterator[int], *, size: int
) -> Generator[Verdict, None, bool]:
    """Fill a batch from the plan, for an instant at most; yield verdicts on the way, return whether that was all."""
    until = time.monotonic() + _PLAN_AT_ONCE_S
    for found in planned:
        if isinstance(found, Verdict):
            yield found
        else:
            batch.append((next(numbers), found))
        if len(batch) == size or time.monotonic() > until:
            return False
    return True
