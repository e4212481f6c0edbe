"""Retention in figures: how many studies stand where, which are overdue by which rule and how long, which expire soon.

Overdue is what is kept behind its end, and neither held nor suspended: to keep it any longer needs a reason, too (GDPR
Article 5(1)(e)).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from vna.archive.retention_results import NOT_OVERDUE
from vna.index import RetentionTable

EXPIRING_DAYS: Final = (30, 90, 365)
"""Within so many days something expires soon; each counts what the one before counts, too."""
AGES: Final = (("30d", 30), ("90d", 90), ("365d", 365), ("older", None))
"""How long something is overdue: up to so many days, counted once each."""


def figures(table: RetentionTable, today: date) -> Mapping[str, Any]:
    """Return the figures of a day: `states`, `overdue` by rule and age, `expiring` within days; JSON can hold them."""
    return {
        "day": today.isoformat(),
        "states": table.by_state(),
        "overdue": overdue_by_rule(table, today),
        "expiring": {str(days): studies for days, studies in expiring_within(table, today).items()},
    }


def overdue_by_rule(table: RetentionTable, today: date) -> dict[str, dict[str, int]]:
    """Return how many studies are overdue on a day, by the rule that decides, and by age."""
    found: dict[str, dict[str, int]] = {}
    end = today
    for age, days in AGES:
        first = date.min if days is None else today - timedelta(days=days)
        counted = table.ending_by_rules(first.isoformat(), end.isoformat(), left_alone=NOT_OVERDUE)
        for rules, studies in counted.items():
            of_rule = found.setdefault(rules.partition(" ")[0], {})
            of_rule[age] = of_rule.get(age, 0) + studies
        end = first
    return found


def expiring_within(table: RetentionTable, today: date) -> dict[int, int]:
    """Return how many studies end within so many days from a day on, by these."""
    ends = {days: (today + timedelta(days=days)).isoformat() for days in EXPIRING_DAYS}
    return {days: table.ending(today.isoformat(), end, left_alone=NOT_OVERDUE) for days, end in ends.items()}
