"""Keyed queries follow an index, so that they cost the same at a thousand and at a million studies."""

import re

import pytest
from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite

from databases import connected
from vna.dicom.attributes import BY_KEYWORD, Level, Storage, at_level
from vna.dicom.matching import ListOfUID, Matcher, Range, SingleValue, WildCard
from vna.index import (
    arriving,
    availability,
    candidates,
    deciding,
    dictionary,
    extra,
    flags,
    hiding,
    intake,
    open_index,
    placement_reading,
    placements,
    placing,
    projection,
    reading,
    rows,
    shown,
    sweeping,
)
from vna.index.narrowing import How, Shape, narrowings
from vna.model import View

KEYS: list[tuple[str, Matcher]] = [
    ("StudyInstanceUID", SingleValue("1.2")),
    ("StudyInstanceUID", ListOfUID(frozenset({"1.2", "1.3"}))),
    ("PatientID", SingleValue("P1")),
    ("PatientID", WildCard("P*")),
    ("AccessionNumber", SingleValue("A1")),
    ("PatientName", SingleValue("MARTIN^JEAN")),
    ("PatientName", WildCard("MARTIN*")),
    ("PatientName", WildCard("*MARTIN*")),
    ("StudyDescription", WildCard("*THORAX*")),
    ("PatientBirthDate", SingleValue("19500203")),
    ("StudyDate", SingleValue("20240101")),
    ("StudyDate", Range("20240101", "20240102")),
    ("ModalitiesInStudy", SingleValue("CT")),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    database = f"sqlite:///{tmp_path_factory.mktemp('plans') / 'index.sqlite'}"
    open_index(database).close()
    return database


def scans(url: str, query: Executable) -> list[str]:
    """Return the tables SQLite would read from end to end."""
    sql = re.sub(r"__\[POSTCOMPILE[^\]]*\]", "?", str(query.compile(dialect=sqlite.dialect())))
    with connected(url) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))
        return [row[3] for row in plan if row[3].startswith("SCAN") and "INDEX" not in row[3]]


def full_scans(url: str, query: Executable) -> list[str]:
    """Return what SQLite would read from end to end, indexes too, but for the values of a parameter."""
    sql = str(query.compile(dialect=sqlite.dialect()))
    with connected(url) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))
        return [row[3] for row in plan if row[3].startswith("SCAN") and "json_each" not in row[3]]


def shapes_of(*keys: tuple[str, Matcher]) -> tuple[Shape, ...]:
    return tuple(each.shape for each in narrowings(dict(keys), lambda _attribute, _matcher: (1, 2)))


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize(
    ("keyword", "matcher"), KEYS, ids=[f"{k}-{type(m).__name__}-{n}" for n, (k, m) in enumerate(KEYS)]
)
def test_candidates_are_found_by_index(url: str, level: Level, keyword: str, matcher: Matcher) -> None:
    shapes, any_record = shapes_of((keyword, matcher)), keyword == "PatientID"

    assert full_scans(url, candidates.candidates_of(level, shapes, any_record=any_record)) == []


@pytest.mark.parametrize(
    ("keyword", "matcher"), KEYS[2:-1], ids=[f"{k}-{type(m).__name__}-{n}" for n, (k, m) in enumerate(KEYS[2:-1])]
)
def test_records_are_found_by_index(url: str, keyword: str, matcher: Matcher) -> None:
    assert full_scans(url, candidates.records_of(shapes_of((keyword, matcher)))) == []


def test_what_a_study_holds_is_seen_in_those_that_a_date_leads_to(url: str) -> None:
    shapes = shapes_of(("StudyDate", Range("20240101", "20240102")), ("ModalitiesInStudy", SingleValue("CT")))
    query = candidates.candidates_of(Level.STUDY, shapes, any_record=False)

    sql = str(query.compile(dialect=sqlite.dialect()))
    with connected(url) as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]

    assert "ix_study_record_StudyDate" in plan[0]
    assert any("ix_series_study" in step for step in plan)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("any_record", [False, True])
@pytest.mark.parametrize(
    "more", [(), (("StudyDate", Range("20240101", None)), ("AccessionNumber", WildCard("A*")))], ids=["all", "some"]
)
def test_a_walk_goes_on_where_it_was_and_sorts_nothing(
    url: str, level: Level, any_record: bool, more: tuple[tuple[str, Matcher], ...]
) -> None:
    attributes = (BY_KEYWORD["PatientName"], BY_KEYWORD["StudyDate"])
    shapes = shapes_of(("ModalitiesInStudy", SingleValue("CT")), *more)
    query = candidates.walk_query(level, attributes, shapes, any_record=any_record)

    sql = str(query.compile(dialect=sqlite.dialect()))
    with connected(url) as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]

    assert ">?)" in plan[0]
    assert not [step for step in plan if "TEMP B-TREE" in step or step.startswith("SCAN")]


@pytest.mark.parametrize("how", [How.EQUAL, How.BEGINS])
def test_texts_are_found_by_index(url: str, how: How) -> None:
    assert full_scans(url, dictionary._BY_HOW[how]) == []


def test_texts_that_have_been_added_are_found_by_row_number(url: str) -> None:
    assert full_scans(url, dictionary._ADDED) == []


@pytest.mark.parametrize(
    ("level", "owner"), [(level, owner) for n, level in enumerate(Level) for owner in list(Level)[: n + 1]]
)
def test_an_extra_attribute_leads_to_rows_by_index(url: str, level: Level, owner: Level) -> None:
    assert full_scans(url, candidates._of_owners(level, owner, any_record=False)) == []


@pytest.mark.parametrize("how", [How.EQUAL, How.ONE_OF, How.BEGINS, How.BETWEEN])
def test_extra_values_are_found_by_index(url: str, how: How) -> None:
    assert full_scans(url, extra._owners_having(how)) == []
    assert full_scans(url, extra._VALUES) == []
    assert [full_scans(url, query) for query in extra._UNREAD.values()] == [[]] * len(Level)


@pytest.mark.parametrize("level", Level)
def test_a_page_is_read_by_row_number(url: str, level: Level) -> None:
    attributes = tuple(a for a in at_level(level) if a.storage is not Storage.COMPUTED)

    assert full_scans(url, rows.page_query(level, attributes)) == []


@pytest.mark.parametrize(
    "query",
    [
        reading._FORMS,
        reading._USED_BLOBS,
        reading._PRESENT,
        deciding._HELD,
        arriving.BLOB_STATES,
        sweeping._DELETING,
        sweeping._ENDED,
        sweeping._IS_USED,
        sweeping._LOST,
        sweeping._ROWS,
        sweeping._ROWS_OF_FULL,
        sweeping._ROWS_OF_TIER,
        placements.NEEDED_IN_FULL,
        placements.NEEDED_IN_TIER,
        placements.PLACES,
        placements._PROMISED,
        placing._COPIES,
        placing._DIGESTS,
        placement_reading._BLOBS,
        availability._PLACED,
        sweeping._STATE,
        sweeping._USERS,
        flags._INSTANCE_STUDIES,
        flags._SERIES_STUDIES,
        projection._SUPERSEDE,
        projection._SUPERSEDE_HIDDEN,
        hiding._STANDING,
        hiding._READMITTED,
        hiding._SCOPE,
        hiding._LIMITED_SCOPE,
        hiding._NOTED,
        hiding._NOTED_STUDIES,
        hiding._REPLACEABLE,
        hiding._IS_APPLIED,
        *hiding._SETTLE.values(),
        shown._SHOW_STUDY,
        shown._SHOW_SERIES,
        shown._SHOW_EACH_SERIES,
        intake._ADD,
        intake.sums_since("2026-01-01T00"),
    ],
    ids=lambda query: str(query)[:40],
)
def test_what_storing_retrieving_and_rejecting_ask_is_answered_by_index(url: str, query: Executable) -> None:
    assert scans(url, query) == []


def test_what_is_held_under_a_key_is_found_without_going_through_its_study(url: str) -> None:
    sql = str(deciding._HELD.compile(dialect=sqlite.dialect()))
    with connected(url) as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]

    assert any("version" in step and "(sop_instance_uid=? AND series_id=?)" in step for step in plan)


@pytest.mark.parametrize("level", Level)
def test_the_quality_view_is_answered_by_index_too(url: str, level: Level) -> None:
    shapes = shapes_of(("StudyDate", Range("20240101", "20240102")), ("ModalitiesInStudy", SingleValue("CT")))
    attributes = tuple(a for a in at_level(level) if a.storage is not Storage.COMPUTED)

    assert full_scans(url, candidates.candidates_of(level, shapes, any_record=True, view=View.QUALITY)) == []
    assert full_scans(url, rows.page_query(level, attributes, View.QUALITY)) == []
    assert scans(url, candidates.walk_query(level, (), (), any_record=False, view=View.QUALITY)) == []


def test_the_ordinary_view_costs_nothing_for_there_being_another(url: str) -> None:
    queries = [candidates.candidates_of(level, (), any_record=True) for level in Level]

    assert not [query for query in queries if "quality" in str(query) or "state_before" in str(query)]
