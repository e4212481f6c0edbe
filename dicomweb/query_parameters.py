"""From the query parameters of a search to what is asked for (PS3.18 8.3.4).

What is no value of a parameter is refused with 400. What is not known here is passed over, as PS3.18 8.3 demands, and
said in a warning: a filter that is not applied must not go unnoticed. A name that is written like an attribute and is
none is refused: it can only be a slip.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

from dicomweb.asked import ORDER, Asked
from vna.dicom.attributes import ATTRIBUTES, Level, Model
from vna.dicom.extra import NO_EXTRA, ExtraAttributes
from vna.dicom.keys import BACKWARDS, Rules, is_backwards
from vna.dicom.matching import ListOfUID, Matcher, SingleValue, Universal, matches
from vna.dicom.query import Query, combined_moments
from vna.web.problem import Problem

_MOST_PARAMETERS: Final = 500
_NUMBER: Final = re.compile(r"\d{1,12}", re.ASCII)
_ONCE: Final = ("limit", "offset", "fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_ELSEWHERE: Final = ("accept", "charset")
"""Parameters of every service (PS3.18 8.3.3)."""

RESULT_ATTRIBUTES: Final[Mapping[Level, tuple[str, ...]]] = MappingProxyType(
    {
        Level.STUDY: (
            "StudyInstanceUID",
            "StudyDate",
            "StudyTime",
            "AccessionNumber",
            "ModalitiesInStudy",
            "ReferringPhysicianName",
            "PatientName",
            "PatientID",
            "PatientBirthDate",
            "PatientSex",
            "StudyID",
            "NumberOfStudyRelatedSeries",
            "NumberOfStudyRelatedInstances",
        ),
        Level.SERIES: ("SeriesInstanceUID", "Modality", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
        Level.IMAGE: ("SOPClassUID", "SOPInstanceUID", "InstanceNumber"),
    }
)
"""What each result says in any case, empty if need be: types R and U of PS3.18 tables 10.6.3-3 to 10.6.3-5."""

RESULT_ATTRIBUTES_IF_KNOWN: Final[Mapping[Level, tuple[str, ...]]] = MappingProxyType(
    {
        Level.STUDY: ("TimezoneOffsetFromUTC",),
        Level.SERIES: (
            "TimezoneOffsetFromUTC",
            "SeriesDescription",
            "PerformedProcedureStepStartDate",
            "PerformedProcedureStepStartTime",
            "RequestAttributesSequence",
        ),
        Level.IMAGE: ("TimezoneOffsetFromUTC", "Rows", "Columns", "BitsAllocated", "NumberOfFrames"),
    }
)
"""What each result says if it is known: type C of these tables."""

_UNIQUE: Final = {Level.STUDY: "StudyInstanceUID", Level.SERIES: "SeriesInstanceUID", Level.IMAGE: "SOPInstanceUID"}


@dataclass(frozen=True, slots=True)
class Search:
    """A search: its query, which of the matches are wanted, and how they are told.

    `shown_empty` are the keywords of attributes that a result has even if they have no value. Of the sequences in
    `items` these attributes alone are shown. `warnings` are for the client (PS3.18 8.3.4).
    """

    query: Query
    offset: int
    limit: int | None
    shown_empty: frozenset[str]
    items: Mapping[str, frozenset[str]]
    warnings: tuple[str, ...]


def parse_search(
    level: Level, within: Mapping[str, str], query_string: bytes, extra: ExtraAttributes = NO_EXTRA
) -> Search:
    """Return the search that a request stands for.

    Args:
        within: the UIDs that the path names, by keyword.
        extra: attributes that are known beside those of the table.

    Raises:
        Problem: 400, a parameter has no value that it can have.
    """
    parameters = _parameters(query_string)
    once = _given_once(parameters)
    rules = Rules(*(_flag(once, name) for name in _ONCE[2:]))
    found = Asked(level, rules, extra)
    for name, value in parameters:
        if name == "includefield":
            found.include(value)
        elif name not in (*_ONCE, *_ELSEWHERE):
            found.match(name, value)
    return Search(
        query=_query(level, within, found),
        offset=_number(once, "offset") or 0,
        limit=_number(once, "limit"),
        shown_empty=frozenset(found.named | _always(level, within)),
        items={} if found.all else found.items(),
        warnings=found.warnings(),
    )


def _parameters(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except UnicodeDecodeError as exc:
        raise Problem(400, "the query parameters are not percent-encoded UTF-8") from exc
    except ValueError as exc:
        raise Problem(400, f"more than {_MOST_PARAMETERS} query parameters") from exc


def _given_once(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    once: dict[str, str] = {}
    for name, value in parameters:
        if name in _ONCE:
            if name in once:
                raise Problem(400, f"{name} is given twice")
            once[name] = value
    return once


def _flag(once: Mapping[str, str], name: str) -> bool:
    value = once.get(name, "false").lower()
    if value not in ("true", "false"):
        raise Problem(400, f"{name} is true or false")
    return value == "true"


def _number(once: Mapping[str, str], name: str) -> int | None:
    if name not in once:
        return None
    if not _NUMBER.fullmatch(once[name]):
        raise Problem(400, f"{name} is a number without a sign")
    return int(once[name])


def _levels(level: Level, within: Mapping[str, str]) -> list[Level]:
    """Return the levels that results tell of: all below what the path names (PS3.18 10.6.3.3)."""
    named = [above for above, keyword in _UNIQUE.items() if keyword in within]
    return [each for each in _UNIQUE if ORDER[each] <= ORDER[level] and each not in named]


def _always(level: Level, within: Mapping[str, str]) -> set[str]:
    return {keyword for each in _levels(level, within) for keyword in RESULT_ATTRIBUTES[each]}


def _query(level: Level, within: Mapping[str, str], found: Asked) -> Query:
    shown = [
        *(keyword for each in _levels(level, within) for keyword in RESULT_ATTRIBUTES[each]),
        *(keyword for each in _levels(level, within) for keyword in RESULT_ATTRIBUTES_IF_KNOWN[each]),
        *(keyword for each, keyword in _UNIQUE.items() if ORDER[each] <= ORDER[level]),
    ]
    if found.all:
        told = {*_levels(level, within), *((Level.PATIENT,) if not within else ())}
        shown += [attribute.keyword for attribute in ATTRIBUTES if attribute.level in told]
    keys: dict[str, Matcher] = dict.fromkeys(shown, Universal())
    keys |= dict.fromkeys(found.included, Universal())
    keys |= found.matchers()
    for keyword, uid in within.items():
        asked = keys.get(keyword, Universal())
        keys[keyword] = SingleValue(uid) if matches(asked, uid, "UI") else ListOfUID(frozenset())
    combined = combined_moments(keys)
    for keyword, matcher in keys.items():
        if is_backwards(matcher, "TM") and keyword not in (time for _, time in combined):
            raise Problem(400, f"{keyword}: {BACKWARDS}")
    return Query(
        level=level,
        model=Model.STUDY_ROOT,
        keys=MappingProxyType(keys),
        relational=True,
        combined=combined,
        extra=MappingProxyType(found.extra_matchers()),
        availability=found.availability,
        offset=found.offset,
    )
