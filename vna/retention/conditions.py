"""The conditions of rules: what a profile may ask of a case, and how each is read.

A mapping holds where all of its entries do; a list of values holds where one of them does. `not` holds a mapping that
must not hold, `any` a list of mappings of which one must. A pattern knows `*` and `?`, and ignores case.
"""

import fnmatch
import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

import yaml

from vna.events import FactKind
from vna.retention.anniversaries import age_on
from vna.retention.case import Case
from vna.retention.facts import TRANSFUSION
from vna.retention.nodes import (
    Fields,
    count_of,
    date_of,
    entries,
    flag_of,
    items,
    number_of,
    text_of,
    texts_of,
    word_of,
    wrong,
)
from vna.retention.profile import Codes, Condition, Level
from vna.retention.spans import SPAN_KEYS, span_of

Predicate = Callable[[Case], bool]
"""Says of a case whether something holds."""


class Known(StrEnum):
    """Whether something is known."""

    KNOWN = "known"
    UNKNOWN = "unknown"


class Since(StrEnum):
    """What a death can be compared with."""

    LAST_VISIT = "last_visit"
    STUDY_DATE = "study_date"


PART_KEYS: Final[Mapping[str, frozenset[Level]]] = {
    "slice_thickness": frozenset((Level.SERIES, Level.INSTANCE)),
    "image_type": frozenset((Level.INSTANCE,)),
}
"""Conditions on parts of studies, and the levels of the rules that may use them."""
BIRTH_KEYS: Final = frozenset(("age_at_study", "age_at_last_visit"))
"""Conditions that cannot be answered without a birth date."""


def condition_of(node: yaml.Node | None, *, may_be_empty: bool = False) -> Condition:
    """Return the condition that a mapping says; the one that always holds for None.

    Args:
        may_be_empty: whether lists of values may be empty, as in a rule that is switched off.

    Raises:
        ProfileError: it says none, or one that can never hold.
    """
    if node is None:
        return Condition(_always)
    reader = _Reader(may_be_empty=may_be_empty)
    holds = reader.all_of(node)
    outermost = {key: value for key, _, value in entries(node, "when")}
    _refuse_contradictions(node, outermost)
    event, diagnosis, modality = (outermost.get(key) for key in ("event", "diagnosis", "modality"))
    return Condition(
        holds,
        frozenset(reader.keys),
        frozenset(texts_of(event)) if event else frozenset(),
        _codes(diagnosis) if diagnosis else (),
        frozenset(texts_of(modality)) if modality else frozenset(),
    )


class _Reader:
    """Reads the conditions of one rule, and collects which it has."""

    def __init__(self, *, may_be_empty: bool) -> None:
        self.keys: set[str] = set()
        self._may_be_empty = may_be_empty

    def all_of(self, node: yaml.Node) -> Predicate:
        """Return what holds where every entry of a mapping does."""
        predicates = tuple(self._entry(*each) for each in entries(node, "when"))
        if not predicates:
            raise wrong(node, "a condition without entries: leave it out")
        return predicates[0] if len(predicates) == 1 else _all(predicates)

    def _entry(self, key: str, key_node: yaml.Node, value: yaml.Node) -> Predicate:
        if key == "not":
            return _not(self.all_of(value))
        if key == "any":
            predicates = [self.all_of(each) for each in items(value, "any")]
            if not predicates:
                raise wrong(value, "any of nothing never holds")
            return _any(predicates)
        if key not in _CONDITIONS:
            known = ", ".join(sorted((*_CONDITIONS, "any", "not")))
            raise wrong(key_node, f"unknown condition {key!r}; known are {known}")
        self.keys.add(key)
        if isinstance(value, yaml.SequenceNode) and not value.value and not self._may_be_empty:
            raise wrong(value, f"{key} lists nothing, so the rule can never match")
        return _CONDITIONS[key](value)


def _always(case: Case) -> bool:
    return True


def _all(predicates: tuple[Predicate, ...]) -> Predicate:
    def holds(case: Case) -> bool:
        for predicate in predicates:  # noqa: SIM110 - a generator costs more than all of this, a million times
            if not predicate(case):
                return False
        return True

    return holds


def _any(predicates: list[Predicate]) -> Predicate:
    return lambda case: any(predicate(case) for predicate in predicates)


def _not(predicate: Predicate) -> Predicate:
    return lambda case: not predicate(case)


def _one_of_set(path: str) -> Callable[[yaml.Node], Predicate]:
    """Return the reader of a condition that a set of the case holds one of the listed values."""
    get = attrgetter(path)

    def read(node: yaml.Node) -> Predicate:
        wanted = frozenset(texts_of(node))
        return lambda case: not wanted.isdisjoint(get(case))

    return read


def _one_of(path: str) -> Callable[[yaml.Node], Predicate]:
    """Return the reader of a condition that a text of the case is one of the listed values."""
    get = attrgetter(path)

    def read(node: yaml.Node) -> Predicate:
        wanted = frozenset(texts_of(node))
        return lambda case: get(case) in wanted

    return read


def _like(path: str) -> Callable[[yaml.Node], Predicate]:
    """Return the reader of a condition that a text of the case, or one of a set, is like one of the listed patterns."""
    get: Callable[[Case], Any] = attrgetter(path)

    def read(node: yaml.Node) -> Predicate:
        pattern = re.compile("|".join(fnmatch.translate(text) for text in texts_of(node)) or r"(?!)", re.IGNORECASE)

        def holds(case: Case) -> bool:
            said = get(case)
            return any(map(pattern.match, (said,) if isinstance(said, str) else said))

        return holds

    return read


def _read_codes(node: yaml.Node) -> Predicate:
    wanted = _codes(node)
    return lambda case: any(codes.has(c.system, c.value) for c in case.study.procedure_codes for codes in wanted)


def _read_diagnosis(node: yaml.Node) -> Predicate:
    wanted = _codes(node)
    return lambda case: any(codes.has(fact.system, fact.code) for fact in case.timeline.diagnoses for codes in wanted)


def _codes(node: yaml.Node) -> tuple[Codes, ...]:
    """Return codes: texts of any system, or mappings of a system with values or prefixes, or a list of both."""
    if not isinstance(node, yaml.SequenceNode):
        return (_codes_of(node),)
    return tuple(_codes_of(each) for each in node.value)


def _codes_of(node: yaml.Node) -> Codes:
    if isinstance(node, yaml.ScalarNode):
        return Codes("", frozenset((text_of(node),)))
    fields = Fields(node, "codes", ("system", "values", "prefixes"))
    values, prefixes = fields.get("values"), fields.get("prefixes")
    if values is None and prefixes is None:
        raise wrong(node, "codes need values or prefixes")
    return Codes(
        fields.text("system"),
        frozenset(texts_of(values)) if values else frozenset(),
        tuple(texts_of(prefixes)) if prefixes else (),
    )


def _read_event(node: yaml.Node) -> Predicate:
    wanted = frozenset(texts_of(node))

    def holds(case: Case) -> bool:
        events = case.timeline.events
        return bool(events) and any(event_name(fact.kind, fact.code) in wanted for fact in events)

    return holds


def event_name(kind: FactKind, code: str) -> str:
    """Return the name under which rules ask for an event: that of a flag, or `transfusion`."""
    return TRANSFUSION if kind is FactKind.TRANSFUSION else code


def _read_birth_date(node: yaml.Node) -> Predicate:
    if word_of(node, Known) is Known.KNOWN:
        return lambda case: case.birth is not None
    return lambda case: case.birth is None


def _read_deceased(node: yaml.Node) -> Predicate:
    wanted = flag_of(node)
    return lambda case: (case.timeline.death is not None) is wanted


def _read_death_before(node: yaml.Node) -> Predicate:
    fields = Fields(node, "death_before", ("start", *SPAN_KEYS))
    since, span = word_of(fields.need("start"), Since), span_of(fields)

    def holds(case: Case) -> bool:
        death = case.timeline.death
        if death is None:
            return False
        start = case.last_visit if since is Since.LAST_VISIT else case.study.study_date
        return start is not None and death.date < span.after(start)

    return holds


def _read_age(day_of: Callable[[Case], date | None]) -> Callable[[yaml.Node], Predicate]:
    def read(node: yaml.Node) -> Predicate:
        low, high = _range(node, lambda each: float(count_of(each)))

        def holds(case: Case) -> bool:
            day = day_of(case)
            return day is not None and case.birth is not None and low <= age_on(case.birth, day) < high

        return holds

    return read


def _read_thickness(node: yaml.Node) -> Predicate:
    low, high = _range(node, number_of)
    return lambda case: case.thickness is not None and low <= case.thickness < high


def _range(node: yaml.Node, value_of: Callable[[yaml.Node], float]) -> tuple[float, float]:
    fields = Fields(node, "a range", ("min", "below"))
    low, high = fields.get("min"), fields.get("below")
    if low is None and high is None:
        raise wrong(node, "a range needs min or below")
    bounds = (value_of(low) if low else 0.0, value_of(high) if high else float("inf"))
    if bounds[0] >= bounds[1]:
        raise wrong(node, "nothing lies in this range, so the rule can never match")
    return bounds


def _read_study_date(node: yaml.Node) -> Predicate:
    fields = Fields(node, "study_date", ("from", "before"))
    first, end = fields.get("from"), fields.get("before")
    if first is None and end is None:
        raise wrong(node, "study_date needs from or before")
    low, high = date_of(first) if first else date.min, date_of(end) if end else date.max
    if low >= high:
        raise wrong(node, "no day lies in this range, so the rule can never match")
    return lambda case: case.study.study_date is not None and low <= case.study.study_date < high


def _read_later_examination(node: yaml.Node) -> Predicate:
    """Whether the patient came again within a time of the study, for one of its modalities or those named."""
    fields = Fields(node, "later_examination", ("modality", *SPAN_KEYS))
    modality, span = fields.get("modality"), span_of(fields)
    wanted = frozenset(texts_of(modality)) if modality else None

    def holds(case: Case) -> bool:
        day = case.study.study_date
        if day is None:
            return False
        modalities, end = wanted or case.study.modalities, span.after(day)
        return any(day < each.date <= end and not modalities.isdisjoint(each.modalities) for each in case.examinations)

    return holds


_CONDITIONS: Final[Mapping[str, Callable[[yaml.Node], Predicate]]] = {
    "modality": _one_of_set("study.modalities"),
    "sop_class": _one_of_set("study.sop_classes"),
    "body_part": _like("study.body_parts"),
    "procedure_code": _read_codes,
    "study_description": _like("study.description"),
    "series_description": _like("study.series_descriptions"),
    "station": _like("study.stations"),
    "source": _like("study.sources"),
    "institution": _like("study.institutions"),
    "establishment": _one_of_set("study.establishments"),
    "record_class": _one_of("study.record_class"),
    "study_date": _read_study_date,
    "later_examination": _read_later_examination,
    "sex": _one_of("timeline.sex"),
    "birth_date": _read_birth_date,
    "age_at_study": _read_age(attrgetter("study.study_date")),
    "age_at_last_visit": _read_age(attrgetter("last_visit")),
    "deceased": _read_deceased,
    "death_before": _read_death_before,
    "event": _read_event,
    "diagnosis": _read_diagnosis,
    "slice_thickness": _read_thickness,
    "image_type": _one_of_set("image_type"),
}
_LISTED: Final = ("modality", "sop_class", "establishment", "record_class", "sex", "event", "image_type")


def _refuse_contradictions(node: yaml.Node, outermost: Mapping[str, yaml.Node]) -> None:
    """Refuse what can never hold, as far as that is seen from the outermost entries."""
    birth = outermost.get("birth_date")
    if birth is not None and text_of(birth) == Known.UNKNOWN and BIRTH_KEYS & outermost.keys():
        raise wrong(node, "an age without a birth date: the rule can never match")
    deceased = outermost.get("deceased")
    if deceased is not None and not flag_of(deceased) and "death_before" in outermost:
        raise wrong(node, "a death of somebody alive: the rule can never match")
    excluded = outermost.get("not")
    inner = {key: value for key, _, value in entries(excluded, "not")} if excluded is not None else {}
    for key in _LISTED:
        both = len(inner) == 1 and key in inner and key in outermost
        if both and set(texts_of(outermost[key])) <= set(texts_of(inner[key])):
            raise wrong(node, f"not takes all that {key} lists, so the rule can never match")
