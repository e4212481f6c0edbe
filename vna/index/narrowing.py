"""Matching keys as SQL conditions that let every match through, and as little else as is cheap.

SQL only narrows; `vna.dicom.matching` decides. So a condition here may accept too much (case, form
of a time, trailing spaces), never too little.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement, and_, or_, select

from vna.dicom.attributes import BY_KEYWORD, Attribute, Level, Storage
from vna.dicom.matching import ListOfUID, Matcher, Range, SingleValue, WildCard, fold, like_pattern
from vna.index import tables

_EXACT_VRS = frozenset({"AE", "CS", "LO", "SH", "UI"})
_NAMED_BY = {
    "StudyInstanceUID": tables.study.c.study_uid,
    "SeriesInstanceUID": tables.series.c.series_uid,
    "SOPInstanceUID": tables.version.c.sop_instance_uid,
    "SOPClassUID": tables.version.c.sop_class_uid,
}
_ESCAPE = "\\"
_LAST = "\U0010ffff"
"""Sorts behind all that may follow a prefix."""

Condition = ColumnElement[bool]


def conditions(keys: Mapping[str, Matcher]) -> list[Condition]:
    """Return the conditions that narrow a query with these matching keys."""
    found: list[Condition] = []
    for keyword, matcher in keys.items():
        attribute = BY_KEYWORD.get(keyword)
        condition = None if attribute is None else _condition(attribute, matcher)
        if condition is not None:
            found.append(condition)
    return found


def _condition(attribute: Attribute, matcher: Matcher) -> Condition | None:
    if attribute.storage is Storage.TERM:
        return _by_term(attribute, matcher)
    if attribute.storage is Storage.COLUMN:
        return _by_column(attribute, _column(attribute), matcher)
    computed = _COMPUTED.get(attribute.keyword)
    return None if computed is None else computed(matcher)


def _column(attribute: Attribute) -> ColumnElement[str]:
    named = _NAMED_BY.get(attribute.keyword)
    if named is not None:
        return named
    if attribute.level in (Level.PATIENT, Level.STUDY):
        return tables.study_record.c[attribute.keyword]
    record = tables.series_record if attribute.level is Level.SERIES else tables.version
    return record.c[attribute.keyword]


def _by_column(attribute: Attribute, column: ColumnElement[str], matcher: Matcher) -> Condition | None:
    match matcher:
        case SingleValue(value) if attribute.vr in _EXACT_VRS:
            return column == value
        case SingleValue(value) if attribute.vr == "DA":
            return column == value
        case ListOfUID(values):
            return column.in_(list(values))
        case WildCard(pattern) if attribute.vr in _EXACT_VRS:
            return _like(column, pattern)
        case Range(low, high) if attribute.vr == "DA":
            return _between(column, low, high)
    return None


def _between(column: ColumnElement[str], low: str | None, high: str | None) -> Condition:
    """A range of dates; an empty date matches none (PS3.4 C.2.2.2.5)."""
    limits = [column != ""]
    if low:
        limits.append(column >= low)
    if high:
        limits.append(column <= high)
    return and_(*limits)


def _by_term(attribute: Attribute, matcher: Matcher) -> Condition | None:
    record = tables.study_record if attribute.level in (Level.PATIENT, Level.STUDY) else tables.series_record
    column = record.c[tables.term_column(attribute.keyword)]
    form = tables.term_form
    match matcher:
        case SingleValue(value) | WildCard(value):
            groups = value.split("=") if attribute.vr == "PN" else [value]
            folded = [form for form in map(fold, groups) if form]
        case _:
            return None
    if not folded:
        return None
    forms = [_form_condition(form_key, wild=isinstance(matcher, WildCard)) for form_key in folded]
    matching = select(form.c.term_id).where(form.c.attribute == attribute.keyword, or_(*forms))
    return column.in_(matching)


def _form_condition(folded: str, *, wild: bool) -> Condition:
    column = tables.term_form.c.folded
    return _like(column, folded) if wild else column == folded


def _like(column: ColumnElement[str], pattern: str) -> Condition:
    """Compare with a pattern; what stands before its first wild card is a range of the index."""
    prefix = pattern.replace("?", "*").split("*", 1)[0]
    like = column.like(like_pattern(pattern), escape=_ESCAPE)
    if not prefix:
        return like
    return and_(column >= prefix, column < prefix + _LAST, like)


def _modalities(matcher: Matcher) -> Condition | None:
    condition = _by_column(BY_KEYWORD["Modality"], tables.series_record.c.Modality, matcher)
    if condition is None:
        return None
    holding = select(tables.series.c.study_id).join(
        tables.series_record, tables.series_record.c.id == tables.series.c.record_id
    )
    return tables.study.c.id.in_(holding.where(condition))


def _sop_classes(matcher: Matcher) -> Condition | None:
    condition = _by_column(BY_KEYWORD["SOPClassUID"], tables.version.c.sop_class_uid, matcher)
    return None if condition is None else tables.study.c.id.in_(select(tables.version.c.study_id).where(condition))


_COMPUTED: Mapping[str, Callable[[Matcher], Condition | None]] = {
    "ModalitiesInStudy": _modalities,
    "SOPClassesInStudy": _sop_classes,
}
