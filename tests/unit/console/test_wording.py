"""Numbers in words that people use."""

from dataclasses import replace

import pytest

from vna.archive import Counts, Intake, Overview, Space
from vna.console import wording

COUNTS = Counts(1, 1, 2, 1000, 0, 3000, 1000, 0, 0)
ROOM = Space(free=50_000_000, total=100_000_000, kept_free=1_000_000)
OVERVIEW = Overview(COUNTS, (), (), ROOM, 1_000_000.0, 49.0)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_500_000, "1.5 MB"),
        (2e15, "2.0 PB"),
        (2e18, "2000.0 PB"),
    ],
)
def test_sizes_are_in_the_unit_one_would_choose(count: float, text: str) -> None:
    assert wording.size(count) == text


def test_counts_have_their_nouns() -> None:
    assert wording.held(COUNTS) == "1 patient, 1 study, 2 series, 1,000 instances"


@pytest.mark.parametrize(
    ("overview", "text"),
    [
        (OVERVIEW, "At the rate of the last 7 days (1.0 MB a day) the space lasts for 49 days."),
        (replace(OVERVIEW, days_left=1.9), "lasts for 1 day."),
        (replace(OVERVIEW, days_left=1e6), "more than ten years"),
        (replace(OVERVIEW, bytes_per_day=None, days_left=None), "no telling before a day has passed"),
        (replace(OVERVIEW, bytes_per_day=0.0, days_left=None), "nothing new was stored"),
        (replace(OVERVIEW, space=Space(10, 100, 10)), "used up"),
        (replace(OVERVIEW, space=None), "knows no limit"),
    ],
    ids=["days", "one day", "years", "too early", "no growth", "full", "no limit"],
)
def test_how_long_the_space_lasts(overview: Overview, text: str) -> None:
    assert text in wording.outlook(overview)


def test_a_source_that_sent_nothing_today_is_told_by_a_dash() -> None:
    overview = replace(
        OVERVIEW, week=(Intake("CT1", 2, 3000, 1), Intake("MR1", 1, 10, 1)), today=(Intake("MR1", 1, 10, 1),)
    )

    assert wording.by_source(overview) == [
        ("CT1", "-", "2 instances, 3.0 kB"),
        ("MR1", "1 instance, 10 bytes", "1 instance, 10 bytes"),
    ]
