"""Whatever happens in whatever order: nothing goes before its date, without approvals or under a hold, and what went
is certified."""

import json
import shutil
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from eliminating import PERSONS, PROPOSER, ROLES, VISA, bring_into_force, equip, now, prepare, propose, visit
from storage_backends import MemoryDocuments
from vna.archive import EliminationState, HoldTarget, HoldTerms, Statement, check_certificate
from vna.errors import NotFound, VnaError
from vna.events import HoldKind, StepDecision

STUDIES = (1, 2, 3)
EDGE = 4
"""Its patient came five years ago today: today is the last day it has to be kept."""
EVER_GONE: set[str] = set()
"""What went in any example: without anything this would show nothing."""
OVER = (EliminationState.CERTIFIED, EliminationState.REFUSED, EliminationState.CANCELLED)


def five_years_ago() -> str:
    today = now().date()
    day = date(today.year - 5, 2, 28) if (today.month, today.day) == (2, 29) else today.replace(year=today.year - 5)
    return day.isoformat()


class Eliminating(RuleBasedStateMachine):
    """A model beside the archive: who is held, who came again, who agreed to what."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "prepared").mkdir()
        prepared = prepare(self.folder / "prepared", (*STUDIES, EDGE))
        self.archive, index = prepared.copied(self.folder)
        self.notary = equip(self.archive, index, MemoryDocuments())
        self.uids = dict(zip((*STUDIES, EDGE), prepared.due, strict=True))
        self.holds: dict[int, str] = {}
        self.came: set[str] = set()
        self.agreed: dict[int, list[str]] = {}
        self.waiting: set[int] = set()
        self.waits, self.version = False, 1

    @initialize()
    def begin(self) -> None:
        visit(self.archive, EDGE, five_years_ago())
        self.came.add(self.uids[EDGE])

    @rule()
    def propose(self) -> None:
        try:
            number = propose(self.archive)
        except NotFound:
            return
        self.agreed[number] = []
        if self.waits:
            self.waiting.add(number)

    @rule(person=st.sampled_from((PROPOSER, *PERSONS.values())), role=st.sampled_from(ROLES), data=st.data())
    def decide(self, person: str, role: str, data: st.DataObject) -> None:
        if not self.agreed:
            return
        number = data.draw(st.sampled_from(sorted(self.agreed)))
        before = self.agreed[number]
        is_over = self.archive.eliminations.standing(number, now()).state in OVER
        may = len(before) < 3 and not is_over and role == ROLES[len(before)] and person not in (PROPOSER, *before)
        try:
            self.archive.eliminations.decide(number, role, StepDecision.FAVOURABLE, Statement(person), VISA)
        except VnaError:
            assert not may
        else:
            assert may
            before.append(person)

    @rule()
    def all_agree(self) -> None:
        self.propose()
        for number, before in self.agreed.items():
            for role in ROLES[len(before) :]:
                if self.archive.eliminations.standing(number, now()).state in OVER:
                    break
                person = next(each for each in PERSONS.values() if each not in before)
                self.archive.eliminations.decide(number, role, StepDecision.FAVOURABLE, Statement(person), VISA)
                before.append(person)

    @rule(study=st.sampled_from(STUDIES))
    def hold(self, study: int) -> None:
        terms = HoldTerms(HoldKind.INQUIRY, "asked for")
        placed = self.archive.holds.place(HoldTarget(study=self.uids[study]), terms, "Lawyer")
        self.holds[placed.number] = self.uids[study]

    @rule()
    def release(self) -> None:
        if self.holds:
            number, _ = self.holds.popitem()
            self.archive.holds.release(number, "Judge", "over")

    @rule(study=st.sampled_from(STUDIES))
    def come_again(self, study: int) -> None:
        if self.uids[study] in self.held():
            visit(self.archive, study, now().date().isoformat())
            self.came.add(self.uids[study])

    @rule()
    def wait_longer(self) -> None:
        if not self.waits:
            self.version += 1
            bring_into_force(self.archive, version=str(self.version), wait_days=1)
            self.waits = True

    @rule(data=st.data())
    def run(self, data: st.DataObject) -> None:
        if data.draw(st.booleans()):
            self.all_agree()
        if not self.agreed:
            return
        decided = [number for number, before in self.agreed.items() if len(before) == len(ROLES)]
        number = data.draw(st.sampled_from(decided or sorted(self.agreed)))
        before = self.held()
        try:
            run = self.archive.executor.run(number, "Operator", now(), limit=data.draw(st.sampled_from((1, None))))
        except VnaError:
            assert self.held() == before
            return
        gone = before - self.held()
        assert len(gone) == run.eliminated
        EVER_GONE.update(gone)
        if gone:
            assert len(self.agreed[number]) == 3
            assert number not in self.waiting
            assert not gone & self.came
            assert not gone & set(self.holds.values())
        if run.eliminated and not run.standing.left:
            assert run.standing.state is EliminationState.CERTIFIED

    def held(self) -> set[str]:
        return {uid for uid in self.uids.values() if list(self.archive._index.reader.every_version(uid))}

    @invariant()
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

    def teardown(self) -> None:
        self.archive.close()
        shutil.rmtree(self.folder)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_no_order_of_events_lets_go_what_has_to_stay() -> None:
    run_state_machine_as_test(
        Eliminating,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    assert EVER_GONE
