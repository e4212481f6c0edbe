"""Prometheus' own parser reads what is told, and it adds up."""

import os
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from vna.archive import Counts, Overview, Space
from vna.errors import OutOfResources
from vna.index import ClockJump
from vna.metrics import Board, Metrics, Stage
from vna.metrics.families import FAMILIES, IN_PROGRESS, PID, RECEIVED, STAGES
from vna.node.exposition import Exposition, counted
from vna.node.watch import Watch

OVERVIEW = Overview(
    Counts(1, 2, 3, 4, 0, 600, 300, 0, 9), (), (), Space(50, 100, 10), None, None, {"main": 0, "far": 2}
)


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in plain_text(text)
        for sample in family.samples
    }


def _render(overview=lambda: OVERVIEW, *, ready: bool = True, accept: str = "") -> tuple[str, str]:
    text, content_type = Exposition(Watch(1), overview, lambda: ready, pid=os.getpid()).render(accept)
    return text.decode(), content_type


def test_histograms_are_cumulative_and_sum_up_over_boards() -> None:
    boards = [Board(), Board()]
    for board, seconds in zip(boards, (0.0002, 3.0), strict=True):
        Metrics(board).observe(STAGES, seconds, Stage.COMMIT)

    (family,) = [
        each for each in counted([series for board in boards for series in board.series()]) if each.name == STAGES.name
    ]

    values = {(sample.name, sample.labels.get("le")): sample.value for sample in family.samples}
    assert values[f"{STAGES.name}_bucket", "0.0001"] == 0
    assert values[f"{STAGES.name}_bucket", "0.00025"] == 1
    assert values[f"{STAGES.name}_bucket", "2.5"] == 1
    assert values[f"{STAGES.name}_bucket", "10.0"] == 2
    assert values[f"{STAGES.name}_bucket", "+Inf"] == values[f"{STAGES.name}_count", None] == 2
    assert values[f"{STAGES.name}_sum", None] == pytest.approx(3.0002)


def test_counters_and_gauges_sum_up_over_boards() -> None:
    boards = [Board(), Board()]
    for board in boards:
        metrics = Metrics(board)
        metrics.count(RECEIVED, "CT1", "stored")
        metrics.change(IN_PROGRESS, "c-find", by=1)

    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in counted([series for board in boards for series in board.series()])
        for sample in family.samples
    }

    assert found == {(RECEIVED.name, "CT1", "stored"): 2, (IN_PROGRESS.name, "c-find"): 2}


def test_the_archive_the_build_and_the_process_are_told() -> None:
    found = _samples(_render()[0])

    assert found["vna_journal_position", ()] == 9
    assert found["vna_store_free_bytes", ()] == 50
    assert found["vna_store_total_bytes", ()] == 100
    assert found["vna_store_kept_free_bytes", ()] == 10
    assert found["vna_archive_instances", ()] == 4
    assert found["vna_bad_blobs", (("store", "far"),)] == 2
    assert found["vna_ready", ()] == found["vna_index_up", ()] == 1
    assert found["process_resident_memory_bytes", ()] > 0
    assert any(name == "vna_build_info" and value == 1 for (name, _), value in found.items())


def test_without_its_index_the_rest_is_told() -> None:
    def unreachable() -> Overview:
        raise OutOfResources("the index is unreachable")

    found = _samples(_render(unreachable, ready=False)[0])

    assert found["vna_index_up", ()] == found["vna_ready", ()] == 0
    assert found["vna_worker_up", (("worker", "1"),)] == 0
    assert ("vna_journal_position", ()) not in found


def test_every_family_is_there_from_the_start() -> None:
    text, content_type = _render()

    assert content_type.startswith("text/plain")
    for family in FAMILIES:
        assert (f"# HELP {family.name} " in text) == (family is not PID)


def test_open_metrics_for_who_asks_for_it() -> None:
    text, content_type = _render(accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")

    assert content_type.startswith("application/openmetrics-text")
    assert any(family.name == "vna_journal_position" for family in open_metrics(text))


@pytest.mark.parametrize(("jump", "trusted"), [(None, 1), (ClockJump(1, "2026-01-01", "2031-01-01"), 0)])
def test_whether_the_clock_is_trusted_is_told(jump: ClockJump | None, trusted: int) -> None:
    text, _ = _render(lambda: replace(OVERVIEW, clock_jump=jump))

    assert _samples(text)["vna_clock_trusted", ()] == trusted
