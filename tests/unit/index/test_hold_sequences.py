"""Holds placed, released and run out in any order: what stands is what a simple model says, to readers and writers."""

import itertools
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from conformance import phantoms
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, HoldTarget, HoldTerms, Room, Spool
from vna.errors import NotFound, NotPermitted
from vna.events import HoldKind
from vna.index import open_index
from vna.index.database import writer_engine
from vna.index.holds import any_over
from vna.index.statements import Statements
from vna.model import Scope, SeriesUID, StudyUID

_RUNS = itertools.count()
FIRST_DAY = date(2030, 1, 1)
DAYS = [FIRST_DAY + timedelta(days=number) for number in range(4)]
SCOPES = [
    Scope(StudyUID("1.1")),
    Scope(StudyUID("1.1"), SeriesUID("1.1.1")),
    Scope(StudyUID("1.1"), SeriesUID("1.1.2")),
    Scope(StudyUID("1.2")),
    Scope(StudyUID("1.2"), SeriesUID("1.2.1")),
    Scope(StudyUID("1.3")),
]
"""A study of two series and one of one series, of patient P1; a study that nothing is held of."""
TARGETS = {
    HoldTarget(issuer="MODALITY", patient_id="P1"): {0, 1, 2, 3, 4},
    HoldTarget(issuer="MODALITY", patient_id="P2"): set[int](),
    HoldTarget(study="1.1"): {0, 1, 2},
    HoldTarget(study="1.3"): {5},
    HoldTarget(study="1.1", series="1.1.2"): {0, 2},
    HoldTarget(query=(("Modality", "MR"),)): {0, 2},
    HoldTarget(query=(("ModalitiesInStudy", "MR"),)): {0, 1, 2},
    HoldTarget(query=(("PatientID", "P*"), ("StudyDate", "20250101-"))): {3, 4},
}
"""What each target stands over, by number of scope."""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A folder with a database that holds these studies."""
    folder = tmp_path / "template"
    folder.mkdir()
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    archive = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    for series, modality, day in (
        ("1.1.1", "CT", "20200101"),
        ("1.1.2", "MR", "20200101"),
        ("1.2.1", "CT", "20260101"),
    ):
        ds = phantoms.ct_slice(number=1, size=16)
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = series[:3], series, f"{series}.1"
        ds.PatientID, ds.Modality, ds.StudyDate = "P1", modality, day
        Sending(archive).store(ds)
    archive.close()
    return folder


@dataclass
class Placed:
    """What the model knows of a hold."""

    covers: set[int]
    by: str
    first: date
    last: date | None
    released: bool = False

    def stands(self, on: date) -> bool:
        return not self.released and self.first <= on and (self.last is None or on <= self.last)


class HoldSequences(RuleBasedStateMachine):
    """An archive and the model of its holds."""

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.folder = Path(shutil.copytree(template, template.parent / f"run{next(_RUNS)}"))
        url, blobs = f"sqlite:///{self.folder / 'index.sqlite'}", BlobStore(Memory())
        room = Room(blobs, min_free_percent=0, min_free_bytes=0)
        self.archive = Archive(open_index(url), blobs, Spool(self.folder / "spool"), room)
        self.engine = writer_engine(url)
        self.statements = Statements(self.engine)
        self.placed: dict[int, Placed] = {}

    def teardown(self) -> None:
        self.statements.close()
        self.engine.dispose()
        self.archive.close()
        shutil.rmtree(self.folder)

    @rule(
        what=st.sampled_from(list(TARGETS)),
        by=st.sampled_from(["anne", "bruno"]),
        first=st.sampled_from(DAYS),
        length=st.none() | st.integers(0, 2),
    )
    def place(self, what: HoldTarget, by: str, first: date, length: int | None) -> None:
        last = None if length is None else first + timedelta(days=length)
        hold = self.archive.holds.place(what, HoldTerms(HoldKind.OTHER, "why", "", first, last), by)
        self.placed[hold.number] = Placed(TARGETS[what], by, first, last)

    @rule(which=st.integers(0, 20), by=st.sampled_from(["Anne ", "bruno"]))
    def release(self, which: int, by: str) -> None:
        if not self.placed:
            return
        number = sorted(self.placed)[which % len(self.placed)]
        hold, refusal = self.placed[number], None
        try:
            self.archive.holds.release(number, by, "over")
        except (NotPermitted, NotFound) as exc:
            refusal = type(exc)
        expected = NotPermitted if by.strip().casefold() == hold.by else NotFound if hold.released else None
        assert refusal == expected
        hold.released = hold.released or refusal is None

    @invariant()
    def what_stands_is_what_the_model_says(self) -> None:
        for day in DAYS:
            standing = {number: hold for number, hold in self.placed.items() if hold.stands(day)}
            assert [hold.number for hold in self.archive.holds.standing(day)] == sorted(standing)
            expected = [
                sorted(number for number, hold in standing.items() if scope in hold.covers)
                for scope in range(len(SCOPES))
            ]
            read = [[hold.number for hold in self.archive.holds.over(scope, day)] for scope in SCOPES]
            with self.statements.transaction() as cursor:
                decided = [list(any_over(cursor, scope, day.isoformat())) for scope in SCOPES]
            assert read == decided == expected


def test_any_sequence_of_holds(template: Path) -> None:
    few = settings(max_examples=6, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: HoldSequences(template), settings=few)


@pytest.mark.long
def test_many_sequences_of_holds(template: Path) -> None:
    many = settings(max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: HoldSequences(template), settings=many)
