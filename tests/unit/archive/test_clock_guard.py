"""The clock that decides when time is over: a jump stops what cannot be undone, until a person has looked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from databases import index_url, postgresql_server
from rebuilding import rebuild, rows_of
from vna.archive.clock_guard import ClockGuard
from vna.archive.recording import record, record_if_due
from vna.errors import ClockNotTrusted, NotFound
from vna.events import ClockJumped, PeerRegistered
from vna.index import Index, open_index
from vna.model import Peer

__all__ = ["index_url", "postgresql_server"]

YEARS = timedelta(days=5 * 365)


class Clocks:
    """A wall clock that is set, and one that nobody sets; they begin at the time that events are stamped with."""

    def __init__(self) -> None:
        self.now, self.running = datetime.now(UTC), 1000.0

    def pass_by(self, time: timedelta) -> None:
        self.now += time
        self.running += time.total_seconds()

    def guard(self, index: Index) -> ClockGuard:
        return ClockGuard(index, lambda: self.now, lambda: self.running)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def on_every_database(index_url: str) -> Iterator[Index]:
    opened = open_index(index_url)
    yield opened
    opened.close()


def test_a_clock_that_goes_is_trusted(index: Index, clocks: Clocks) -> None:
    guard = clocks.guard(index)

    for _ in range(3):
        assert guard.check() is None
        clocks.pass_by(timedelta(hours=20))

    assert guard.now() == clocks.now


@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["forward", "backward"])
def test_a_clock_that_is_set_by_years_is_not_trusted(index: Index, clocks: Clocks, jump: timedelta) -> None:
    guard = clocks.guard(index)
    guard.check()

    clocks.now += jump

    with pytest.raises(ClockNotTrusted, match="confirm-clock"):
        guard.now()


def test_a_jump_stands_though_the_clock_goes_on_and_the_node_starts_again(index: Index, clocks: Clocks) -> None:
    clocks.guard(index).check()
    clocks.now += YEARS
    found = clocks.guard(index).check()
    record(index, PeerRegistered(Peer("PACS", "localhost", 104)), "somebody")

    clocks.pass_by(timedelta(hours=1))

    assert found is not None
    assert clocks.guard(index).check() == found


def test_a_jump_found_by_a_fresh_process_needs_no_row_of_an_earlier_one(index: Index, clocks: Clocks) -> None:
    record(index, PeerRegistered(Peer("PACS", "localhost", 104)), "somebody")
    clocks.now += YEARS

    assert clocks.guard(index).check() is not None


def test_many_small_steps_are_a_jump_to_a_process_that_has_run_meanwhile(index: Index, clocks: Clocks) -> None:
    guard = clocks.guard(index)
    guard.check()
    found = []

    for _ in range(3):
        clocks.now += timedelta(hours=20)
        found.append(guard.check())

    assert found[0] is None
    assert found[2] is not None


def test_an_empty_archive_trusts_the_clock_it_begins_with(index: Index, clocks: Clocks) -> None:
    clocks.now += YEARS

    assert clocks.guard(index).check() is None


def test_a_person_confirms_and_every_process_goes_on(index: Index, clocks: Clocks) -> None:
    running, another = clocks.guard(index), clocks.guard(index)
    running.check()
    clocks.now += YEARS
    running.check()

    another.confirm("A. Person")

    assert running.check() is None
    assert another.check() is None


def test_a_clock_that_jumps_again_is_found_again(index: Index, clocks: Clocks) -> None:
    guard = clocks.guard(index)
    for _ in range(2):
        guard.check()
        clocks.now += YEARS
        assert guard.check() is not None
        guard.confirm("A. Person")

    assert guard.check() is None


def test_there_is_nothing_to_confirm_while_the_clock_is_trusted(index: Index, clocks: Clocks) -> None:
    with pytest.raises(NotFound, match="nothing to confirm"):
        clocks.guard(index).confirm("A. Person")


def test_two_that_find_a_jump_record_one(index: Index, clocks: Clocks) -> None:
    first, second = clocks.guard(index), clocks.guard(index)
    first.check()
    second.check()
    clocks.now += YEARS
    first.check()
    before = index.reader.journal_mark().position

    second.check()

    assert index.reader.journal_mark().position == before


def test_two_that_find_a_jump_at_the_same_moment_record_one(index: Index) -> None:
    jump = ClockJumped("2026-01-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00")

    numbers = [record_if_due(index, jump, "clock") for _ in range(2)]

    assert [number is not None for number in numbers] == [True, False]


def test_a_jump_is_logged_once(index: Index, clocks: Clocks, caplog: pytest.LogCaptureFixture) -> None:
    guard = clocks.guard(index)
    guard.check()
    clocks.now += YEARS
    for _ in range(3):
        guard.check()

    assert [line.levelname for line in caplog.records if "the clock jumped" in line.message] == ["ERROR"]


def test_a_rebuild_gives_the_same_jumps(
    on_every_database: Index, index_url: str, clocks: Clocks, tmp_path_factory: pytest.TempPathFactory
) -> None:
    guard = clocks.guard(on_every_database)
    guard.check()
    for _ in range(2):
        clocks.now += YEARS
        guard.check()
        guard.confirm("A. Person")
    anew = f"sqlite:///{tmp_path_factory.mktemp('anew') / 'index.sqlite'}"

    rebuild(index_url, anew, {})

    assert rows_of(anew)["clock_jump"] == rows_of(index_url)["clock_jump"]
    assert len(rows_of(anew)["clock_jump"]) == 2
