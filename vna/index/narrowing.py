"""Matching keys as SQL conditions that let every match through, and as little else as is cheap.

SQL only narrows; `vna.dicom.matching` decides. So a condition here may accept too much (case, form
of a time, trailing spaces), never too little.

What a key becomes is told apart from its values: conditions of the same shape are the same SQL, which is built once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, exists, literal_column, select

from vna.dicom.attributes import BY_KEYWORD, Attribute, Level, Storage
from vna.dicom.matching import Empty, EveryOf, ListOfUID, Matcher, Range, SingleValue, WildCard, like_pattern
from vna.index import tables
from vna.index.statements import one_of
from vna.index.views import record_column
from vna.model import View

_EXACT_VRS = frozenset({"AE", "CS", "LO", "SH", "UI"})
_NAMED_BY = {
    "StudyInstanceUID": tables.study.c.study_uid,
    "SeriesInstanceUID": tables.series.c.series_uid,
    "SOPInstanceUID": tables.version.c.sop_instance_uid,
    "SOPClassUID": tables.version.c.sop_class_uid,
}
_ESCAPE = "\\"
_FIRST, _LAST = "!", "\U0010ffff"
"""What sorts before every date and behind the empty text, and what sorts behind all that may follow a prefix."""
_SHARP = frozenset(
    {
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "PatientID",
        "AccessionNumber",
        "PatientName",
        "PatientBirthDate",
        "StudyDate",
    }
)
"""Attributes of which one value is that of few studies."""

Condition = ColumnElement[bool]
Terms = Callable[[Attribute, Matcher], Sequence[int] | None]
"""Gives the row numbers of the texts of a TERM attribute that may match; None for any."""


class How(Enum):
    """How a column is compared."""

    EQUAL = auto()
    ONE_OF = auto()
    LIKE = auto()
    BEGINS = auto()
    """Like a pattern that begins with plain text: a range of the index."""
    BETWEEN = auto()


Shape = tuple[str, How]
"""The keyword of an attribute, and how it is compared."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One condition and its values, by the names of its parameters; a tuple stands for many values in one."""

    shape: Shape
    values: Mapping[str, str | tuple[str, ...] | tuple[int, ...]]


def narrowings(keys: Mapping[str, Matcher], terms: Terms) -> list[Narrowing]:
    """Return what narrows a query with these matching keys."""
    found: list[Narrowing] = []
    for keyword, matcher in keys.items():
        attribute = BY_KEYWORD.get(keyword)
        narrowing = None if attribute is None else _narrowing(attribute, matcher, terms)
        if narrowing is not None:
            found.append(narrowing)
    return found


def sharp(keys: Mapping[str, Matcher]) -> bool:
    """Return whether some key is one that few studies have."""
    return any(keyword in _SHARP and isinstance(matcher, SingleValue | ListOfUID) for keyword, matcher in keys.items())


def condition(shape: Shape, *, alone: bool, leading: bool = True, view: View = View.ORDINARY) -> Condition:
    """Return the condition of a shape.

    Args:
        alone: no other one narrows the query, so that this has to lead to the rows.
        leading: an index may lead to the rows; if not, none is taken for it whatever the database thinks of it.
    """
    keyword, how = shape
    attribute = BY_KEYWORD[keyword]
    if attribute.storage is Storage.COMPUTED:
        return _COMPUTED[keyword](how, alone, view)
    column = _column(attribute)
    if not leading:
        column = column + literal_column("0" if attribute.storage is Storage.TERM else "''")
    return compared(column, keyword, how)


def _narrowing(attribute: Attribute, matcher: Matcher, terms: Terms) -> Narrowing | None:
    keyword = attribute.keyword
    if attribute.storage is Storage.TERM:
        term_ids = terms(attribute, matcher)
        return None if term_ids is None else Narrowing((keyword, How.ONE_OF), {keyword: tuple(term_ids)})
    if attribute.storage is Storage.COMPUTED:
        if keyword not in _COMPUTED:
            return None
        attribute = _COUNTED_BY[keyword]
        if isinstance(matcher, EveryOf):  # a study that holds all of them holds this one
            matcher = SingleValue(min(matcher.values))
    elif attribute.storage is not Storage.COLUMN:
        return None
    elif isinstance(matcher, Empty):
        return Narrowing((keyword, How.EQUAL), {keyword: ""})
    comparison = _comparison(attribute.vr, keyword, matcher)
    return None if comparison is None else Narrowing((keyword, comparison[0]), comparison[1])


def _comparison(vr: str, name: str, matcher: Matcher) -> tuple[How, Mapping[str, str | tuple[str, ...]]] | None:
    match matcher:
        case SingleValue(value) if vr in _EXACT_VRS or vr == "DA":
            return How.EQUAL, {name: value}
        case ListOfUID(values):
            return How.ONE_OF, {name: tuple(values)}
        case WildCard(pattern) if vr in _EXACT_VRS:
            return like(name, pattern)
        case Range(low, high) if vr == "DA":  # an empty date matches none (PS3.4 C.2.2.2.5)
            return How.BETWEEN, {f"{name}_from": low or _FIRST, f"{name}_to": high or _LAST}
    return None


def like(name: str, pattern: str) -> tuple[How, Mapping[str, str]]:
    """Return how a column is compared with a pattern, and the values of that."""
    prefix = pattern.replace("?", "*").split("*", 1)[0]
    values = {name: like_pattern(pattern)}
    if not prefix:
        return How.LIKE, values
    return How.BEGINS, values | {f"{name}_from": prefix, f"{name}_to": prefix + _LAST}


def compared(column: ColumnElement[Any], name: str, how: How) -> Condition:
    """Return the comparison of a column with the parameters of a name."""
    low: ColumnElement[str] = bindparam(f"{name}_from")
    high: ColumnElement[str] = bindparam(f"{name}_to")
    match how:
        case How.EQUAL:
            return column == bindparam(name)
        case How.ONE_OF:
            return one_of(column, name)
        case How.LIKE:
            return column.like(bindparam(name), escape=_ESCAPE)
        case How.BEGINS:
            return and_(column >= low, column < high, column.like(bindparam(name), escape=_ESCAPE))
        case How.BETWEEN:
            return and_(column >= low, column <= high)


def _column(attribute: Attribute) -> ColumnElement[Any]:
    named = _NAMED_BY.get(attribute.keyword)
    if named is not None:
        return named
    is_term = attribute.storage is Storage.TERM
    name = tables.term_column(attribute.keyword) if is_term else attribute.keyword
    if attribute.level in (Level.PATIENT, Level.STUDY):
        return tables.study_record.c[name]
    record = tables.series_record if attribute.level is Level.SERIES else tables.version
    return record.c[name]


def _modalities(how: How, alone: bool, view: View) -> Condition:
    series, record = tables.series.alias(), tables.series_record.alias()
    both_ways = and_(record.c.id == record_column(series, view), series.c.id == record.c.series_id)
    holding = series.join(record, both_ways)  # from a study to its series, or from a modality to its series
    return _holds(holding, series.c.study_id, compared(record.c.Modality, "ModalitiesInStudy", how), alone=alone)


def _sop_classes(how: How, alone: bool, _view: View) -> Condition:
    version = tables.version.alias()
    return _holds(version, version.c.study_id, compared(version.c.sop_class_uid, "SOPClassesInStudy", how), alone=alone)


def _holds(source: FromClause, study_id: ColumnElement[int], wanted: Condition, *, alone: bool) -> Condition:
    """Return whether a study holds what is wanted: seen in each study, or a list of studies if nothing else leads."""
    if alone:
        return tables.study.c.id.in_(select(study_id).select_from(source).where(wanted))
    return exists().select_from(source).where(study_id == tables.study.c.id, wanted).correlate(tables.study)


_COMPUTED: Mapping[str, Callable[[How, bool, View], Condition]] = {
    "ModalitiesInStudy": _modalities,
    "SOPClassesInStudy": _sop_classes,
}
_COUNTED_BY = {"ModalitiesInStudy": BY_KEYWORD["Modality"], "SOPClassesInStudy": BY_KEYWORD["SOPClassUID"]}
