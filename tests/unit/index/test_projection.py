"""The fold: stores, rejections and restorings in any order give what a simple model says, and give it again.

The model knows versions by key and which rejections stand; the index must show the same at every level after each
step, and after all rejections are restored. At the end the journal is applied to the empty tables of another database,
and every row must be the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arrivals import PACS_A, PACS_B, Sender, arrival, description, digest_of, key
from rebuilding import rebuild, rows_of
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import Description
from vna.dicom.matching import ListOfUID, Universal
from vna.dicom.query import Query
from vna.index import Index, Recorded, Refused, open_index
from vna.model import InstanceKey, Outcome, RejectedAgain, Scope, Source

PLACES = [("1", "1", "1"), ("1", "1", "2"), ("1", "2", "3"), ("2", "1", "1")]
"""Study, series and instance; the second study's have UIDs of the first, so that a rejection may reach too far."""

CONTENTS = ("a", "A", "b")
"""Small and capital letter differ in their encoding only."""

UNIQUE_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")

_EXAMPLES = count(1)


@dataclass(frozen=True)
class Store:
    """An instance arrives."""

    place: tuple[str, str, str]
    content: str
    source: Source


@dataclass(frozen=True)
class Reject:
    """A study, series or instance is rejected."""

    place: tuple[str, ...]


@dataclass(frozen=True)
class Restore:
    """One of the rejections made so far is restored; it may be so already."""

    which: int


STORES = st.builds(Store, st.sampled_from(PLACES), st.sampled_from(CONTENTS), st.sampled_from([PACS_A, PACS_B]))
REJECTS = st.builds(Reject, st.sampled_from(sorted({place[:depth] for place in PLACES for depth in (1, 2, 3)})))
RESTORES = st.builds(Restore, st.integers(0, 3))
STEPS = st.lists(st.one_of(STORES, STORES, REJECTS, RESTORES), min_size=15, max_size=30)


@dataclass
class Version:
    """A version in the model."""

    position: int
    content: str
    source: str
    state: str


@dataclass
class Archive:
    """The simple model."""

    again: RejectedAgain
    versions: dict[InstanceKey, list[Version]] = field(default_factory=dict)
    standing: dict[int, Scope] = field(default_factory=dict)
    readmitted: set[tuple[int, InstanceKey]] = field(default_factory=set)

    def over(self, at: InstanceKey) -> list[int]:
        """Return the rejections that hide a key."""
        return [n for n, scope in self.standing.items() if scope.covers(at) and (n, at) not in self.readmitted]

    def arrive(self, at: InstanceKey, content: str, source: str) -> Outcome | None:
        """Return what an arrival becomes, None if it is refused."""
        live = [version for version in self.versions.get(at, []) if version.state != "superseded"]
        hidden, identical = self.over(at), content in [version.content for version in live]
        if hidden and self.again is RejectedAgain.RESTORE and identical:
            self.readmitted |= {(number, at) for number in hidden}
            return Outcome.RESTORED
        if hidden and self.again is not RejectedAgain.KEEP_HIDDEN:
            return None
        if not live:
            return Outcome.STORED
        if identical:
            return Outcome.ALREADY_STORED
        if content.lower() in [version.content.lower() for version in live]:
            return Outcome.RENDITION
        served = next(version for version in live if version.state == "served")
        return Outcome.NEW_VERSION if served.source == source else Outcome.ASIDE

    def keep(self, at: InstanceKey, version: Version, outcome: Outcome) -> None:
        """Add a version as what it became."""
        held = self.versions.setdefault(at, [])
        if outcome is Outcome.NEW_VERSION:
            next(v for v in held if v.state == "served").state = "superseded"
        held.append(version)
        version.state = "served" if outcome in (Outcome.STORED, Outcome.NEW_VERSION) else outcome.value

    def shown(self) -> dict[InstanceKey, Version]:
        """Return the served versions that no rejection hides."""
        served = {at: v for at, held in self.versions.items() for v in held if v.state == "served"}
        return {at: version for at, version in served.items() if not self.over(at)}


class Play:
    """One example: the model beside the index, under UIDs of its own."""

    def __init__(self, index: Index, again: RejectedAgain, descriptions: dict[int, Description]) -> None:
        self.root, self.model = f"9.{next(_EXAMPLES)}", Archive(again)
        self.sender, self.descriptions = Sender(index), descriptions
        self.numbers: list[int] = []

    def step(self, step: Store | Reject | Restore) -> None:
        """Do one step to both, and compare."""
        match step:
            case Store(place, content, source):
                self.store(self.key(place), content, source)
            case Reject(place):
                scope = Scope(*self.uids(place))
                number = self.sender.reject(*self.uids(place))
                self.model.standing[number] = scope
                self.numbers.append(number)
            case Restore(which) if which < len(self.numbers):
                self.model.standing.pop(self.numbers[which], None)
                self.sender.restore(self.numbers[which])
        held = self.sender.index.finder.instances(self.query(Level.STUDY))
        shown = {at: digest_of(version.content) for at, version in self.model.shown().items()}
        assert {one.key: one.digest for one in held} == shown
        assert len(held) == len(shown)

    def store(self, at: InstanceKey, content: str, source: Source) -> None:
        expected = self.model.arrive(at, content, source.name)
        same = {digest_of(each): each.lower() == content.lower() for each in CONTENTS}
        described = description(study={"StudyDate": f"2024010{CONTENTS.index(content) + 1}"})
        result = self.sender.send(replace(arrival(content, at, source=source), same_content=same), described)
        if expected is None:
            assert result == Refused(tuple(self.model.over(at)))
            return
        assert isinstance(result, Recorded)
        assert result.decision.outcome is expected
        if expected not in (Outcome.ALREADY_STORED, Outcome.RESTORED):
            self.descriptions[result.position] = described
            self.model.keep(at, Version(result.position, content, source.name, ""), expected)

    def compare(self) -> None:
        shown = self.model.shown()
        assert self.found(Level.IMAGE) == sorted((at.study, at.series, at.instance) for at in shown)
        assert self.found(Level.SERIES) == sorted({(at.study, at.series) for at in shown})
        assert self.found(Level.STUDY) == sorted({(at.study,) for at in shown})
        self.compare_studies(shown)

    def compare_studies(self, shown: Mapping[InstanceKey, Version]) -> None:
        counted = ("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")
        for study in self.sender.index.finder.find(self.query(Level.STUDY, "StudyDate", *counted)):
            of_study = {at: version for at, version in shown.items() if at.study == study["StudyInstanceUID"]}
            earliest = min(of_study.values(), key=lambda version: version.position)
            assert study["StudyDate"] == f"2024010{CONTENTS.index(earliest.content) + 1}"
            assert [study[name] for name in counted] == [str(len({at.series for at in of_study})), str(len(of_study))]

    def found(self, level: Level) -> list[tuple[object, ...]]:
        names = UNIQUE_KEYS[: 1 + (Level.STUDY, Level.SERIES, Level.IMAGE).index(level)]
        return sorted(
            tuple(each[n] for n in names) for each in self.sender.index.finder.find(self.query(level, *names))
        )

    def query(self, level: Level, *names: str) -> Query:
        keys = {name: Universal() for name in names}
        studies = ListOfUID(frozenset(f"{self.root}.0.{study}" for study in ("1", "2")))
        return Query(level, Model.STUDY_ROOT, {**keys, "StudyInstanceUID": studies})

    def uids(self, place: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{self.root}.{depth}.{part}" for depth, part in enumerate(place))

    def key(self, place: tuple[str, str, str]) -> InstanceKey:
        return key(*self.uids(place))


@pytest.fixture
def indexes(index_url: str) -> Iterator[dict[RejectedAgain, Index]]:
    """One database, opened with each setting."""
    opened = {again: open_index(index_url, rejected_again=again) for again in RejectedAgain}
    yield opened
    for index in opened.values():
        index.close()


def test_any_order_of_storing_rejecting_and_restoring_is_as_the_model_says_and_is_rebuilt(
    indexes: dict[RejectedAgain, Index], index_url: str, tmp_path: Path
) -> None:
    descriptions: dict[int, Description] = {}
    examples = 30 if index_url.startswith("sqlite") else 4

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.sampled_from(RejectedAgain), STEPS)
    def play(again: RejectedAgain, steps: list[Store | Reject | Restore]) -> None:
        playing = Play(indexes[again], again, descriptions)
        for step in steps:
            playing.step(step)
        playing.compare()
        for which in range(len(playing.numbers)):
            playing.step(Restore(which))
        playing.compare()

    play()

    again = f"sqlite:///{tmp_path / 'again.sqlite'}"
    rebuild(index_url, again, descriptions)
    assert rows_of(again) == rows_of(index_url)
