"""What a benchmark found: measurements with their spread, the target of each, and the table of them all."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        digits = 0 if self.median >= 100 else 2
        if self.least == self.greatest:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.least:.{digits}f}-{self.greatest:.{digits}f})"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must reach: at least or at most a bound."""

    bound: float
    at_least: bool

    def met(self, value: float) -> bool:
        """Return whether the value is on the right side."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `ours` in `unit`, what the other server has, and the target the judged spread is held to.

    `ratio` is ours by theirs, pair by pair. `judged_ratio` says whether the target is one of the ratio or of ours.
    """

    name: str
    unit: str
    ours: Spread
    theirs: Spread | None = None
    ratio: Spread | None = None
    target: Target | None = None
    judged_ratio: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing to compare with."""
        judged = self.ratio if self.judged_ratio else self.ours
        if self.target is None or judged is None:
            return None
        return self.target.met(judged.median)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread | None:
    """Return the spread of ours by theirs, run by run; None where nothing was measured beside ours."""
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)]) if theirs else None


def print_table(rows: Sequence[Row]) -> None:
    """Print the figures; what misses its target stands out."""
    table = Table(title="Median (least-greatest) of interleaved runs")
    for heading in ("what", "unit", "this node", "Orthanc", "ratio", "target", ""):
        table.add_column(heading, justify="left" if heading in ("what", "unit") else "right", no_wrap=True)
    verdicts = {True: "[green]met[/green]", False: "[bold red]MISSED[/bold red]", None: ""}
    for row in rows:
        target = f"{row.target}{' x' if row.judged_ratio else ''}" if row.target else ""
        cells = (row.name, row.unit, str(row.ours), str(row.theirs or ""), str(row.ratio or ""), target)
        table.add_row(*cells, verdicts[row.met])
    Console(width=180).print(table)


def as_json(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return the figures as JSON values."""
    return [asdict(row) | {"met": row.met} for row in rows]
