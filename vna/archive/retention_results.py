"""What is written down of a verdict, so that what is due and what expires is known without evaluating everything."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from vna.archive.retention_gathering import StudyCase
from vna.index import Computed
from vna.retention import State, Verdict

NOT_OVERDUE: Final = (State.HELD.value, State.SUSPENDED.value)
"""States in which something is kept rightly behind its end."""


def computed(case: StudyCase, verdict: Verdict, profile: int, position: int) -> Computed:
    """Return the row that says what a verdict says, by the profile of this number, at a journal position."""
    ends = [verdict.retain_until, *(part.retain_until for part in verdict.parts)]
    known = [end for end in ends if end is not None]
    return Computed(
        study_id=case.study_id,
        retain_until=iso(verdict.retain_until),
        first_end=iso(min(known, default=None)),
        state=verdict.state.value,
        basis=verdict.basis.value,
        rules=" ".join(deciding_first(verdict)),
        holds=" ".join(map(str, verdict.holds)),
        modality=case.modality,
        profile=profile,
        computed_at=position,
        computed_on=verdict.on.isoformat(),
    )


def deciding_first(verdict: Verdict) -> Sequence[str]:
    """Return the ids of the rules that count, those that end last first: the first one decides."""
    counting = [match for match in verdict.rules if not match.replaced_by]
    if len(counting) < 2:
        return [match.rule for match in counting]
    return [match.rule for match in sorted(counting, key=lambda match: match.until or date.max, reverse=True)]


def iso(day: date | None) -> str:
    """Return a day in ISO 8601, empty for none."""
    return "" if day is None else day.isoformat()
