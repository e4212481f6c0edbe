"""What Prometheus is told of retention, out of the figures of the archive."""

import os

from prometheus_client.parser import text_string_to_metric_families

from vna.archive import Counts, Overview
from vna.errors import OutOfResources
from vna.node.exposition import Exposition
from vna.node.retention_gauges import retention_gauges
from vna.node.watch import Watch

OVERVIEW = Overview(Counts(1, 2, 3, 4, 0, 600, 300, 0, 9), (), (), None, None, None, {})
FIGURES = {
    "day": "2026-11-22",
    "states": {"due": 2, "held": 1},
    "overdue": {"FR-BASE-20": {"30d": 1, "older": 1}},
    "expiring": {"30": 0, "90": 4, "365": 9},
}


def test_figures_become_gauges() -> None:
    found = {
        (sample.name.removeprefix("vna_retention_"), *sample.labels.values()): sample.value
        for metric in retention_gauges(lambda: FIGURES)
        for sample in metric.samples
    }

    assert found == {
        ("studies", "due"): 2,
        ("studies", "held"): 1,
        ("overdue_studies", "FR-BASE-20", "30d"): 1,
        ("overdue_studies", "FR-BASE-20", "older"): 1,
        ("expiring_studies", "30"): 0,
        ("expiring_studies", "90"): 4,
        ("expiring_studies", "365"): 9,
    }


def test_they_are_scraped_with_all_others_and_an_index_that_is_away_ends_no_scrape() -> None:
    def away() -> dict[str, object]:
        raise OutOfResources("away")

    answers = [
        Exposition(
            Watch(1), lambda: OVERVIEW, lambda: True, pid=os.getpid(), gauges=[lambda f=figures: retention_gauges(f)]
        )
        .render("")[0]
        .decode()
        for figures in (lambda: FIGURES, away)
    ]

    told = [{family.name: family for family in text_string_to_metric_families(answer)} for answer in answers]
    assert len(told[0]["vna_retention_overdue_studies"].samples) == 2
    assert told[1]["vna_index_up"].samples[0].value == 0
    assert "vna_retention_studies" not in told[1]
