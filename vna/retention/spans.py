"""Reading spans of time out of YAML: years, months, days."""

from typing import Final

from vna.retention.anniversaries import Span
from vna.retention.nodes import Fields, wrong

SPAN_KEYS: Final = ("years", "months", "days")
"""The keys of a mapping that say how long something is."""


def span_of(fields: Fields) -> Span:
    """Return the span that a mapping says, which may say other things beside.

    Raises:
        ProfileError: it says none.
    """
    span = Span(*(fields.count(key, 0) for key in SPAN_KEYS))
    if span == Span():
        raise wrong(fields.node, "a time longer than nothing is needed: years, months or days")
    return span
