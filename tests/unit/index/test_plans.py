"""Keyed queries follow an index, so that they cost the same at a thousand and at a million studies."""

import re

import pytest
from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite

from databases import connected
from vna.dicom.attributes import Level, Storage, at_level
from vna.dicom.matching import ListOfUID, Matcher, Range, SingleValue, WildCard
from vna.index import committer, find, hiding, intake, open_index, projection, reading, rows, shown
from vna.index.narrowing import conditions

KEYS: list[tuple[str, Matcher]] = [
    ("StudyInstanceUID", SingleValue("1.2")),
    ("StudyInstanceUID", ListOfUID(frozenset({"1.2", "1.3"}))),
    ("PatientID", SingleValue("P1")),
    ("PatientID", WildCard("P*")),
    ("AccessionNumber", SingleValue("A1")),
    ("PatientName", WildCard("MARTIN*")),
    ("StudyDescription", WildCard("CT*")),
    ("StudyDate", Range("20240101", "20240102")),
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


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize(("keyword", "matcher"), KEYS, ids=[f"{k}-{type(m).__name__}" for k, m in KEYS])
def test_candidates_are_found_by_index(url: str, level: Level, keyword: str, matcher: Matcher) -> None:
    candidates = find._candidates_of(level, any_record=keyword == "PatientID")

    assert scans(url, candidates.where(*conditions({keyword: matcher}))) == []


@pytest.mark.parametrize("level", Level)
def test_a_page_is_read_by_row_number(url: str, level: Level) -> None:
    attributes = tuple(a for a in at_level(level) if a.storage is not Storage.COMPUTED)

    assert scans(url, rows._page_query(level, attributes)) == []


@pytest.mark.parametrize(
    "query",
    [
        reading._FORMS,
        reading._USED_BLOBS,
        reading._PRESENT,
        committer._HELD,
        committer._BLOB_STATE,
        projection._INSTANCE_STUDIES,
        projection._SERIES_STUDIES,
        projection._SUPERSEDE,
        projection._SUPERSEDE_HIDDEN,
        hiding._STANDING,
        hiding._READMITTED,
        hiding._SCOPE,
        *hiding._HIDE.values(),
        *hiding._UNHIDE.values(),
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
    sql = str(committer._HELD.compile(dialect=sqlite.dialect()))
    with connected(url) as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]

    assert any("version" in step and "(sop_instance_uid=? AND series_id=?)" in step for step in plan)
