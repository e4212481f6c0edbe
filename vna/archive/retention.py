"""Retention: until when each study is kept by the profile in force, why, and what may go.

Evaluation is `vna.retention`, pure; here its facts are gathered and its results kept. Whatever asks for one study
evaluates it anew; what goes through the archive finds by the results (`vna.archive.retention_following`) where to look,
and evaluates again what it finds.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from threading import Event
from typing import Any, Final

from vna.archive.holds import today_utc
from vna.archive.retention_following import Follower
from vna.archive.retention_gathering import EVERYTHING, PATIENTS_AT_ONCE, Gatherer, Needs, StudyCase
from vna.archive.retention_profiles import ProfileBook
from vna.archive.retention_report import RetentionReport, overdue_on, report_on
from vna.archive.retention_simulating import Simulation
from vna.errors import NotFound
from vna.index import Computed, Ended, Index, KeptProfile, Overdue, index_errors
from vna.model import StudyUID
from vna.retention import Communicable, Profile, StudyFacts, Verdict

_FIRST: Final = ("", 0)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All there is to say of a date: the verdict with its rules, inputs and citations, and by which profile.

    `stored` is what was computed of the study last, on the day and at the journal position that it says.
    `communicable` is from when on it may be communicated to anybody if it is kept for history; None: not known.
    """

    verdict: Verdict
    profile: KeptProfile
    study: StudyFacts
    stored: Computed | None
    communicable: Communicable | None


class Retention:
    """The retention of one archive."""

    def __init__(self, index: Index, today: Callable[[], date] = today_utc) -> None:
        """Take the index; `today` is the day in UTC."""
        self._index, self._today = index, today
        self.profiles = ProfileBook(index)
        self._follower = Follower(index, self.profiles)

    def in_force(self) -> Profile | None:
        """Return the profile in force; None before the first one was activated."""
        found = self.profiles.in_force()
        return None if found is None else found[1]

    def verdict(self, study: StudyUID, on: date) -> Verdict:
        """Evaluate one study on a day by the profile in force.

        Raises:
            NotFound: it is not held, or no profile is in force.
        """
        profile = self._in_force()[1]
        return self._case(study, on, Needs.of(profile)).verdict(profile, on)

    def explain(self, study: StudyUID, on: date) -> Explanation:
        """Say why one study is kept until when.

        Raises:
            NotFound: it is not held, or no profile is in force.
        """
        number, profile = self._in_force()
        needs = Needs.of(profile)
        case = self._case(study, on, replace(needs, keys=needs.keys | EVERYTHING, parts=True))
        with index_errors():
            stored = self._index.retained.of_study(study)
        verdict, kept = case.verdict(profile, on), self.profiles.get(number)
        return Explanation(verdict, kept, case.study, stored, case.communicable(profile))

    def communicable(self, studies: Iterable[StudyUID]) -> dict[str, Communicable]:
        """Return from when on studies that are kept for history may be communicated, by their UIDs, where it is known.

        Without terms of the profile in force, or a date of death or birth, it is not.
        """
        found, wanted = self.in_force(), sorted(set(studies))
        told: dict[str, Communicable] = {}
        if found is None or not found.communicable:
            return told
        gatherer = Gatherer(self._index, Needs.of(found))
        for start in range(0, len(wanted), PATIENTS_AT_ONCE):
            for case in self._cases(gatherer, wanted[start : start + PATIENTS_AT_ONCE]):
                term = case.communicable(found)
                if term is not None:
                    told[case.study.uid] = term
        return told

    def candidates(self, on: date) -> Iterator[Verdict]:
        """Go through the studies that end, or of which a part ends, before a day, each evaluated on that day.

        They come by the day they end. What a hold, a claim or a doubt keeps comes too, and its verdict says so.
        """
        found = self.profiles.in_force()
        if found is None:
            return
        self.follow(Event())
        gatherer = Gatherer(self._index, Needs.of(found[1]))
        for page in self._ended(on):
            wanted = {each.study_uid: place for place, each in enumerate(page)}
            evaluated = [case.verdict(found[1], on) for case in self._cases(gatherer, wanted)]
            yield from sorted(evaluated, key=lambda verdict: wanted[verdict.study_uid])

    def follow(self, stopping: Event, today: date | None = None) -> int:
        """Compute what has changed since the last time; return how many studies that were.

        Raises:
            OutOfResources: the index cannot be used; it goes on there next time.
        """
        return self._follower.run(stopping, today or self._today())

    def recompute(self, stopping: Event) -> int:
        """Compute every study again; return how many that were.

        Raises:
            OutOfResources: the index cannot be used; `follow` goes on there.
        """
        self._follower.begin_again()
        return self.follow(stopping)

    def simulate(self, on: date, profile: Profile | None = None, *, processes: int | None = None) -> Simulation:
        """Return what would be so on a day by another profile, compared with the profile in force.

        Args:
            profile: without it that in force, so that nothing differs.
            processes: that evaluate; without it as many as there is work and processors for.

        Raises:
            NotFound: no profile is given and none is in force.
        """
        found = self.profiles.in_force()
        if profile is None and found is None:
            raise NotFound("no retention profile is in force: give one to simulate")
        before = None if found is None else found[1]
        return Simulation(self._index, on, (before, profile), processes)

    def report(self, on: date) -> RetentionReport:
        """Return what is overdue and what expires, as of a day, out of what was computed last."""
        with index_errors():
            return report_on(self._index.retained, on)

    def overdue(self, on: date) -> Iterator[Overdue]:
        """Go through the studies that are overdue on a day, out of what was computed last."""
        with index_errors():
            yield from overdue_on(self._index.retained, on)

    def figures(self) -> Mapping[str, Any]:
        """Return the figures found last (`vna.archive.retention_figures`); empty before any were."""
        with index_errors():
            progress = self._index.retained.progress()
        return {} if progress is None else progress.figures

    def _in_force(self) -> tuple[int, Profile]:
        found = self.profiles.in_force()
        if found is None:
            raise NotFound("no retention profile is in force: vna retention profiles propose, and activate")
        return found

    def _case(self, study: StudyUID, on: date, needs: Needs) -> StudyCase:
        with index_errors():
            found = Gatherer(self._index, needs).study(study, on)
        if found is None:
            raise NotFound(f"nothing is held of study {study}")
        return found

    def _cases(self, gatherer: Gatherer, studies: Collection[str]) -> list[StudyCase]:
        with index_errors():
            _, found = gatherer.of(self._index.retention.patients_of(list(studies)))
        return [case for case in found if case.study.uid in studies]

    def _ended(self, on: date) -> Iterator[list[Ended]]:
        after = _FIRST
        while True:
            with index_errors():
                page = self._index.retained.ended(on.isoformat(), after=after, newly=False)
            if not page:
                return
            for start in range(0, len(page), PATIENTS_AT_ONCE):
                yield page[start : start + PATIENTS_AT_ONCE]
            after = (page[-1].first_end, page[-1].study_id)
