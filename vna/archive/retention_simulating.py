"""Simulating: what would be so of every study on a day, by another profile or the one in force. Nothing is changed.

Patients are evaluated some thousand at a time, by several processes where there are many. What each has found is told
as it comes, and no more is begun than is waited for: so memory stays bounded however much is held.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from vna.archive.retention_gathering import Gatherer, Needs, StudyCase
from vna.archive.retention_results import deciding_first, iso
from vna.dicom.extra import ExtraAttributes
from vna.index import Index, index_errors, open_index
from vna.processes import processors, run_apart
from vna.retention import Profile, State, Verdict, read_profile

_PATIENTS_OF_A_TASK: Final = 4000
_WORTH_PROCESSES: Final = 20_000
"""Patients from which on it takes less time to start processes."""


Row = tuple[str | int | bool, ...]
"""A `SimulatedStudy` as a plain tuple: a fifth of the time to send from process to process."""


class SimulatedStudy(NamedTuple):
    """A study that would be past its end, is held, or differs; dates are ISO 8601, empty where no end is known.

    What is called `..._before` is by the profile in force on the same day, empty where there is none, and `differs`
    tells whether that is another. Instances and size (bytes as received) are those of what is past its end.
    """

    study_uid: str
    modality: str
    study_date: str
    state: str
    retain_until: str
    rules: str
    holds: str
    state_before: str
    retain_until_before: str
    instances: int
    size: int
    differs: bool


@dataclass(slots=True)
class Totals:
    """The sums of a simulation: studies by state, by both profiles; those past their end, by the rule that decides.

    `earlier` and `later` count dates that move, `past_end` studies, instances and bytes.
    """

    studies: int = 0
    states: Counter[str] = field(default_factory=Counter)
    states_before: Counter[str] = field(default_factory=Counter)
    past_end: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    held: int = 0
    earlier: int = 0
    later: int = 0

    def add(self, other: "Totals") -> None:
        """Add what another process has counted."""
        self.studies += other.studies
        self.states += other.states
        self.states_before += other.states_before
        self.held += other.held
        self.earlier += other.earlier
        self.later += other.later
        for rule, counts in other.past_end.items():
            self._add_past(rule, *counts)

    def count(self, study: SimulatedStudy, *, is_past: bool) -> None:
        """Count one study."""
        self.studies += 1
        self.states[study.state] += 1
        if study.state_before:
            self.states_before[study.state_before] += 1
            now, before = study.retain_until or "~", study.retain_until_before or "~"  # no end comes after all others
            self.earlier += now < before
            self.later += now > before
        self.held += bool(study.holds)
        if is_past:
            self._add_past(study.rules.partition(" ")[0], 1, study.instances, study.size)

    def count_quiet(self, quiet: Mapping[State, int], *, is_compared: bool) -> None:
        """Count studies by state that are not past their end, not held, and stand as before."""
        for state, studies in quiet.items():
            self.studies += studies
            self.states[state.value] += studies
            if is_compared:
                self.states_before[state.value] += studies

    def _add_past(self, rule: str, studies: int, instances: int, size: int) -> None:
        so_far = self.past_end.get(rule, (0, 0, 0))
        self.past_end[rule] = (so_far[0] + studies, so_far[1] + instances, so_far[2] + size)


@dataclass(frozen=True, slots=True)
class _Job:
    """What a process needs to know; `before` is the text of the profile in force, empty for none."""

    url: str
    extra: tuple[str, ...]
    before: str
    text: str
    on: date


@dataclass(frozen=True, slots=True)
class _Found:
    studies: list[Row]
    totals: Totals


class Simulation:
    """Goes through what would be so, once; `totals` are complete behind the last one."""

    def __init__(
        self, index: Index, on: date, profiles: tuple[Profile | None, Profile | None], processes: int | None
    ) -> None:
        """Take the index and the day, the profile in force and another one, of which one may be missing."""
        before, other = profiles
        profile = other or before
        if profile is None:
            raise ValueError("nothing to simulate")
        self.on, self.profile, self.before, self.totals = on, profile, before, Totals()
        self._index, self._processes = index, processes
        extra = tuple(each.setting for each in index.extra_attributes)
        self._job = _Job(index.url, extra, before.text if before else "", profile.text, on)

    def __iter__(self) -> Iterator[SimulatedStudy]:
        """Yield the studies that would be past their end, are held, or differ; see `rows`."""
        for rows in self.rows():
            yield from map(SimulatedStudy._make, rows)

    def rows(self) -> Iterator[Sequence[Row]]:
        """Yield the same studies some thousand at a time.

        Raises:
            OutOfResources: the index cannot be read.
            VnaError: a process died.
        """
        with index_errors():
            patients = self._index.retention.count_patients()
        processes = self._processes or (processors() if patients >= _WORTH_PROCESSES else 1)
        for found in self._apart(processes) if processes > 1 else self._here():
            self.totals.add(found.totals)
            yield found.studies

    def _here(self) -> Iterator[_Found]:
        evaluator = _Evaluator(self._index, self._job)
        for after, upto in self._tasks():
            yield evaluator.run(after, upto)

    def _apart(self, processes: int) -> Iterator[_Found]:
        tasks = ((None, (self._job, *task)) for task in self._tasks())
        for _, found in run_apart(_run, tasks, processes):
            yield found

    def _tasks(self) -> Iterator[tuple[int, int]]:
        with index_errors():
            after, last = 0, self._index.retention.last_patient()
            while page := self._index.retention.patients(after=after, upto=last, most=_PATIENTS_OF_A_TASK):
                yield after, page[-1]
                after = page[-1]


class _Evaluator:
    """Evaluates patients of one index by both profiles."""

    def __init__(self, index: Index, job: _Job) -> None:
        self._index, self._on = index, job.on
        self._profile = read_profile(job.text)
        self._before = read_profile(job.before) if job.before else None
        self._is_same = job.before == job.text
        profiles = [self._profile] if self._before is None else [self._profile, self._before]
        self._gatherer = Gatherer(index, Needs.of(*profiles))

    def run(self, after: int, upto: int) -> _Found:
        """Evaluate the patients behind one up to another."""
        found = _Found([], Totals())
        with index_errors():
            for cases in self._gatherer.all(after=after, upto=upto):
                self._add(found, cases)
        return found

    def _add(self, found: _Found, cases: list[StudyCase]) -> None:
        evaluated = [(case, case.verdict(self._profile, self._on)) for case in cases]
        past = {
            case.study_id for case, verdict in evaluated if verdict.retain_until and verdict.retain_until < self._on
        }
        sizes = self._index.retention.sizes(sorted(past))
        quiet = Counter[State]()
        for case, verdict in evaluated:
            before, is_past = self._verdict_before(case, verdict), case.study_id in past
            if not is_past and not verdict.holds and (before is None or _is_alike(verdict, before)):
                quiet[verdict.state] += 1
                continue
            study = _study(case, verdict, before, sizes.get(case.study_id, (0, 0)))
            found.totals.count(study, is_past=is_past)
            found.studies.append(tuple(study))
        found.totals.count_quiet(quiet, is_compared=self._before is not None)

    def _verdict_before(self, case: StudyCase, verdict: Verdict) -> Verdict | None:
        if self._before is None or self._is_same:
            return verdict if self._is_same else None
        return case.verdict(self._before, self._on)


def _is_alike(verdict: Verdict, before: Verdict) -> bool:
    return verdict.retain_until == before.retain_until and verdict.state is before.state


def _study(case: StudyCase, verdict: Verdict, before: Verdict | None, size: tuple[int, int]) -> SimulatedStudy:
    state, state_before = verdict.state.value, before.state.value if before else ""
    end, end_before = iso(verdict.retain_until), iso(before.retain_until) if before else ""
    return SimulatedStudy(
        study_uid=case.study.uid,
        modality=case.modality,
        study_date=iso(case.study.study_date),
        state=state,
        retain_until=end,
        rules=" ".join(deciding_first(verdict)),
        holds=" ".join(map(str, verdict.holds)),
        state_before=state_before,
        retain_until_before=end_before,
        instances=size[0],
        size=size[1],
        differs=(state, end) != (state_before, end_before),
    )


def _run(task: tuple[_Job, int, int]) -> _Found:
    job, after, upto = task
    return _opened(job).run(after, upto)


@lru_cache(maxsize=1)
def _opened(job: _Job) -> _Evaluator:
    """Open the index in a process of the simulation; it stays open as long as that one lives."""
    return _Evaluator(open_index(job.url, extra_attributes=ExtraAttributes(job.extra)), job)
