"""What simulation and report print: tables for people, and CSV rows."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vna.archive import RetentionReport, SimulatedStudy, Simulation
from vna.cli.options import told_if_not_written
from vna.cli.tables import columns
from vna.console import wording
from vna.retention import State

_NO_END: Final = "no end"
_YEARS_SHOWN: Final = 8
_LATE: Final = {"30d": "up to 30 days", "90d": "31 to 90 days", "365d": "91 to 365 days"}

_MEANINGS: Final[Mapping[str, str]] = {
    State.DUE: "its time is over, and nothing stands against elimination",
    State.HELD: "a hold stands over it",
    State.SUSPENDED: "a claim is open, so time stands still",
    State.BLOCKED_IDENTITY: "its time is over; whose it is, or when that one was born, is not sure",
    State.BLOCKED_BASIS: "its time is over as far as images tell; of visits nothing is known",
    State.BLOCKED_UNVERIFIED: "its time is over by a profile that nobody has verified",
    State.BLOCKED_RULES: "no rule says how long it is kept, or the profile keeps everything",
}

Row = Sequence[object]
Write = Callable[[Iterable[Row]], None]
"""Writes rows."""


@contextmanager
def write_csv(path: Path | None, header: Sequence[str]) -> Iterator[Write]:
    """Give what writes rows to a CSV file (RFC 4180) below this header; without a path nothing is written.

    A file that cannot be written ends the command, and is told.
    """
    if path is None:
        yield lambda _rows: None
        return
    with told_if_not_written(path):
        file = path.open("w", encoding="utf-8", newline="")
    with file:
        writer = csv.writer(file)

        def write(rows: Iterable[Row]) -> None:
            with told_if_not_written(path):
                writer.writerows(rows)

        write([header])
        yield write


def simulation_lines(simulation: Simulation, first: Sequence[SimulatedStudy], told: int) -> Iterator[str]:
    """Yield the table of a simulation that was gone through, and the first of the studies it told."""
    totals, before = simulation.totals, simulation.before
    studies = wording.number(totals.studies, "study", "studies")
    yield f"On {simulation.on} by {simulation.profile.name} {simulation.profile.version}: {studies}."
    if before is not None:
        yield f"In force: {before.name} {before.version}. Dates earlier: {totals.earlier:,}, later: {totals.later:,}."
    yield f"{'state':<22}{'would be':>12}{'in force':>12}"
    for state in sorted(totals.states | totals.states_before):
        counts = f"{totals.states[state]:>12,}{totals.states_before[state]:>12,}"
        yield f"{state:<22}{counts}  {_MEANINGS.get(state, '')}".rstrip()
    yield f"Under a hold: {totals.held:,}"
    if totals.past_end:
        yield f"{'past its end by rule':<28}{'studies':>12}{'instances':>14}{'as received':>14}"
    for rule, (past, instances, size) in sorted(totals.past_end.items()):
        yield f"{rule:<28}{past:>12,}{instances:>14,}{wording.size(size):>14}"
    yield from (f"  {line}" for line in columns(map(_simulated, first)))
    if len(first) < told:
        yield f"The first {len(first)} of {told:,} are shown; --csv FILE writes all."


def _simulated(study: SimulatedStudy) -> tuple[str, ...]:
    was = f"(in force: {study.state_before} {study.retain_until_before or _NO_END})" if study.differs else ""
    held = f"held by {study.holds}" if study.holds else ""
    return study.study_uid, study.modality, study.state, study.retain_until or _NO_END, held, was


def report_lines(report: RetentionReport) -> Iterator[str]:
    """Yield the tables of a report."""
    if not report.computed_on:
        yield "Nothing is computed yet: that begins when a profile is in force (vna retention profiles)."
        return
    studies = wording.number(report.studies, "study", "studies")
    yield f"Retention on {report.on}: {studies}, computed on {report.computed_on}."
    for state, count in report.states.items():
        yield f"  {state:<22}{count:>12,}  {_MEANINGS.get(state, '')}".rstrip()
    soon = ", ".join(f"{count:,} within {days} days" for days, count in report.expiring.items())
    yield f"Expiring: {soon}."
    yield f"Overdue: {wording.number(report.overdue_studies, 'study', 'studies')}."
    if report.overdue:
        ages = list(next(iter(report.overdue.values())))
        yield f"  {'rule':<28}" + "".join(f"{_LATE.get(age, age):>16}" for age in ages)
        for rule, by_age in sorted(report.overdue.items()):
            yield f"  {rule:<28}" + "".join(f"{by_age[age]:>16,}" for age in ages)
    yield from _years(report)


def by_modality_and_year(report: RetentionReport) -> dict[str, dict[str, int]]:
    """Return how many studies end in each year, by modality; the year is empty where no end is known."""
    found: dict[str, dict[str, int]] = {}
    for each in report.ends:
        years = found.setdefault(each.modality or "?", {})
        years[each.year] = years.get(each.year, 0) + each.studies
    return found


def _years(report: RetentionReport) -> Iterator[str]:
    found = by_modality_and_year(report)
    if not found:
        return
    first, last = report.on.year, report.on.year + _YEARS_SHOWN
    heads = ["earlier", *map(str, range(first, last)), "later", _NO_END]
    yield "Ending in:"
    yield f"  {'modality':<10}" + "".join(f"{head:>9}" for head in heads)
    for modality, by_year in sorted(found.items()):
        counts = Counter[str]()
        for year, studies in by_year.items():
            counts[_column(year, first, last)] += studies
        yield f"  {modality:<10}" + "".join(f"{counts[head]:>9,}" for head in heads)


def _column(year: str, first: int, last: int) -> str:
    if not year:
        return _NO_END
    return "earlier" if int(year) < first else year if int(year) < last else "later"
