"""A load keeps to its pace."""

import threading
import time

from conformance.pace import Beats, Pace


def test_a_load_ends_after_its_repetitions_however_many_ask() -> None:
    beats = Beats(Pace(repetitions=50))
    given = []

    def ask() -> None:
        while beats.wait():
            given.append(1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(given) == 50


def test_a_load_ends_after_its_duration_at_its_rate() -> None:
    beats = Beats(Pace(rate=100, duration_s=0.2))
    begin = time.perf_counter()

    given = 0
    while beats.wait():
        given += 1

    assert given == 20
    assert 0.19 <= time.perf_counter() - begin < 5


def test_a_pace_is_shared_by_several_processes() -> None:
    assert Pace(rate=10, duration_s=3, repetitions=5).shared_by(4) == Pace(rate=2.5, duration_s=3, repetitions=2)
