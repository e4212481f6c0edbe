"""The scrub: all is read, at the pace set, oldest check first, and it goes on where it was stopped."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from databases import index_url, postgresql_server
from replicated import FAST, Away, Replicated, altered
from vna.archive import Pace, Scrubber
from vna.archive.scrubbing import LEAST_COST_BYTES, REST
from vna.errors import OutOfResources
from vna.events import BlobDamaged
from vna.index import Round

__all__ = ["index_url", "postgresql_server"]

BEGUN = datetime(2026, 1, 31, tzinfo=UTC)


class Time(threading.Event):
    """A clock that goes on when somebody waits, and an event that is set at a time."""

    def __init__(self, stop_at: float = float("inf")) -> None:
        super().__init__()
        self.now, self.stop_at = 0.0, stop_at

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timeout
        return self.is_set()

    def is_set(self) -> bool:
        return self.now >= self.stop_at


class Recording(Away):
    """A store that remembers what was read, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        if offset == 0:
            self.opened.append(name)
        return super().read(name, offset, length)


@pytest.fixture
def main() -> Recording:
    return Recording()


@pytest.fixture
def replicated(tmp_path: Path, main: Recording) -> Iterator[Replicated]:
    yield from _filled(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path, main)


@pytest.fixture
def on_every_database(tmp_path: Path, index_url: str, main: Recording) -> Iterator[Replicated]:
    yield from _filled(index_url, tmp_path, main)


def _filled(url: str, folder: Path, main: Recording) -> Iterator[Replicated]:
    opened = Replicated(url, folder, main, {"second": Away()}, mirrored=False)
    opened.store(1, 2, 3, 4)
    opened.replicate()
    main.opened.clear()
    yield opened
    opened.close()


def test_a_round_reads_everything_and_says_so(replicated: Replicated, main: Recording) -> None:
    _scrub(replicated, Time())

    found = _round(replicated)
    assert main.opened == replicated.names()
    assert (found.checked, found.damaged, found.is_running) == (4, 0, False)
    assert found.checked_bytes == sum(main.size(name) for name in main.names())
    assert found.last_round_began == found.last_round_ended == BEGUN.isoformat()


def test_the_rate_is_kept(replicated: Replicated) -> None:
    time, rate = Time(), LEAST_COST_BYTES / 10

    _scrub(replicated, time, rate=rate)

    assert time.now == pytest.approx(4 * 10)


def test_the_rate_is_kept_inside_of_a_large_blob() -> None:
    time = Time()
    pace = Pace(1000, lambda: time.now)

    for _ in range(50):
        assert not pace.spend(100, time)
    time.now += 100  # the store was slow: what was not read is not made up for
    for _ in range(50):
        pace.spend(100, time)

    assert time.now == pytest.approx(110, abs=0.2)


def test_it_goes_on_where_it_was_stopped(on_every_database: Replicated, main: Recording) -> None:
    replicated = on_every_database
    rate = LEAST_COST_BYTES / 10

    _scrub(replicated, Time(stop_at=20), rate=rate)
    half = _round(replicated)
    _scrub(replicated, Time(), rate=rate)

    names = replicated.names()
    assert (half.checked, half.is_running) == (1, True)
    assert half.share_done == pytest.approx(int(names[0][:8], 16) / 2**32)
    assert main.opened == [names[0], names[1], *names[1:]]
    assert (_round(replicated).checked, _round(replicated).is_running) == (4, False)


def test_after_a_turn_it_asks_whether_it_still_keeps_house(replicated: Replicated, main: Recording) -> None:
    time, rate = Time(), LEAST_COST_BYTES / 50

    _scrub(replicated, time, rate=rate)

    assert (_round(replicated).checked, time.now) == (3, pytest.approx(150))
    _scrub(replicated, time, rate=rate)
    assert main.opened == replicated.names()
    assert not _round(replicated).is_running


def test_it_stops_at_once(replicated: Replicated, main: Recording) -> None:
    _scrub(replicated, Time(stop_at=0))

    assert main.opened == replicated.names()[:1]
    assert _round(replicated).checked == 0


def test_the_next_round_is_not_begun_before_its_time(replicated: Replicated, main: Recording) -> None:
    _scrub(replicated, Time())
    main.opened.clear()

    _scrub(replicated, Time(), now=BEGUN + REST - timedelta(seconds=1))
    assert main.opened == []

    _scrub(replicated, Time(), now=BEGUN + REST)
    assert main.opened == replicated.names()


def test_damage_is_counted_in_its_round_and_in_the_status(replicated: Replicated) -> None:
    for store in ("", "second"):
        altered(replicated.backend(store), replicated.names()[2])

    _scrub(replicated, Time())

    assert _round(replicated).damaged == 1
    main, second = replicated.archive.stores()
    assert (main.store, main.present, main.bad, main.damaged) == ("main", 3, 1, 1)
    assert (second.store, second.present, second.bad, second.checked) == ("second", 3, 1, 0)
    assert replicated.archive.overview(BEGUN).bad_blobs == {"main": 1, "second": 1}


def test_an_empty_store_is_not_mounted_rather_than_damaged(replicated: Replicated, main: Recording) -> None:
    for name in replicated.names():
        main.delete(name)

    with pytest.raises(OutOfResources, match="is it mounted"):
        _scrub(replicated, Time())

    assert replicated.events(BlobDamaged) == []
    assert (_round(replicated).checked, _round(replicated).is_running) == (0, True)


def test_a_store_that_goes_away_is_gone_on_with(replicated: Replicated, main: Recording) -> None:
    time = Time()
    main.is_away = True
    with pytest.raises(OutOfResources):
        _scrub(replicated, time)
    main.is_away = False

    _scrub(replicated, time)

    assert replicated.events(BlobDamaged) == []
    assert (_round(replicated).checked, _round(replicated).damaged) == (4, 0)


def test_a_round_that_is_kept_is_read_as_it_was(replicated: Replicated) -> None:
    kept = Round("far", "2026-01-31T00:00:00+00:00", b"\x01" * 32 + b"dns", 1, 2, 3, "a", "b")

    replicated.index.rounds.keep(replace(kept, checked=0))
    replicated.index.rounds.keep(kept)

    assert replicated.index.rounds.all()["far"] == kept


def _scrub(replicated: Replicated, time: Time, *, rate: float = FAST, now: datetime = BEGUN) -> None:
    """Scrub the store as a process that has just been started."""
    Scrubber(replicated.archive.healer, "", Pace(rate, lambda: time.now), lambda: now).run(time)


def _round(replicated: Replicated) -> Round:
    return replicated.index.rounds.all()[""]
