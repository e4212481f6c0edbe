"""Query parameters of a search (PS3.18 8.3.4): what they ask for, or why they are refused."""

from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb.asked import Asked
from dicomweb.query_parameters import RESULT_ATTRIBUTES, RESULT_ATTRIBUTES_IF_KNOWN, Search, parse_search
from vna.dicom.attributes import BY_KEYWORD, Level
from vna.dicom.extra import ExtraAttributes
from vna.dicom.keys import Rules
from vna.dicom.matching import (
    Empty,
    EveryOf,
    FuzzyName,
    ListOfUID,
    Matcher,
    Range,
    SequenceMatch,
    SingleValue,
    Universal,
    WildCard,
)
from vna.web.problem import Problem

LEVELS = [Level.STUDY, Level.SERIES, Level.IMAGE]
NAMES = [
    *("PatientID", "00100010", "StudyDate", "StudyTime", "ModalitiesInStudy", "RequestAttributesSequence", "Rows"),
    *("00400275.00401001", "limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "00291010"),
    *("multiplevaluematching", "TimezoneOffsetFromUTC", "KVP", "x", "accept", "00290010", "NoKeyword", ""),
]
VALUES = [
    "",
    "*",
    '""',
    "1",
    "1.2,1.3",
    "20240101-",
    "2200-0100",
    "all",
    "true",
    "+0100",
    "A\\B",
    "é",
    "\0",
    "00100010",
]


def parsed(query: str, level: Level = Level.STUDY, **within: str) -> Search:
    return parse_search(level, within, quote(query, safe="=&%+").encode())


@pytest.mark.parametrize(
    ("query", "keyword", "matcher"),
    [
        ("PatientName=D*", "PatientName", WildCard("D*")),
        ("00100010=Doe", "PatientName", SingleValue("Doe")),
        ("0020000d=1.2", "StudyInstanceUID", SingleValue("1.2")),
        ("PatientName=doe&fuzzymatching=true", "PatientName", FuzzyName("doe")),
        ("PatientName=doe&fuzzymatching=TRUE", "PatientName", FuzzyName("doe")),
        ("PatientName=doe&fuzzymatching=false", "PatientName", SingleValue("doe")),
        ("StudyDate=20240101-20240131", "StudyDate", Range("20240101", "20240131")),
        ('StudyID=""&emptyvaluematching=true', "StudyID", Empty()),
        ("ModalitiesInStudy=CT,MR", "ModalitiesInStudy", ListOfUID(frozenset({"CT", "MR"}))),
        ("ModalitiesInStudy=CT,MR&multiplevaluematching=true", "ModalitiesInStudy", EveryOf(frozenset({"CT", "MR"}))),
        ("StudyDescription=a,b", "StudyDescription", SingleValue("a,b")),
        ("StudyDescription=a,b&multiplevaluematching=true", "StudyDescription", SingleValue("a,b")),
        ("OtherPatientNames=a,b&multiplevaluematching=true", "OtherPatientNames", EveryOf(frozenset({"a", "b"}))),
        (
            "OtherPatientIDsSequence.PatientID=1",
            "OtherPatientIDsSequence",
            SequenceMatch({"PatientID": SingleValue("1")}),
        ),
        ('OtherPatientIDsSequence=""&emptyvaluematching=true', "OtherPatientIDsSequence", Empty()),
        ("PatientID=*", "PatientID", Universal()),
        ("PatientID=a\0", "PatientID", SingleValue("a\ufffd")),
    ],
)
def test_an_attribute_with_a_value_is_a_matching_key(query: str, keyword: str, matcher: Matcher) -> None:
    """Every value counts only of attributes that can have several (PS3.4 C.2.2.2.8)."""
    assert parsed(query).query.keys[keyword] == matcher


def test_the_path_is_a_key_like_others() -> None:
    same = parsed("StudyInstanceUID=1.2,1.3", Level.SERIES, StudyInstanceUID="1.2")
    other = parsed("StudyInstanceUID=1.3", Level.SERIES, StudyInstanceUID="1.2")

    assert same.query.keys["StudyInstanceUID"] == SingleValue("1.2")
    assert other.query.keys["StudyInstanceUID"] == ListOfUID(frozenset())


def test_the_attributes_of_results_are_known_and_of_their_levels() -> None:
    for table in (RESULT_ATTRIBUTES, RESULT_ATTRIBUTES_IF_KNOWN):
        for level, keywords in table.items():
            below = [*Level][[*Level].index(level) + 1 :]
            assert not [keyword for keyword in keywords if BY_KEYWORD[keyword].level in below]


def test_limit_and_offset_are_read() -> None:
    assert (parsed("limit=5&offset=7").limit, parsed("limit=5&offset=7").offset) == (5, 7)
    assert (parsed("").limit, parsed("").offset) == (None, 0)


def test_an_extra_attribute_is_matched_and_returned_like_others() -> None:
    extra = ExtraAttributes(["KVP@series", "0029xx10:ACME 1.1@series"])
    found = parse_search(Level.SERIES, {}, b"KVP=120&includefield=00291010&00290010=ACME+1.1", extra)

    assert {each.keyword: matcher for each, matcher in found.query.extra.items()} == {
        "KVP": SingleValue("120"),
        "00291010": Universal(),
    }
    assert found.warnings == ()


def test_where_a_sequence_is_asked_for_as_a_whole_all_of_it_comes() -> None:
    part, whole = "includefield=OtherPatientIDsSequence.PatientID", "includefield=OtherPatientIDsSequence"

    assert parsed(part).items == {"OtherPatientIDsSequence": frozenset({"PatientID"})}
    assert parsed(f"{part}&{whole}").items == parsed(f"{part}&includefield=all").items == {}


def test_a_message_never_repeats_a_value() -> None:
    asked = Asked(Level.STUDY, Rules(), ExtraAttributes())

    with pytest.raises(Problem) as refused:
        asked.match("StudyDate", "Secret")

    assert "Secret" not in refused.value.detail


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(LEVELS),
    st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), st.sampled_from(VALUES)), max_size=6),
)
def test_whatever_is_asked_is_a_search_or_a_problem_of_the_client(level: Level, query: list[tuple[str, str]]) -> None:
    with suppress(Problem):
        found = parse_search(level, {}, urlencode(query).encode())
        assert all(warning.isascii() and warning.isprintable() for warning in found.warnings)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_search_or_a_problem_of_the_client(query: bytes) -> None:
    with suppress(Problem):
        parse_search(Level.STUDY, {}, query)
