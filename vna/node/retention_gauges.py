"""How retention stands, as gauges: studies by state, those overdue by rule and age, and those that expire soon.

The figures are those found when anything changed last, or when the day began (`vna.archive.retention_figures`): asking
for them reads one row.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric


def retention_gauges(figures: Callable[[], Mapping[str, Any]]) -> Iterator[Metric]:
    """Yield the gauges; without samples while no profile is in force.

    Raises:
        OutOfResources: the index does not answer.
    """
    found = figures()
    states = GaugeMetricFamily("vna_retention_studies", "Studies by where their retention stands.", labels=["state"])
    for state, studies in found.get("states", {}).items():
        states.add_metric([state], studies)
    yield states
    overdue = GaugeMetricFamily(
        "vna_retention_overdue_studies",
        "Studies kept behind their end and neither held nor suspended, by the rule that decides and for how long.",
        labels=["rule", "age"],
    )
    for rule, by_age in found.get("overdue", {}).items():
        for age, studies in by_age.items():
            overdue.add_metric([rule, age], studies)
    yield overdue
    expiring = GaugeMetricFamily(
        "vna_retention_expiring_studies", "Studies whose retention ends within so many days.", labels=["days"]
    )
    for days, studies in found.get("expiring", {}).items():
        expiring.add_metric([days], studies)
    yield expiring
