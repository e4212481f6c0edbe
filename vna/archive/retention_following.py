"""Keeping what was computed of each study up to date: whatever changes is followed through the journal.

    pass      every patient once: at first, for another profile, when a clock was put back, and when asked for
    follow    patients whom an event of the journal is about since then: arrivals, rejections, facts, holds
    new day   what ended since yesterday, and what a hold covers that began or ended by its date

Each page is written down before the journal position or the patient it reaches, so a process that is killed goes on
there. What two nodes do at once is done twice, and comes to the same (`vna.index.retention_results`).

Where a study need not be kept as long as was computed before, that is an event, with the events that are the cause.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from threading import Event
from typing import Final

from vna.archive.recording import time_stamp
from vna.archive.retention_figures import figures
from vna.archive.retention_gathering import PATIENTS_AT_ONCE, Gatherer, Needs
from vna.archive.retention_profiles import ProfileBook
from vna.archive.retention_results import computed
from vna.events import RetentionShortened
from vna.index import Changes, EventEntry, Hold, Index, Progress, index_errors
from vna.retention import Profile

_ACTOR: Final = "retention"

_log = logging.getLogger(__name__)


class Follower:
    """Keeps the results of one archive up to date. One run at a time in a process; two processes do no harm."""

    def __init__(self, index: Index, profiles: ProfileBook) -> None:
        self._index, self._profiles = index, profiles

    def run(self, stopping: Event, today: date) -> int:
        """Compute what has changed since the last time; return how many studies that were.

        Raises:
            OutOfResources: the index cannot be used; it goes on there next time.
        """
        with index_errors():
            found = self._profiles.in_force()
            if found is None:
                return 0
            turn = _Turn(self._index, found, today, stopping)
            return turn.run()

    def begin_again(self) -> None:
        """Let the next run compute everything again."""
        with index_errors():
            found, old = self._profiles.in_force(), self._index.retained.progress()
            if found is not None and old is not None:
                self._index.retained.move(old, replace(old, upto=self._index.reader.position(), passed=0))


class _Turn:
    """One run, by one profile, on one day."""

    def __init__(self, index: Index, profile: tuple[int, Profile], today: date, stopping: Event) -> None:
        self._index, self._stopping = index, stopping
        self._number, self._profile = profile
        self._today, self._computed = today, 0
        self._position = index.reader.position()
        self._gatherer = Gatherer(index, Needs.of(self._profile))

    def run(self) -> int:
        """Bring everything up to date; return how many studies were computed."""
        progress = self._follow(self._pass(self._begin()))
        if progress.passed is None and not self._stopping.is_set():
            progress = self._new_day(progress)
            if self._computed or progress.figures.get("day") != progress.day:
                self._moved(progress, replace(progress, figures=figures(self._index.retained, self._today)))
        return self._computed

    def _begin(self) -> Progress:
        """Return how far it is, after having begun a pass where one is due."""
        old, day = self._index.retained.progress(), self._today.isoformat()
        if old is not None and old.profile == self._number and old.day <= day:
            return old
        _log.info("retention is computed for every study profile=%d position=%d", self._number, self._position)
        return self._moved(old, Progress(self._position, 0, self._number, day, old.figures if old else {}))

    def _pass(self, progress: Progress) -> Progress:
        last = self._index.retention.last_patient()
        while progress.passed is not None and progress.profile == self._number and not self._stopping.is_set():
            patients = self._index.retention.patients(after=progress.passed, upto=last, most=PATIENTS_AT_ONCE)
            if patients:
                self._compute(patients, lambda _patient: f"profile-activated {self._number}")
                progress = self._moved(progress, replace(progress, passed=patients[-1]))
            else:
                self._forget_gone()
                progress = self._moved(progress, replace(progress, passed=None))
        return progress

    def _follow(self, progress: Progress) -> Progress:
        while progress.passed is None and progress.upto < self._position and not self._stopping.is_set():
            found = self._index.retention.changes.changes(after=progress.upto, upto=self._position)
            if found.erased:
                return self._pass(self._moved(progress, replace(progress, upto=self._position, passed=0)))
            if found.holds:
                self._add_held(found, [one for one in self._index.holds.all() if one.number in found.holds])
            self._compute_changed(found)
            if found.gone:
                self._forget_gone()
            progress = self._moved(progress, replace(progress, upto=found.upto))
        return progress

    def _new_day(self, progress: Progress) -> Progress:
        before, day = progress.day, self._today.isoformat()
        if progress.upto < self._position or before >= day:
            return progress
        found = Changes(progress.upto)
        for one in self._index.holds.all():
            if one.released_at is None and (before < one.from_date <= day or before <= one.until_date < day):
                found.holds[one.number] = f"hold {one.number}, by its date"
                self._add_held(found, [one])
        self._compute_changed(found)
        after = ("", 0)
        while page := self._index.retained.ended(day, after=after, newly=True):
            self._compute_all(self._index.retention.patients_of([each.study_uid for each in page]))
            after = (page[-1].first_end, page[-1].study_id)
            if self._stopping.is_set():
                return progress
        return self._moved(progress, replace(progress, day=day))

    def _add_held(self, found: Changes, holds: Sequence[Hold]) -> None:
        """Add whoever holds cover now to those whose studies are computed again."""
        for one in holds:
            studies = iter(sorted({study for study, _ in self._index.holds.covered(one)}))
            while page := list(islice(studies, PATIENTS_AT_ONCE)):
                for patient in self._index.retention.patients_of(page):
                    found.patients.setdefault(patient, []).append(found.holds[one.number])

    def _compute_changed(self, found: Changes) -> None:
        self._compute_all(sorted(found.patients), found.cause)

    def _compute_all(self, patients: Iterable[int], cause: Callable[[int], str] = lambda _patient: "a new day") -> None:
        rest = iter(patients)
        while page := list(islice(rest, PATIENTS_AT_ONCE)):
            self._compute(page, cause)

    def _compute(self, patients: Sequence[int], cause: Callable[[int], str]) -> None:
        """Compute all studies of some patients, and write down what comes of it, events first."""
        position, cases = self._gatherer.of(patients)
        found = [
            (case, computed(case, case.verdict(self._profile, self._today), self._number, position)) for case in cases
        ]
        ends = self._index.retained.ends([row.study_id for _, row in found])
        self._record(
            [
                RetentionShortened(case.study.uid, ends[row.study_id], row.retain_until, cause(case.patient))
                for case, row in found
                if row.study_id in ends and _is_earlier(row.retain_until, ends[row.study_id])
            ]
        )
        self._index.retained.put([row for _, row in found])
        self._computed += len(found)

    def _record(self, events: Sequence[RetentionShortened]) -> None:
        """Record events in one transaction; those that another process recorded meanwhile say nothing new.

        Raises:
            OutOfResources: the index cannot record now.
        """
        committer = self._index.committer
        entries = [EventEntry(committer.next_sequence(), time_stamp(), _ACTOR, event) for event in events]
        for outcome in committer.submit_all(entries):
            if isinstance(outcome, BaseException):
                raise outcome

    def _forget_gone(self) -> None:
        """Forget what was computed of studies that went, and compute those whose rows have other numbers since."""
        while self._index.retained.forget_gone():
            pass
        self._compute_all(self._index.retained.not_computed())

    def _moved(self, old: Progress | None, new: Progress) -> Progress:
        """Write down how far it is, and return how far it is now: another process may have come further."""
        if self._index.retained.move(old, new):
            return new
        return self._index.retained.progress() or new


def _is_earlier(end: str, than: str) -> bool:
    """Return whether an end comes earlier than another one; an empty one never comes."""
    return end != "" and (than == "" or end < than)
