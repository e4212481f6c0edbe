"""What simulation and report print: tables for people, and CSV rows."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vna.archive import RetentionReport, SimulatedStudy, Simulation
from vna.cli.options import told_if_not_written

_NO_END: Final = "no end"
_YEARS_SHOWN: Final = 12

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
    yield f"On {simulation.on} by {simulation.profile.name} {simulation.profile.version}: {totals.studies} studies."
    if before is not None:
        yield f"In force: {before.name} {before.version}. Dates earlier: {totals.earlier}, later: {totals.later}."
    yield f"{'state':<22}{'would be':>12}{'in force':>12}"
    for state in sorted(totals.states | totals.states_before):
        yield f"{state:<22}{totals.states[state]:>12}{totals.states_before[state]:>12}"
    yield f"Under a hold: {totals.held}"
    yield f"{'past its end by rule':<28}{'studies':>12}{'instances':>14}{'bytes':>20}"
    for rule, (studies, instances, size) in sorted(totals.past_end.items()):
        yield f"{rule:<28}{studies:>12}{instances:>14}{size:>20}"
    for each in first:
        was = f" (in force: {each.state_before} {each.retain_until_before or _NO_END})" if each.differs else ""
        held = f" held by {each.holds}" if each.holds else ""
        yield f"  {each.study_uid}  {each.modality}  {each.state} {each.retain_until or _NO_END}{held}{was}"
    if len(first) < told:
        yield f"The first {len(first)} are shown; --csv FILE writes all."


def report_lines(report: RetentionReport) -> Iterator[str]:
    """Yield the tables of a report."""
    yield f"Retention on {report.on}: {report.studies} studies, computed on {report.computed_on or 'no day yet'}."
    for state, studies in report.states.items():
        yield f"  {state:<22}{studies:>12}"
    soon = ", ".join(f"{studies} within {days} days" for days, studies in report.expiring.items())
    yield f"Expiring: {soon}."
    yield f"Overdue: {report.overdue_studies} studies."
    if report.overdue:
        ages = list(next(iter(report.overdue.values())))
        yield f"  {'rule':<28}" + "".join(f"{age:>12}" for age in ages)
        for rule, by_age in sorted(report.overdue.items()):
            yield f"  {rule:<28}" + "".join(f"{by_age[age]:>12}" for age in ages)
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
    years = sorted({year for by_year in found.values() for year in by_year if year})[:_YEARS_SHOWN]
    if not years:
        return
    yield "Ending in:"
    yield f"  {'modality':<10}" + "".join(f"{year:>9}" for year in years)
    for modality, by_year in sorted(found.items()):
        yield f"  {modality:<10}" + "".join(f"{by_year.get(year, 0):>9}" for year in years)
