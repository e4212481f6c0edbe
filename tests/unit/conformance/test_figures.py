"""Figures: medians, pairs, and whether a target is met."""

import json

import pytest

from conformance.figures import Row, Spread, Target, as_json, paired, print_table


def test_a_spread_is_the_median_between_the_extremes() -> None:
    assert Spread.of([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)


def test_pairs_are_compared_run_by_run() -> None:
    assert paired([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == Spread(2.0, 1.0, 3.0)
    assert paired([2.0], []) is None


@pytest.mark.parametrize(
    ("ours", "ratio", "target", "judged_ratio", "met"),
    [
        (400, 1.3, Target(1.2, at_least=True), True, True),
        (400, 1.1, Target(1.2, at_least=True), True, False),
        (3.4, 9.0, Target(3.5, at_least=False), False, True),
        (3.6, 0.1, Target(3.5, at_least=False), False, False),
        (400, None, Target(1.2, at_least=True), True, None),
        (400, 1.0, None, False, None),
    ],
)
def test_a_target_is_judged_by_the_median(
    ours: float, ratio: float | None, target: Target | None, judged_ratio: bool, met: bool | None
) -> None:
    spread = Spread.of([ratio]) if ratio else None

    row = Row("x", "y", Spread.of([ours]), None, spread, target, judged_ratio)

    assert row.met is met


def test_the_table_says_what_missed_its_target(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("C-STORE", "ms", Spread.of([4.0]), target=Target(3.5, at_least=False))]

    print_table(rows)

    assert "MISSED" in capsys.readouterr().out
    assert json.loads(json.dumps(as_json(rows)))[0]["met"] is False
