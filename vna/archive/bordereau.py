"""The bordereau: the list of what is proposed to go, frozen, and what it is described with before anybody decides.

The **list** is an array with a line for each item, in order:

    [study UID, series UID or null, instance UID or null, [ids of the rules whose time is over],
     last day it must be kept, number of instances, bytes as received]

Its digest is the SHA-256 of its canonical JSON (vna.archive.certificates). The **description** is an object beside it:
by which profile and on which day, the rules with their citations, establishments and departments, how many studies of
which modality, the first and last study date, how many patients, studies, instances and bytes; a line for each item
(modalities, study date, establishments, departments, patients as numbers within this list); and what was left out, with
why. It names no patient.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from vna.archive.certificates import digest_of
from vna.events import EliminationItem
from vna.index import ItemContent
from vna.model import InstanceUID, Scope, SeriesUID, StudyUID
from vna.retention import Blocker, PartVerdict, Profile, State, Verdict

MOST_ITEMS: Final = 10_000
MOST_OBJECTS: Final = 200_000
"""How many objects a certificate lists at most; an elimination of more is several."""
ACCEPTABLE: Final = frozenset({Blocker.BASIS, Blocker.UNVERIFIED})
"""What stands against an automatic elimination, and a person may take on who proposes: everything else stays."""

HELD: Final = "hold"
"""The cause of what a hold keeps."""

_MOST_EXCLUDED = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a proposal is about: all that is due, or what of it has these; `before` is a date its time was over by.

    `accepted` are blockers of an automatic elimination that who proposes takes on: of ACCEPTABLE alone.
    """

    modality: str = ""
    establishment: str = ""
    before: date | None = None
    limit: int = MOST_ITEMS
    accepted: frozenset[Blocker] = frozenset()

    def filters(self) -> dict[str, Any]:
        """Return what was asked for, as the description tells it."""
        before = self.before.isoformat() if self.before else ""
        return {"modality": self.modality, "establishment": self.establishment, "before": before, "limit": self.limit}


@dataclass(frozen=True, slots=True)
class Due:
    """What may be proposed: a study, or a part of one that a rule of its own lets go; `holds` over it keep it."""

    scope: Scope
    rules: tuple[str, ...]
    retain_until: date
    state: State
    holds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """An item of the list with what it holds."""

    item: EliminationItem
    content: ItemContent


@dataclass(slots=True)
class Draft:
    """A list in the making: its lines, and what was left out of it, with why."""

    lines: list[Line] = field(default_factory=list)
    excluded: list[dict[str, Any]] = field(default_factory=list)
    objects: int = 0

    def leave_out(self, due: Due, cause: str) -> None:
        """Note that something whose time is over is not proposed."""
        if len(self.excluded) < _MOST_EXCLUDED:
            told = {"study": due.scope.study, "series": due.scope.series, "instance": due.scope.instance}
            until = due.retain_until.isoformat()
            self.excluded.append({**told, "cause": cause, "holds": list(due.holds), "retain_until": until})

    def take(self, due: Due, content: ItemContent) -> bool:
        """Put an item on the list; return whether there was room for it."""
        if self.objects + content.instances > MOST_OBJECTS:
            return False
        until = due.retain_until.isoformat()
        self.lines.append(Line(EliminationItem(due.scope, due.rules, until, content.instances, content.size), content))
        self.objects += content.instances
        return True


def over(verdict: Verdict) -> Iterator[Due]:
    """Yield what of a study is past its time, whatever stands against it: all of it, or parts."""
    if _is_over(verdict.retain_until, verdict.state, verdict.on):
        assert verdict.retain_until is not None  # noqa: S101 - for the type checker
        yield Due(
            Scope(StudyUID(verdict.study_uid)), verdict.counting, verdict.retain_until, verdict.state, verdict.holds
        )
        return
    for part in verdict.parts:
        if part.retain_until is not None and _is_over(part.retain_until, part.state, verdict.on):
            instance = None if part.instance_uid is None else InstanceUID(part.instance_uid)
            scope = Scope(StudyUID(verdict.study_uid), SeriesUID(part.series_uid), instance)
            yield Due(scope, _counting(part), part.retain_until, part.state, part.holds)


def may_go(verdict: Verdict, scope: Scope, accepted: Iterable[str]) -> str:
    """Say why something may not go by a verdict on its study; nothing where it may.

    Args:
        accepted: blockers that who proposed it took on.
    """
    found = next((due for due in over(verdict) if due.scope == scope or due.scope == Scope(scope.study)), None)
    if found is None:
        return "not-due"
    return "" if is_free(verdict, found, frozenset(accepted)) else cause_of(found)


def cause_of(due: Due) -> str:
    """Say in a word what keeps something whose time is over."""
    return HELD if due.holds or due.state is State.HELD else due.state.value


def is_free(verdict: Verdict, due: Due, accepted: frozenset[str]) -> bool:
    """Return whether nothing stands against a proposal but what is accepted."""
    if due.holds or due.state in (State.HELD, State.SUSPENDED):
        return False
    return due.state is State.DUE or set(_blockers(verdict, due.scope)) <= (accepted & ACCEPTABLE)


def list_of(items: Sequence[EliminationItem]) -> list[list[Any]]:
    """Return the list, whose digest is decided on."""
    return [
        [
            item.scope.study,
            item.scope.series,
            item.scope.instance,
            list(item.rules),
            item.retain_until,
            item.instances,
            item.size,
        ]
        for item in items
    ]


def list_digest(items: Sequence[EliminationItem]) -> str:
    """Return the digest of the list."""
    return digest_of(list_of(items))


def describe(draft: Draft, profile: Profile, on: date, wanted: Wanted) -> dict[str, Any]:
    """Return the description of a list."""
    numbers: dict[int, int] = {}
    for line in draft.lines:
        for patient in line.content.patients:
            numbers.setdefault(patient, len(numbers) + 1)
    verified = profile.verified
    rules = sorted({rule for line in draft.lines for rule in line.item.rules})
    dates = sorted(line.content.study_date for line in draft.lines if line.content.study_date)
    return {
        "format": "vna-bordereau",
        "version": 1,
        "on": on.isoformat(),
        "profile": {
            "name": profile.name,
            "version": profile.version,
            "jurisdiction": profile.jurisdiction,
            "verified_by": verified.by if verified else "",
            "verified_on": verified.on.isoformat() if verified else "",
        },
        "approvals": [{"role": each.role, "kind": each.kind.value} for each in profile.elimination.approvals],
        "filters": wanted.filters(),
        "rules": [{"id": rule, "cite": profile.cite(rule)} for rule in rules],
        "establishments": _all(line.content.institutions for line in draft.lines),
        "departments": _all(line.content.departments for line in draft.lines),
        "typology": _typology(draft.lines),
        "dates": [dates[0], dates[-1]] if dates else [],
        **_counts(draft, len(numbers)),
        "lines": [_told(line.content, numbers) for line in draft.lines],
        "excluded": draft.excluded,
    }


def _counts(draft: Draft, patients: int) -> dict[str, int]:
    return {
        "patients": patients,
        "studies": len({line.item.scope.study for line in draft.lines}),
        "items": len(draft.lines),
        "instances": draft.objects,
        "size": sum(line.item.size for line in draft.lines),
    }


def _told(content: ItemContent, numbers: Mapping[int, int]) -> list[Any]:
    patients = [numbers[patient] for patient in content.patients]
    where = [list(content.institutions), list(content.departments)]
    return [list(content.modalities), content.study_date, *where, patients]


def _typology(lines: Sequence[Line]) -> dict[str, int]:
    """Return how many items there are of each kind, such as CT or CT+SR."""
    kinds: dict[str, int] = {}
    for line in lines:
        kind = "+".join(line.content.modalities) or "?"
        kinds[kind] = kinds.get(kind, 0) + 1
    return dict(sorted(kinds.items()))


def _all(groups: Iterable[Sequence[str]]) -> list[str]:
    return sorted({value for group in groups for value in group})


def _is_over(until: date | None, state: State, on: date) -> bool:
    """Return whether the last day is behind; where time stands still it is not."""
    return until is not None and until < on and state is not State.RETAINED


def _blockers(verdict: Verdict, scope: Scope) -> tuple[Blocker, ...]:
    if scope.series is None:
        return verdict.blockers
    parts = (part for part in verdict.parts if _is_part(part, scope))
    return next((part.blockers for part in parts), verdict.blockers)


def _is_part(part: PartVerdict, scope: Scope) -> bool:
    return part.series_uid == scope.series and part.instance_uid == scope.instance


def _counting(part: PartVerdict) -> tuple[str, ...]:
    return tuple(match.rule for match in part.rules if not match.replaced_by)
