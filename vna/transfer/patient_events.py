"""Patient events out of a CSV file.

The first line names the columns, in any order: patient_id, issuer, kind and date (2026-01-31 or 20260131), and where
they are needed establishment, code and system; an empty issuer is the only one the ID is known of. They are separated
by commas or semicolons, whichever the first line has; the text is UTF-8, with or without a byte order mark.

Each line is recorded or refused by itself, many in one transaction. What is known already adds nothing, so a file that
was cut short is simply read again.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from vna.archive import Patients
from vna.errors import Ambiguous, NotFound, NotPlausible
from vna.events import FactKind, PatientFact

_NEEDED: Final = ("patient_id", "kind", "date")
_COLUMNS: Final = (*_NEEDED, "issuer", "establishment", "code", "system")
_DICOM_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_AT_ONCE: Final = 500
"""Lines in one transaction."""
_FEED: Final = "csv"

_Row = Mapping[str, str] | str
"""Values by column, or why there are none."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line of which nothing was recorded; numbers count from 1, the first line too."""

    number: int
    reason: str


@dataclass(slots=True)
class PatientEventsImport:
    """One file on its way in, and what came of it so far.

    Raises:
        NotPlausible: the first line does not name the columns.
    """

    patients: Patients
    by: str
    dry_run: bool = False
    lines: int = 0
    recorded: int = 0
    known_before: int = 0
    without_images: int = 0
    """Patients of whom nothing is held."""
    _owners: dict[tuple[str, str], str] = field(default_factory=dict)
    _issuers: dict[str, str] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _earlier: dict[tuple[str, str], list[PatientFact]] = field(default_factory=lambda: defaultdict(list))

    def counts(self) -> dict[str, int]:
        """Return how much came of it so far, for scripts."""
        names = ("lines", "recorded", "known_before", "without_images")
        return {name: getattr(self, name) for name in names}

    def take(self, file: TextIO) -> Iterator[list[RefusedLine]]:
        """Record what the lines say, some at a time; yields which of these were refused."""
        rows = _rows(file)
        while some := list(islice(rows, _AT_ONCE)):
            self.lines += len(some)
            facts: list[tuple[int, PatientFact]] = []
            refused: list[RefusedLine] = []
            for number, row in some:
                try:
                    facts.append((number, self._fact(row)))
                except (Ambiguous, NotFound, ValueError) as exc:
                    refused.append(RefusedLine(number, str(exc)))
            refused += self._try(facts) if self.dry_run else self._record(facts)
            yield sorted(refused, key=lambda line: line.number)

    def _fact(self, row: _Row) -> PatientFact:
        if isinstance(row, str):
            raise ValueError(row)
        values = {name: value.strip() for name, value in row.items()}
        if any("\udc80" <= char <= "\udcff" for value in values.values() for char in value):
            raise ValueError("not UTF-8")
        if not values["patient_id"]:
            raise ValueError("patient_id is empty")
        kind = values.pop("kind").lower()
        if kind not in set(FactKind):
            raise ValueError(f"kind is one of {', '.join(FactKind)}")
        values["date"] = _DICOM_DATE.sub(r"\1-\2-\3", values["date"])
        values["issuer"] = values.get("issuer") or self._issuer(values["patient_id"])
        return PatientFact(**values, kind=FactKind(kind), feed=_FEED)

    def _issuer(self, patient_id: str) -> str:
        if patient_id not in self._issuers:
            self._issuers[patient_id] = self.patients.named(patient_id)
        return self._issuers[patient_id]

    def _record(self, facts: list[tuple[int, PatientFact]]) -> Iterator[RefusedLine]:
        outcomes = self.patients.add_all([fact for _, fact in facts], self.by, self._owners)
        for (number, fact), outcome in zip(facts, outcomes, strict=True):
            if isinstance(outcome, NotPlausible):
                yield RefusedLine(number, str(outcome))
            else:
                self._count(fact, is_new=outcome is not None)

    def _try(self, facts: list[tuple[int, PatientFact]]) -> Iterator[RefusedLine]:
        """Say what would be refused, beside what is known and what came before in the file."""
        for number, fact in facts:
            earlier = self._earlier[fact.issuer, fact.patient_id]
            try:
                is_new = self.patients.would_add(fact, earlier)
            except NotPlausible as exc:
                yield RefusedLine(number, str(exc))
                continue
            if is_new:
                earlier.append(fact)
            self._count(fact, is_new=is_new)

    def _count(self, fact: PatientFact, *, is_new: bool) -> None:
        patient = fact.issuer, fact.patient_id
        if patient not in self._seen:
            self._seen.add(patient)
            self.without_images += not self.patients.has_images(*patient)
        self.recorded += is_new
        self.known_before += not is_new


@contextmanager
def open_patient_events(path: Path) -> Iterator[TextIO]:
    """Open a file of patient events; what is no UTF-8 in it is found line by line."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield file


def _rows(file: TextIO) -> Iterator[tuple[int, _Row]]:
    """Yield each line that is not empty, with its number."""
    first = file.readline()
    separator = ";" if first.count(";") > first.count(",") else ","
    names = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
    _check(names)
    reader = csv.reader(file, delimiter=separator)
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield reader.line_num + 1, str(exc)
            continue
        if len(values) != len(names) and any(values):
            yield reader.line_num + 1, f"it has {len(values)} values, and the first line names {len(names)} columns"
        elif any(value.strip() for value in values):
            yield reader.line_num + 1, dict(zip(names, values, strict=True))


def _check(names: Iterable[str]) -> None:
    names = list(names)
    missing = [name for name in _NEEDED if name not in names]
    unknown = [name for name in names if name not in _COLUMNS]
    if missing:
        raise NotPlausible(f"the first line names no column {', '.join(missing)}; columns are {', '.join(_COLUMNS)}")
    if unknown or len(set(names)) < len(names):
        raise NotPlausible(f"the first line names a column twice, or one that is none of {', '.join(_COLUMNS)}")
