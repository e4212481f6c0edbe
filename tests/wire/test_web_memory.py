"""A large study goes out to slow clients with little memory, and what they leave behind is freed."""

from pathlib import Path

import pytest

from conformance.measures_web import measure_web_memory
from conformance.side_by_side import Plan


@pytest.mark.long
def test_a_worker_serves_two_gigabytes_to_four_slow_clients_in_bounded_memory(tmp_path: Path) -> None:
    largest, before, given = measure_web_memory(Plan(tmp_path, None, big_bytes=1_000_000_000))

    assert given.ours.median > 100
    assert largest.ours.median < 400, f"{largest.ours.median:.0f} MB, {before.ours.median:.0f} MB before"
