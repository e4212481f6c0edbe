"""When a peer that is sent instances counts as standing still."""

import pytest

from vna.dimse import pace
from vna.dimse.pace import Pace


class _Clock:
    """Time and confirmed bytes as a test sets them."""

    def __init__(self) -> None:
        self.now, self.acknowledged = 1000.0, 0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """A clock that stands until a test moves it."""
    clock = _Clock()
    monkeypatch.setattr(pace.time, "monotonic", clock.monotonic)
    return clock


def _pace(clock: _Clock) -> Pace:
    return Pace(60, lambda: clock.acknowledged)


def test_a_peer_whose_turn_it_is_not_does_not_stand_still(clock: _Clock) -> None:
    watched = _pace(clock)

    clock.now += 1000

    assert not watched.stands_still()


def test_a_peer_that_confirms_nothing_stands_still_after_its_time(clock: _Clock) -> None:
    watched = _pace(clock)
    watched.run()
    found = []

    for _ in range(2):
        clock.now += 40
        found.append(watched.stands_still())

    assert found == [False, True]


@pytest.mark.parametrize(("bytes_a_second", "stands_still"), [(1, True), (500, True), (1100, False), (10**6, False)])
def test_a_peer_may_be_slow_but_not_that_slow(clock: _Clock, bytes_a_second: int, stands_still: bool) -> None:
    watched = _pace(clock)
    watched.run()
    found = []

    for _ in range(180):
        clock.now += 1
        clock.acknowledged += bytes_a_second
        found.append(watched.stands_still())

    assert any(found) is stands_still


def test_each_instance_begins_anew(clock: _Clock) -> None:
    watched = _pace(clock)
    found = []

    for _ in range(5):
        watched.run()
        clock.now += 50
        found.append(watched.stands_still())
        watched.stop()

    assert not any(found)


def test_the_clock_stands_while_a_chunk_is_made(clock: _Clock) -> None:
    watched = _pace(clock)
    found = []

    def chunks():  # type: ignore[no-untyped-def]
        for chunk in (b"one", b"two"):
            clock.now += 1000
            found.append(watched.stands_still())
            yield chunk

    sent = list(watched.watched(chunks()))
    clock.now += 61

    assert sent == [b"one", b"two"]
    assert found == [False, False]
    assert watched.stands_still()
