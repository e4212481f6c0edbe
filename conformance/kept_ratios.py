"""Comparing the ratios of a benchmark with those kept from an earlier one: does a change make the node slower?

Only ratios against a peer or a limit of the same run are compared: rates of different machines, or of one
machine on different days, say nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from conformance.figures import Row

TOLERANCE = 0.25
"""Medians of five interleaved pairs differ by this much on a shared machine, though nothing has changed."""


def worse_than_kept(rows: Sequence[Row], kept: Path) -> list[str]:
    """Return a sentence for each ratio that is worse than the kept one by more than the tolerance.

    Raises:
        ValueError: the file holds no figures of a benchmark.
    """
    try:
        before = {row["name"]: row for row in json.loads(kept.read_text())["rows"]}
    except (KeyError, TypeError, json.JSONDecodeError) as exc:
        raise ValueError(f"{kept} holds no figures of a benchmark") from exc
    return [line for row in rows if (line := _verdict(row, before.get(row.name)))]


def _verdict(row: Row, before: dict[str, dict[str, float]] | None) -> str:
    """Return what is worse about a row, or nothing."""
    if row.ratio is None or before is None or before.get("ratio") is None:
        return ""
    was, now = before["ratio"]["median"], row.ratio.median
    smaller_is_better = (row.target is not None and not row.target.at_least) or row.unit.startswith("ms")
    worse = now / was - 1 if smaller_is_better else was / now - 1
    return f"{row.name}: ratio {now:.2f}, was {was:.2f}" if worse > TOLERANCE else ""
