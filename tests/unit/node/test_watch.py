"""What processes complain of is gathered by kind, and workers are known by their boards."""

import logging
import os
from collections.abc import Iterator

import pytest

from forking import in_child
from vna.metrics.families import OPEN
from vna.node.watch import NODE, Watch

log = logging.getLogger("vna.test")


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch(2)
    yield made
    made.leave()


def _reject(*callers: str) -> None:
    for caller in callers:
        log.warning("association rejected calling=%s", caller)


def test_complaints_are_counted_by_kind_over_all_processes(watch: Watch) -> None:
    def worker() -> None:
        watch.take(1)
        _reject("B", "C")

    watch.take(NODE)
    _reject("A")
    log.error("commit failed reason=%s", "disk full")
    log.info("all is well")
    in_child(worker)

    latest, *others = watch.complaints()

    assert (latest.event, latest.count, latest.level, latest.text) == (
        "association rejected",
        3,
        "warning",
        "association rejected calling=C",
    )
    assert [each.text for each in others] == ["commit failed reason=disk full"]


def test_nothing_is_noted_after_leaving(watch: Watch) -> None:
    watch.take(NODE)
    watch.leave()

    _reject("A")

    assert watch.complaints() == ()


def test_a_worker_is_known_by_its_process_and_its_starts(watch: Watch) -> None:
    def work() -> None:
        watch.take(1).change(OPEN, by=2)

    in_child(work)
    last = in_child(work)
    watch.take(2).change(OPEN, by=1)

    first, second = watch.workers()

    assert (first.number, first.pid, first.alive, first.starts) == (1, last, False, 2)
    assert (second.pid, second.alive, second.associations, second.starts) == (os.getpid(), True, 1, 1)


def test_a_worker_that_has_not_begun_is_not_alive(watch: Watch) -> None:
    assert [worker.alive for worker in watch.workers()] == [False, False]
