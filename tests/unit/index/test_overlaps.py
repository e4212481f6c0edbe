"""Rejections, notes and limitations that overlap in any order, compared with a model of what each view then sees."""

import random
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from arrivals import Sender, arrival, description, digest_of, key
from databases import connected
from rebuilding import rebuild, rows_of
from vna.dicom.attributes import Level, Model
from vna.dicom.matching import Universal
from vna.dicom.query import Query
from vna.events import LimitationLifted, Limited, NoteRejected, Rejected, Restored
from vna.index import Index, Recorded, open_index, tables
from vna.model import InstanceKey, Outcome, RejectedAgain, RejectionReason, Scope, View

KEYS = [
    key(f"1.{study}", f"1.{study}.{series}", f"1.{study}.{series}.{n}")
    for study in (1, 2)
    for series in (1, 2)
    for n in (1, 2)
]
NOTES = [key(f"1.{study}", f"1.{study}.9", f"1.{study}.9.{number}") for study in (1, 2) for number in (1, 2, 3)]
REASONS = (RejectionReason.QUALITY, RejectionReason.WORKLIST)


@dataclass
class Rejection:
    """One that stands: what it hides, and what was taken out of it again."""

    reason: RejectionReason
    scope: Scope
    named: frozenset[InstanceKey] = frozenset()
    note: bool = False
    replaceable: bool = False
    readmitted: set[InstanceKey] = field(default_factory=set)

    def hides(self, at: InstanceKey) -> bool:
        return (self.scope.covers(at) or at in self.named) and at not in self.readmitted


class Both:
    """An index and the model of it, which are told the same."""

    def __init__(self, index: Index, dice: random.Random) -> None:
        self.index, self.dice, self.sender = index, dice, Sender(index)
        self.rejections: dict[int, Rejection] = {}
        self.limitations: dict[int, Scope] = {}
        self.held: dict[InstanceKey, list[str]] = {}

    def seen(self, view: View) -> set[InstanceKey]:
        shown = {at for at in self.held if not any(scope.covers(at) for scope in self.limitations.values())}
        return shown if view is View.QUALITY else {at for at in shown if not self.over(at)}

    def over(self, at: InstanceKey) -> list[Rejection]:
        return [each for each in self.rejections.values() if each.hides(at)]

    def step(self) -> None:
        steps = (self.arrive, self.arrive, self.note, self.reject, self.restore, self.limit, self.lift)
        self.dice.choice(steps)()

    def arrive(self) -> None:
        at = self.dice.choice(KEYS)
        over, before = self.over(at), self.held.get(at, [])
        content = f"{at.instance} {len(before) + 1}"
        same = {digest_of(each): False for each in before}
        entry = self.sender.entry(replace(arrival(content, at), same_content=same), described(at))
        recorded = self.index.committer.submit(entry)
        assert isinstance(recorded, Recorded)
        assert recorded.decision is not None
        assert recorded.decision.outcome is (Outcome.NEW_VERSION if before else Outcome.STORED)
        self.held[at] = [*before, content]
        if before and over and all(each.replaceable for each in over):
            for each in over:
                each.readmitted.add(at)

    def note(self) -> None:
        at = self.dice.choice(NOTES)
        if at in self.held:
            return
        named = tuple(sorted(self.dice.sample(KEYS, self.dice.randint(1, 4)), key=str))
        reason, replaceable = self.dice.choice(REASONS), self.dice.random() < 0.5
        note = NoteRejected(at, reason, replaceable, named)
        entry = replace(self.sender.entry(arrival(at.instance, at), described(at)), note=note)
        recorded = self.index.committer.submit(entry)
        assert isinstance(recorded, Recorded)
        new = frozenset(k for k in named if not any(each.reason is reason for each in self.over(k)))
        scope = Scope(at.study, at.series, at.instance)
        self.held[at] = [at.instance]
        self.rejections[self.index.reader.position()] = Rejection(reason, scope, new, True, replaceable)

    def reject(self) -> None:
        scope, reason = self.scope(), self.dice.choice(REASONS)
        self.rejections[self.sender.record(Rejected(scope, reason))] = Rejection(reason, scope)

    def restore(self) -> None:
        if self.rejections:
            number = self.dice.choice(list(self.rejections))
            self.sender.record(Restored(number))
            del self.rejections[number]

    def limit(self) -> None:
        scope = self.scope()
        self.limitations[self.sender.record(Limited(scope))] = scope

    def lift(self) -> None:
        if self.limitations:
            number = self.dice.choice(list(self.limitations))
            self.sender.record(LimitationLifted(number))
            del self.limitations[number]

    def scope(self) -> Scope:
        at = self.dice.choice(KEYS)
        depth = self.dice.randint(1, 3)
        return Scope(at.study, at.series if depth > 1 else None, at.instance if depth > 2 else None)


def described(at: InstanceKey) -> object:
    return description({"PatientID": f"P{at.study}"}, {"StudyDate": "20240101"}, {"Modality": at.series[-1]})


def found(index: Index, level: Level, view: View) -> set[str]:
    keyword = {Level.STUDY: "StudyInstanceUID", Level.SERIES: "SeriesInstanceUID", Level.IMAGE: "SOPInstanceUID"}[level]
    query = Query(level, Model.STUDY_ROOT, {keyword: Universal()}, relational=True, view=view)
    return {str(values[keyword]) for values in index.finder.find(query)}


def agree(both: Both) -> None:
    """Both say the same of what is seen at each level, and of what is given."""
    for view in View:
        seen = both.seen(view)
        assert found(both.index, Level.STUDY, view) == {at.study for at in seen}
        assert found(both.index, Level.SERIES, view) == {at.series for at in seen}
        assert found(both.index, Level.IMAGE, view) == {at.instance for at in seen}
        query = Query(Level.IMAGE, Model.STUDY_ROOT, {"SOPInstanceUID": Universal()}, relational=True, view=view)
        given = {held.key: held.digest for held in both.index.finder.instances(query)}
        assert given == {at: digest_of(both.held[at][-1]) for at in seen}
    counts = both.index.reader.counts()
    assert counts.instances == len(both.seen(View.ORDINARY))
    assert counts.rejected == len(both.seen(View.QUALITY)) - len(both.seen(View.ORDINARY))
    assert counts.limited == len(both.held) - len(both.seen(View.QUALITY))
    in_quality = both.seen(View.QUALITY)
    assert {each.number: each.instances for each in both.index.rejections.standing()} == {
        number: sum(map(rejection.hides, in_quality)) for number, rejection in both.rejections.items()
    }
    assert {each.number for each in both.index.limitations.standing()} == both.limitations.keys()


def play(url: str, seed: int, steps: int) -> None:
    with closing(open_index(url, rejected_again=RejectedAgain.KEEP_HIDDEN)) as index:
        both = Both(index, random.Random(seed))
        for _ in range(steps):
            both.step()
            agree(both)
        for number in both.rejections:
            both.sender.record(Restored(number))
        for number in both.limitations:
            both.sender.record(LimitationLifted(number))
        both.rejections, both.limitations = {}, {}
        agree(both)


@pytest.mark.parametrize("seed", [3, 10])
def test_whatever_overlaps_each_view_sees_what_nothing_hides(index_url: str, seed: int) -> None:
    play(index_url, seed, 16)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 160))
def test_the_same_for_longer(tmp_path: Path, seed: int) -> None:
    play(f"sqlite:///{tmp_path / 'index.sqlite'}", seed, 60)


def test_a_rebuild_hides_the_same(tmp_path: Path) -> None:
    url, again = (f"sqlite:///{tmp_path / name}" for name in ("index.sqlite", "again.sqlite"))
    play(url, 7, 24)
    with connected(url) as connection:
        rows = connection.execute(tables.version.select()).all()
        series = {row.id: row.series_uid for row in connection.execute(tables.series.select())}
        studies = {row.id: row.study_uid for row in connection.execute(tables.study.select())}
    at = {row.id: key(studies[row.study_id], series[row.series_id], row.sop_instance_uid) for row in rows}

    rebuild(url, again, {position: described(where) for position, where in at.items()})

    assert rows_of(again) == rows_of(url)
