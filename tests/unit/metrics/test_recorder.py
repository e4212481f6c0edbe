"""Counting: what goes onto the board, and what it is when a process takes another's place."""

import re

import pytest

from vna.metrics import FAMILIES, Board, Counter, Family, Histogram, Metrics, Stage
from vna.metrics.families import IN_PROGRESS, RECEIVED, STAGES


def _values(board: Board) -> dict[tuple[str, ...], tuple[float, ...]]:
    return {series.key: series.values for series in board.series()}


@pytest.fixture
def board() -> Board:
    return Board()


def test_a_counter_adds_up_by_label(board: Board) -> None:
    metrics = Metrics(board)

    metrics.count(RECEIVED, "CT1", "stored")
    metrics.count(RECEIVED, "CT1", "stored", by=2)
    metrics.count(RECEIVED, "MR1", "stored")

    name = RECEIVED.name
    assert _values(board) == {(name, "CT1", "stored"): (3.0,), (name, "MR1", "stored"): (1.0,)}


@pytest.mark.parametrize(("value", "bucket"), [(0.00005, 0), (0.0001, 0), (0.0002, 1), (10.0, 14), (11.0, 15)])
def test_an_observation_is_in_the_first_bucket_that_holds_it(board: Board, value: float, bucket: int) -> None:
    Metrics(board).observe(STAGES, value, Stage.SCAN)

    total, *counts = _values(board)[STAGES.name, "scan"]
    assert total == value
    assert [number for number, count in enumerate(counts) if count] == [bucket]
    assert len(counts) == len(STAGES.buckets) + 1


def test_a_block_is_timed_unless_it_fails(board: Board) -> None:
    metrics = Metrics(board)

    with metrics.timed(STAGES, Stage.SCAN):
        pass
    with pytest.raises(ZeroDivisionError), metrics.timed(STAGES, Stage.SCAN):
        raise ZeroDivisionError

    assert sum(_values(board)[STAGES.name, "scan"][1:]) == 1


def test_what_was_under_way_in_a_dead_process_is_not_any_more(board: Board) -> None:
    dead = Metrics(board)
    dead.change(IN_PROGRESS, "c-store", by=1)
    dead.count(RECEIVED, "CT1", "stored")

    Metrics(board)

    assert _values(board) == {(IN_PROGRESS.name, "c-store"): (0.0,), (RECEIVED.name, "CT1", "stored"): (1.0,)}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_follow_the_conventions_of_prometheus(family: Family) -> None:
    assert re.fullmatch(r"vna_[a-z]+(_[a-z]+)*", family.name)
    assert family.name.endswith("_total") == isinstance(family, Counter)
    assert family.help.endswith(".")
    assert not {"le", "job", "instance"} & set(family.labels)
    if isinstance(family, Histogram):
        assert family.name.endswith(("_seconds", "_bytes"))
        assert list(family.buckets) == sorted(set(family.buckets))


def test_no_two_families_have_one_name() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
