"""The retention report: what is overdue, by rule and age, and what ends when, by modality and year.

It is made out of what was computed last, so it costs little however much is held.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from vna.archive.retention_figures import AGES, expiring_within, overdue_by_rule
from vna.archive.retention_results import NOT_OVERDUE
from vna.index import Counted, Overdue, RetentionTable


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """The report of a day. `computed_on` is the day on which states were computed, empty where they never were.

    `overdue` counts studies by the rule that decides, then by age (`AGES`), `expiring` those that end within so many
    days, `ends` those that end in a year, by modality and state.
    """

    on: date
    computed_on: str
    studies: int
    states: Mapping[str, int]
    overdue: Mapping[str, Mapping[str, int]]
    expiring: Mapping[int, int]
    ends: tuple[Counted, ...]

    @property
    def overdue_studies(self) -> int:
        """How many studies are overdue."""
        return sum(sum(by_age.values()) for by_age in self.overdue.values())


def report_on(table: RetentionTable, on: date) -> RetentionReport:
    """Return the report of a day; states are those computed last."""
    progress, states = table.progress(), table.by_state()
    return RetentionReport(
        on=on,
        computed_on=progress.day if progress else "",
        studies=sum(states.values()),
        states=states,
        overdue={rule: {age: of.get(age, 0) for age, _ in AGES} for rule, of in overdue_by_rule(table, on).items()},
        expiring=expiring_within(table, on),
        ends=tuple(table.by_modality()),
    )


def overdue_on(table: RetentionTable, on: date) -> Iterator[Overdue]:
    """Go through the studies that are overdue on a day."""
    after = 0
    while True:
        after, page = table.overdue(on.isoformat(), after=after, left_alone=NOT_OVERDUE)
        if not page:
            return
        yield from page
