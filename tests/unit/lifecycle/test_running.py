"""A run does exactly what its plan said, once, and goes on after it was cut off."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from eliminating import approved, bring_into_force, equip, store_due, store_study
from storage_backends import BlobStore, Codec, Memory, MemoryDocuments
from vna.archive import Archive, EliminationState, HoldTarget, HoldTerms, Room, Spool
from vna.errors import NotPlausible, OutOfResources
from vna.events import HoldKind
from vna.index import Index, open_index
from vna.lifecycle import Lifecycle, Limits
from vna.retention import TierAction, TierVerb

GENEROUS = Limits(1000, 1e9)
TIERS = """
tiers:
  rules:
    - {id: COLD, after: {study_date: {years: 3}}, action: move, from: main, to: cold, cite: policy}
"""
YEARS = timedelta(days=5 * 365)


@dataclass
class Opened:
    """An archive with a tier, all of its parts in memory but the index, and a wall clock that tests set."""

    index: Index
    archive: Archive
    shift: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def lifecycle(self, limits: Limits = GENEROUS) -> Lifecycle:
        return Lifecycle(self.archive, limits, self.now)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    index = open_index(f"sqlite:///{tmp_path / 'index.sqlite'}")
    tiers = {"cold": BlobStore(Memory(), codec=Codec.ZSTD)}
    blobs = BlobStore(Memory(), codec=Codec.ZSTD, tiers=tiers)
    rooms = {name: Room(tier, min_free_percent=0, min_free_bytes=0) for name, tier in tiers.items()}
    room = Room(blobs, min_free_percent=0, min_free_bytes=0, tiers=rooms)
    archive = Archive(index, blobs, Spool(tmp_path / "spool"), room)
    equip(archive, index, MemoryDocuments())
    found = Opened(index, archive)
    archive.clock.wall = found.now
    yield found
    archive.close()


def _run(opened: Opened, limits: Limits = GENEROUS):
    return opened.lifecycle(limits).run(Event(), "somebody")


def test_where_nothing_is_due_nothing_is_planned_or_done(opened: Opened) -> None:
    bring_into_force(opened.archive)
    store_study(opened.archive, 1)

    assert opened.lifecycle().plan().is_empty
    assert (_run(opened).eliminations, _run(opened).moves) == ((), ())


def test_a_plan_changes_nothing(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS)
    store_due(opened.archive, 1, 2)
    approved(opened.archive)
    before = opened.index.reader.journal_mark()

    opened.lifecycle().plan()

    assert opened.index.reader.journal_mark() == before


def test_a_run_moves_what_the_plan_says(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS)
    for study in (1, 2):
        store_study(opened.archive, study)
    planned = opened.lifecycle().plan()

    done = _run(opened)

    assert len(planned.moves) == 2
    assert [move.action for move in done.moves] == [move.action for move in planned.moves]
    assert done.moves[0].copied_bytes == planned.moves[0].size > 0
    assert {move.action.verb for move in done.moves} == {TierVerb.MOVE}
    assert opened.lifecycle().plan().is_empty


def test_a_run_eliminates_what_the_plan_says_and_certifies_it(opened: Opened) -> None:
    bring_into_force(opened.archive)
    studies = store_due(opened.archive, 1, 2, 3)
    number = approved(opened.archive)
    opened.archive.holds.place(HoldTarget(study=studies[1]), HoldTerms(HoldKind.INQUIRY, "asked for"), "Lawyer")
    (planned,) = opened.lifecycle().plan().eliminations

    (done,) = _run(opened).eliminations

    assert (planned.number, {item.scope.study for item in planned.going}) == (number, {studies[0], studies[2]})
    assert [(kept.scope.study, kept.cause) for kept in planned.kept] == [(studies[1], "hold")]
    assert (done.number, done.eliminated, done.kept, done.state) == (number, 2, 1, EliminationState.CERTIFIED)
    left = {item.scope.study for item in opened.archive.eliminations.show(number, opened.now()).items if item.kept_at}
    assert left == {studies[1]}
    assert opened.lifecycle().plan().is_empty


@pytest.mark.long
def test_what_is_to_be_eliminated_is_not_moved_before(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS)
    going, staying = store_due(opened.archive, 1)[0], store_study(opened.archive, 2)
    approved(opened.archive)

    planned, done = opened.lifecycle().plan(), _run(opened)

    assert [move.action.study_uid for move in planned.moves] == [staying]
    assert [move.action.study_uid for move in done.moves] == [staying]
    assert [item.scope.study for item in planned.eliminations[0].going] == [going]


@pytest.mark.long
def test_nothing_is_eliminated_before_its_waiting_time_is_over(opened: Opened) -> None:
    bring_into_force(opened.archive, wait_days=10)
    store_due(opened.archive, 1)
    approved(opened.archive)

    assert opened.lifecycle().plan().is_empty
    assert _run(opened).eliminations == ()


def test_a_run_does_no_more_than_it_may_and_the_next_one_the_rest(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS)
    for study in (1, 2, 3):
        store_study(opened.archive, study)
    two = Limits(2, 1e9)

    planned = opened.lifecycle(two).plan()
    counts = [len(_run(opened, two).moves) for _ in range(3)]

    assert (len(planned.moves), planned.is_all) == (2, False)
    assert counts == [2, 1, 0]


@pytest.mark.long
def test_items_of_an_elimination_count_as_actions(opened: Opened) -> None:
    bring_into_force(opened.archive)
    store_due(opened.archive, 1, 2, 3)
    approved(opened.archive)
    two = Limits(2, 1e9)

    (planned,) = opened.lifecycle(two).plan().eliminations
    counts = [sum(each.eliminated for each in _run(opened, two).eliminations) for _ in range(3)]

    assert (len(planned.going), planned.left) == (2, 1)
    assert counts == [2, 1, 0]


@pytest.mark.long
def test_the_daily_quota_of_a_profile_bounds_plan_and_run_alike(opened: Opened) -> None:
    bring_into_force(opened.archive, max_per_day=3)
    store_due(opened.archive, 1, 2, 3)  # two objects each
    approved(opened.archive)

    (planned,) = opened.lifecycle().plan().eliminations
    (done,) = _run(opened).eliminations

    assert (len(planned.going), planned.left, done.eliminated) == (1, 2, 1)


@pytest.mark.long
def test_the_daily_quota_is_shared_by_eliminations_in_plan_and_run(opened: Opened) -> None:
    bring_into_force(opened.archive, max_per_day=5)
    for studies in ((1, 2), (3, 4)):  # two objects each
        store_due(opened.archive, *studies)
        approved(opened.archive)

    planned = opened.lifecycle().plan().eliminations
    done = _run(opened).eliminations

    assert [len(each.going) for each in planned] == [2, 0]
    assert [each.eliminated for each in done] == [2, 0]


@pytest.mark.long
def test_a_run_that_is_told_to_stop_ends_between_two_steps(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS)
    for study in (1, 2, 3):
        store_study(opened.archive, study)
    stopping = Event()
    carry_out = opened.archive.tiers.carry_out

    def stopped_after(*arguments: object):
        stopping.set()
        return carry_out(*arguments)  # type: ignore[arg-type]

    opened.archive.tiers.carry_out = stopped_after  # type: ignore[method-assign]

    assert len(opened.lifecycle().run(stopping).moves) == 1


def test_a_step_that_fails_is_told_and_the_others_are_done(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    bring_into_force(opened.archive, more=TIERS)
    studies = [store_study(opened.archive, study) for study in (1, 2)]
    carry_out = opened.archive.tiers.carry_out

    def fails_once(action: TierAction, actor: str):
        if action.study_uid == studies[0]:
            raise OutOfResources("the store is away")
        return carry_out(action, actor)

    opened.archive.tiers.carry_out = fails_once  # type: ignore[method-assign]

    done = _run(opened)

    assert [move.problem for move in done.moves] == ["the store is away", ""]
    assert done.problems == 1
    assert any("could not be done now" in line.message for line in caplog.records)


def test_a_rule_that_names_a_store_which_is_not_there_is_told_once(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS.replace("to: cold", "to: nowhere"))
    store_study(opened.archive, 1)

    planned, done = opened.lifecycle().plan(), _run(opened)

    assert planned.moves == ()
    assert list(planned.problems) == list(done.broken_rules) == ["COLD"]
    assert "nowhere" in done.broken_rules["COLD"]


@pytest.mark.parametrize("verb", ["move", "copy", "reencode"])
def test_a_rule_that_wants_another_codec_than_the_store_writes_is_told_and_not_followed(
    opened: Opened, verb: str
) -> None:
    rule = TIERS.replace("action: move", f"action: {verb}, codec: dense")
    bring_into_force(opened.archive, more=rule if verb != "reencode" else rule.replace("main, to: cold", "main"))
    store_study(opened.archive, 1)
    wanted = list(opened.archive.tiers.plan(opened.now().date()))

    planned, done = opened.lifecycle().plan(), _run(opened)

    assert (planned.moves, done.moves) == ((), ())
    assert planned.problems == done.broken_rules
    assert "writes zstd, and the rule wants dense" in planned.problems["COLD"]
    with pytest.raises(NotPlausible):
        opened.archive.tiers.carry_out(wanted[0], "somebody")


def test_a_rule_whose_store_is_full_waits_and_says_so(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_into_force(opened.archive, more=TIERS)
    study = store_study(opened.archive, 1)
    room = opened.archive.tiers.placer
    monkeypatch.setattr(room, "shortage", lambda store: "no room in cold" if store == "cold" else None)

    planned, done = opened.lifecycle().plan(), _run(opened)

    assert (planned.moves, done.moves) == ((), ())
    assert planned.problems == done.broken_rules == {"COLD": "no room in cold"}
    assert done.problems == 1
    monkeypatch.undo()
    assert [move.action.study_uid for move in _run(opened).moves] == [study]


def test_no_more_is_planned_than_fits_and_the_rest_is_done_when_there_is_room(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_into_force(opened.archive, more=TIERS)
    store_due(opened.archive, 1, 2, 3)
    size = opened.lifecycle().plan().moves[0].size
    cold = opened.archive.healer.blobs.at("cold").backend
    monkeypatch.setattr(cold, "free_bytes", lambda: 2 * size + 1)
    monkeypatch.setattr(cold, "total_bytes", lambda: 100 * size)

    planned, done = opened.lifecycle().plan(), _run(opened)

    assert [move.action.study_uid for move in planned.moves] == [move.action.study_uid for move in done.moves]
    assert len(planned.moves) == 2
    assert "bytes of store cold, and 1 are left" in planned.problems["COLD"]
    assert (planned.problems, done.problems) == (done.broken_rules, 1)
    assert [move.problem for move in done.moves] == ["", ""]
    monkeypatch.undo()
    last = _run(opened)
    assert (len(last.moves), last.problems, opened.lifecycle().plan().is_empty) == (1, 0, True)


def test_a_rule_that_wants_the_codec_of_the_store_is_followed(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS.replace("action: move", "action: move, codec: zstd"))
    store_study(opened.archive, 1)

    (moved,) = _run(opened).moves

    assert (moved.problem, moved.action.codec) == ("", "zstd")


@pytest.mark.long
@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["forward", "backward"])
def test_a_clock_that_jumps_stops_everything_until_it_is_confirmed(opened: Opened, jump: timedelta) -> None:
    bring_into_force(opened.archive, more=TIERS)
    store_due(opened.archive, 1)
    approved(opened.archive)
    store_study(opened.archive, 2)
    opened.archive.clock.check()

    opened.shift = jump
    planned, stopped = opened.lifecycle().plan(), _run(opened)
    opened.shift = timedelta()
    opened.archive.clock.confirm("A. Person")
    done = _run(opened)

    assert planned.jump is not None
    assert planned.is_empty
    assert (stopped.eliminations, stopped.moves) == ((), ())
    assert stopped.jump == planned.jump
    assert (len(done.eliminations), len(done.moves), done.jump) == (1, 1, None)


def test_a_clock_set_five_years_ahead_makes_nothing_go(opened: Opened) -> None:
    bring_into_force(opened.archive, wait_days=10)
    (study,) = store_due(opened.archive, 1)
    number = approved(opened.archive)
    opened.archive.clock.check()
    opened.shift = YEARS

    _run(opened)

    assert [
        item.scope.study for item in opened.archive.eliminations.show(number, opened.now()).items if item.stands
    ] == [study]
    assert opened.archive.overview(opened.now()).clock_jump is not None


@pytest.mark.long
def test_a_clock_that_jumps_in_the_middle_of_a_run_ends_it(opened: Opened) -> None:
    bring_into_force(opened.archive, more=TIERS)
    for study in (1, 2, 3):
        store_study(opened.archive, study)
    carry_out = opened.archive.tiers.carry_out

    def jumps_after(*arguments: object):
        opened.shift = YEARS
        return carry_out(*arguments)  # type: ignore[arg-type]

    opened.archive.tiers.carry_out = jumps_after  # type: ignore[method-assign]

    done = _run(opened)

    assert len(done.moves) == 1
    assert done.jump is not None
