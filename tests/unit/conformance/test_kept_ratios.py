"""A change that makes the node slower against its peer is seen; a faster machine is not mistaken for one."""

import json
from pathlib import Path

import pytest

from conformance.figures import Row, Spread, Target, as_json
from conformance.kept_ratios import worse_than_kept


def row(ratio: float | None, *, name: str = "C-STORE", target: Target | None = None, unit: str = "instances/s") -> Row:
    spread = None if ratio is None else Spread(ratio, ratio, ratio)
    return Row(name, unit, Spread(100, 90, 110), Spread(100, 90, 110), spread, target, judged_ratio=True)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    rows = [
        row(1.2, target=Target(1.2, at_least=True)),
        row(0.6, name="stored", target=Target(0.65, at_least=False), unit="MB"),
        row(0.5, name="query", unit="ms p50"),
        row(None, name="alone"),
    ]
    path = tmp_path / "kept.json"
    path.write_text(json.dumps({"rows": as_json(rows)}))
    return path


def test_ratios_within_the_tolerance_pass(kept: Path) -> None:
    rows = [row(1.0), row(0.7, name="stored", target=Target(0.65, at_least=False)), row(None, name="alone")]

    assert worse_than_kept(rows, kept) == []


def test_a_smaller_rate_and_a_larger_size_or_time_are_named(kept: Path) -> None:
    rows = [
        row(0.9),
        row(0.8, name="stored", target=Target(0.65, at_least=False)),
        row(0.7, name="query", unit="ms p50"),
    ]

    assert worse_than_kept(rows, kept) == [
        "C-STORE: ratio 0.90, was 1.20",
        "stored: ratio 0.80, was 0.60",
        "query: ratio 0.70, was 0.50",
    ]


def test_what_was_not_kept_is_not_judged(kept: Path) -> None:
    assert worse_than_kept([row(0.1, name="new"), row(0.1, name="alone")], kept) == []


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("[]")

    with pytest.raises(ValueError, match="no figures of a benchmark"):
        worse_than_kept([], path)
