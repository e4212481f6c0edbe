"""Whatever happens in whatever order: nothing goes before its date, without approvals or under a hold, and what went
is certified."""

import json
from datetime import date
from pathlib import Path
from random import Random

import pytest

from eliminating import (
    PERSONS,
    PROPOSER,
    ROLES,
    VISA,
    Prepared,
    bring_into_force,
    equip,
    now,
    opened,
    prepare,
    propose,
    visit,
)
from storage_backends import MemoryDocuments
from vna.archive import EliminationState, HoldTarget, HoldTerms, Statement, check_certificate
from vna.errors import NotFound, VnaError
from vna.events import HoldKind, StepDecision

STUDIES = (1, 2, 3)
EDGE = 4
"""Its patient came five years ago today: today is the last day it has to be kept."""
OVER = (EliminationState.CERTIFIED, EliminationState.REFUSED, EliminationState.CANCELLED)


def five_years_ago() -> str:
    today = now().date()
    day = date(today.year - 5, 2, 28) if (today.month, today.day) == (2, 29) else today.replace(year=today.year - 5)
    return day.isoformat()


STEPS = {"propose": 1, "decide": 6, "all_agree": 3, "hold": 3, "release": 2, "come_again": 2, "wait": 1, "run_all": 5}
"""What may happen, and how often beside the others."""


class Eliminating:
    """A model beside the archive: who is held, who came again, who agreed to what."""

    def __init__(self, prepared: Prepared, folder: Path, chance: Random) -> None:
        self.archive, index = prepared.copied(folder)
        self.notary = equip(self.archive, index, MemoryDocuments())
        self.uids = dict(zip((*STUDIES, EDGE), prepared.due, strict=True))
        self.chance, self.ever_gone = chance, set[str]()
        self.holds: dict[int, str] = {}
        self.came = {self.uids[EDGE]}
        self.agreed: dict[int, list[str]] = {}
        self.waiting: set[int] = set()
        self.waits, self.version = False, 1

    def propose(self) -> None:
        try:
            number = propose(self.archive)
        except NotFound:
            return
        self.agreed[number] = []
        if self.waits:
            self.waiting.add(number)

    def decide(self) -> None:
        if all(len(before) == len(ROLES) for before in self.agreed.values()):
            self.propose()
        if not self.agreed:
            return
        number = self.chance.choice([*sorted(self.agreed), max(self.agreed)])
        before = self.agreed[number]
        person = self.chance.choice((PROPOSER, *before, *PERSONS.values()))
        role = self.chance.choice((*ROLES[len(before) :][:1] * 3, *ROLES))
        is_over = self.archive.eliminations.standing(number, now()).state in OVER
        may = len(before) < 3 and not is_over and role == ROLES[len(before)] and person not in (PROPOSER, *before)
        try:
            self.archive.eliminations.decide(number, role, StepDecision.FAVOURABLE, Statement(person), VISA)
        except VnaError:
            assert not may
        else:
            assert may
            before.append(person)

    def all_agree(self) -> None:
        self.propose()
        for number, before in self.agreed.items():
            for role in ROLES[len(before) :]:
                if self.archive.eliminations.standing(number, now()).state in OVER:
                    break
                person = next(each for each in PERSONS.values() if each not in before)
                self.archive.eliminations.decide(number, role, StepDecision.FAVOURABLE, Statement(person), VISA)
                before.append(person)

    def hold(self) -> None:
        study, terms = self.chance.choice(STUDIES), HoldTerms(HoldKind.INQUIRY, "asked for")
        placed = self.archive.holds.place(HoldTarget(study=self.uids[study]), terms, "Lawyer")
        self.holds[placed.number] = self.uids[study]

    def release(self) -> None:
        if self.holds:
            number, _ = self.holds.popitem()
            self.archive.holds.release(number, "Judge", "over")

    def come_again(self) -> None:
        study = self.chance.choice(STUDIES)
        if self.uids[study] in self.held():
            visit(self.archive, study, now().date().isoformat())
            self.came.add(self.uids[study])

    def wait(self) -> None:
        self.version, self.waits = self.version + 1, not self.waits
        bring_into_force(self.archive, version=str(self.version), wait_days=int(self.waits))

    def run_all(self) -> None:
        for number in self.agreed:
            self._run(number, self.chance.choice((1, None)))

    def _run(self, number: int, limit: int | None) -> None:
        before = self.held()
        try:
            run = self.archive.executor.run(number, "Operator", now(), limit=limit)
        except VnaError:
            assert self.held() == before
            return
        gone = before - self.held()
        assert len(gone) == run.eliminated
        self.ever_gone.update(gone)
        if gone:
            assert len(self.agreed[number]) == len(ROLES), "it went without approvals"
            assert number not in self.waiting, "it went in the waiting time"
            assert not gone & self.came, "it went before its date"
            assert not gone & set(self.holds.values()), "it went under a hold"
        if run.eliminated and not run.standing.left:
            assert run.standing.state is EliminationState.CERTIFIED, "it went without a certificate"

    def held(self) -> set[str]:
        return {uid for uid in self.uids.values() if list(self.archive._index.reader.every_version(uid))}

    def what_went_is_certified(self) -> None:
        gone = set(self.uids.values()) - self.held()
        told: set[str] = set()
        for standing in self.archive.eliminations.all(now()):
            if standing.state is EliminationState.CERTIFIED:
                data = self.archive.executor.certificate(standing.elimination.number, now())
                assert check_certificate(data, self.notary.key().public) == []
                certificate = json.loads(data)
                told |= {certificate["list"][each["item"] - 1][0] for each in certificate["destroyed"]}
            elif standing.state in (EliminationState.EXECUTING, EliminationState.DESTROYING):
                items = self.archive.eliminations.show(standing.elimination.number, now()).items
                told |= {item.scope.study for item in items if item.eliminated_at}
        assert gone == told


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    prepared = prepare(folder, (*STUDIES, EDGE))
    archive, _ = opened(folder, prepared.memory)
    visit(archive, EDGE, five_years_ago())
    archive.close()
    return prepared


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_no_order_of_events_lets_go_what_has_to_stay(prepared: Prepared, tmp_path: Path, seed: int) -> None:
    chance, ever_gone = Random(seed), set[str]()
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        world = Eliminating(prepared, folder, chance)
        steps = chance.choices(list(STEPS), list(STEPS.values()), k=10)
        for step in (*steps, "all_agree", "run_all"):
            getattr(world, step)()
            world.what_went_is_certified()
        ever_gone |= world.ever_gone
        world.archive.close()
    assert ever_gone
