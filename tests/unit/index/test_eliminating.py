"""What an elimination takes out of the tables, on every database, and that a rebuild says the same."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Delete,
    Executable,
    Insert,
    PrimaryKeyConstraint,
    Select,
    UniqueConstraint,
    Update,
    func,
    inspect,
    select,
)
from sqlalchemy.dialects import sqlite

from arrivals import PACS_B, Sender, arrival, description, key
from databases import connected, prepared_database
from rebuilding import FOLDED, rebuild, rows_of
from vna.dicom.attributes import BY_KEYWORD, Level, Model
from vna.dicom.describe import Description
from vna.dicom.matching import FuzzyName, Universal, WildCard
from vna.dicom.query import Query
from vna.events import StudyQuiet
from vna.index import (
    NeedsHeader,
    Recorded,
    RefusedEliminated,
    eliminating,
    erasing,
    open_index,
    renumbering,
    tables,
    tombstones,
)
from vna.index.dictionary import Dictionary
from vna.index.flags import ELIMINATED_AGAIN
from vna.model import EliminatedAgain, InstanceKey

Sent = tuple[str, InstanceKey, dict[str, str]]

OTHER = {"PatientID": "P2", "PatientName": "Autre^Anne"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def index_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn: making one on a server takes as long as many tests."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    return prepared_database(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


@pytest.fixture
def told(sender: Sender) -> "Told":
    return Told(sender)


class Told:
    """Sends, and remembers the description of each event."""

    def __init__(self, sender: Sender) -> None:
        self.sender, self.descriptions = sender, dict[int, Description]()

    def send(self, content: str, at: InstanceKey, described: Description, **arrived: Any) -> int:
        """Send an instance and return its position."""
        made = arrival(content, at, blobs=(content,), **arrived)
        entry = self.sender.entry(replace(made, same_content=_Different()), described)
        recorded = self.sender.index.committer.submit(entry)
        assert isinstance(recorded, Recorded), recorded
        assert recorded.position is not None
        self.descriptions[recorded.position] = described
        return recorded.position


class _Different(dict[str, bool]):
    """Says of each held version that it has other content."""

    def __contains__(self, _digest: object) -> bool:
        return True

    def __missing__(self, _digest: str) -> bool:
        return False


def mixed_archive(told: Told) -> None:
    """Two patients; the first has two studies, which share terms, a series and an instance with others."""
    first, thorax = {"StudyDate": "20240101"}, {"SeriesDescription": "thorax"}
    told.send("a", key(), description(study=first))
    told.send("b", key(instance="1.1.1.2"), description(study=first))
    told.send("c", key(series="1.1.2", instance="1.1.2.1"), description(study=first, series=thorax))
    told.send("d", key("1.2", "1.2.1", "1.2.1.1"), description(study={"StudyDescription": "other"}, series=thorax))
    told.send("e", key("1.3", "1.1.1", "1.1.1.1"), description(OTHER, study=first))
    told.send("f", key("1.4", "1.4.1", "1.1.1.1"), description(OTHER))
    told.send("g", key(instance="1.1.1.2"), description(study=first), source=PACS_B)
    told.send("h", key(), description(study=first))
    told.send("i", key(series="1.1.2", instance="1.1.2.2"), description(OTHER, study=first))
    told.sender.reject("1.1", "1.1.2")
    told.sender.reject("1.1")
    told.sender.record(StudyQuiet("1.1", 9, 9))


def rebuilt_without(told: Told, url: str, onto: str, gone: set[int]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the tables that a rebuild gives when these headers are erased."""
    left = {position: each for position, each in told.descriptions.items() if position not in gone}
    rebuild(url, onto, left)
    return rows_of(onto)


def positions(told: Told, scope: tuple[str, ...]) -> set[int]:
    held = told.sender.index.reader.every_version(scope[0])
    return {
        each.version_id for each in held if (each.key.study, each.key.series, each.key.instance)[: len(scope)] == scope
    }


SCOPES = [
    ("1.1",),
    ("1.1", "1.1.1"),
    ("1.2",),
    ("1.3",),
    ("1.1", "1.1.2"),
    ("1.1", "1.1.1", "1.1.1.1"),
    ("1.4", "1.4.1"),
]


@pytest.mark.parametrize(
    "scope",
    [*SCOPES[:2], *(pytest.param(scope, marks=pytest.mark.long) for scope in SCOPES[2:])],
    ids="/".join,
)
def test_a_rebuild_that_knows_nothing_of_it_gives_the_same_tables(
    told: Told, index_url: str, tmp_path: Any, scope: tuple[str, ...]
) -> None:
    mixed_archive(told)
    gone = positions(told, scope)

    assert isinstance(told.sender.eliminate(*scope), Recorded)
    told.send("later", key("1.5", "1.5.1", "1.5.1.1"), description(study={"StudyDescription": "later"}))

    now = rows_of(index_url)
    assert rebuilt_without(told, index_url, f"sqlite:///{tmp_path / 'all.sqlite'}", set()) == now
    assert rebuilt_without(told, index_url, f"sqlite:///{tmp_path / 'less.sqlite'}", gone) == now


def test_all_that_is_left_of_a_study_is_its_tombstone(told: Told, index_url: str) -> None:
    mixed_archive(told)

    told.sender.eliminate("1.1")

    with connected(index_url) as connection:
        left = {
            table.name: [row for row in connection.execute(select(table)).all() if any(_names(value) for value in row)]
            for table in FOLDED
        }
        terms = set(connection.execute(select(tables.term.c.value)).scalars())
    assert {name for name, rows in left.items() if rows} == {"tombstone"}
    assert "axial" in terms
    assert not any(value == 1 for value in _study_ids(index_url))


def _names(value: object) -> bool:
    return value in ("1.1", "1.1.1.2", "1.1.2", "1.1.2.1")


def _study_ids(url: str) -> set[int]:
    with connected(url) as connection:
        inspected = inspect(connection)
        found = set()
        for table in tables.metadata.sorted_tables:
            if inspected.has_table(table.name) and "study_id" in table.c:
                found |= set(connection.execute(select(table.c.study_id)).scalars())
    return found


def test_names_and_patients_that_nobody_needs_go(told: Told, index_url: str) -> None:
    mixed_archive(told)

    for study in ("1.3", "1.4", "1.1"):
        told.sender.eliminate(study)

    with connected(index_url) as connection:
        terms = set(connection.execute(select(tables.term.c.value)).scalars())
        folded = set(connection.execute(select(tables.term_form.c.folded)).scalars())
        patients = set(connection.execute(select(tables.patient.c.patient_id)).scalars())
    assert "Autre^Anne" not in terms
    assert terms == {"Martin^Jean", "other", "thorax"}
    assert folded == {"martin^jean", "other", "thorax"}
    assert patients == {"P1"}


def test_counts_are_right_afterwards(told: Told) -> None:
    told.send("a", key(), description())
    told.send("b", key("1.2", "1.2.1", "1.2.1.1"), description(OTHER))
    before = told.sender.index.reader.counts()
    told.send("c", key("1.3", "1.3.1", "1.3.1.1"), description({"PatientID": "P3"}))
    told.send("d", key("1.3", "1.3.1", "1.3.1.1"), description({"PatientID": "P3"}))

    told.sender.eliminate("1.3")

    after = told.sender.index.reader.counts()
    assert replace(after, position=0) == replace(before, position=0)


def test_flags_that_named_it_in_other_studies_go(told: Told, index_url: str) -> None:
    told.send("a", key(), description())
    told.send("b", key("1.2"), description())
    told.send("c", key("1.3"), description())

    told.sender.eliminate("1.1")
    with connected(index_url) as connection:
        left = connection.execute(select(tables.flag.c.position, tables.flag.c.kind, tables.flag.c.study_id)).all()
    told.sender.eliminate("1.2")
    with connected(index_url) as connection:
        count = connection.execute(select(func.count()).select_from(tables.flag)).scalar_one()

    kinds = ("series-in-two-studies", "instance-in-two-studies")
    assert sorted(map(tuple, left)) == sorted((3, kind, study) for kind in kinds for study in (2, 3))
    assert count == 0


def test_what_arrives_again_is_refused(told: Told) -> None:
    told.send("a", key(), description())
    told.sender.eliminate("1.1")

    again = told.sender.send(arrival("a"))
    elsewhere = told.sender.send(arrival("a", key("1.2")))

    assert again == RefusedEliminated(0)
    assert isinstance(elsewhere, Recorded)


def test_what_arrives_again_is_kept_and_flagged_where_the_settings_say_so(told: Told, index_url: str) -> None:
    told.send("a", key(), description())
    told.sender.eliminate("1.1", "1.1.1")
    index = open_index(index_url, eliminated_again=EliminatedAgain.ACCEPT)

    accepted = Sender(index).send(arrival("a"))
    index.close()

    assert isinstance(accepted, Recorded)
    assert accepted.decision is not None
    assert accepted.decision.eliminated == 0
    with connected(index_url) as connection:
        (flag,) = connection.execute(select(tables.flag.c.kind, tables.flag.c.detail)).all()
    assert tuple(flag) == (ELIMINATED_AGAIN, "1.1.1.1")


def test_another_process_remembers_no_row_that_is_gone(told: Told, index_url: str) -> None:
    other = open_index(index_url, eliminated_again=EliminatedAgain.ACCEPT)
    theirs = Sender(other)
    for number in (1, 2):
        theirs.send(arrival(f"{number}", key(instance=f"1.1.1.{number}")))
    assert _named(other, WildCard("*artin*")) == ["Martin^Jean"]
    assert _named(other, FuzzyName("martin")) == ["Martin^Jean"]

    told.sender.eliminate("1.1")

    assert _named(other, WildCard("*artin*")) == _named(other, FuzzyName("martin")) == []
    assert isinstance(theirs.send(arrival("3", key(instance="1.1.1.3"))), Recorded)
    assert _named(other, WildCard("*artin*")) == ["Martin^Jean"]
    other.close()


def test_no_text_that_is_gone_stays_in_memory(told: Told) -> None:
    told.sender.send(arrival("a"))
    dictionary, name = Dictionary(), BY_KEYWORD["PatientName"]

    def known() -> list[int]:
        with told.sender.index.reader._statements.reading() as cursor:
            found = [
                dictionary.matching(cursor, name, matcher) for matcher in (WildCard("*artin*"), FuzzyName("martin"))
            ]
        return [len(each or ()) for each in found]

    before = known()
    told.sender.eliminate("1.1")

    assert (before, known()) == ([1, 1], [0, 0])
    assert not any(len(getattr(kept, "_text", ())) or getattr(kept, "_rows", ()) for kept in dictionary._kept.values())


def _named(index: Any, matcher: Any) -> list[str]:
    query = Query(Level.STUDY, Model.STUDY_ROOT, {"PatientName": matcher, "StudyInstanceUID": Universal()})
    return [str(found["PatientName"]) for found in index.finder.find(query)]


def test_a_header_is_not_kept_against_one_that_is_gone(told: Told, index_url: str) -> None:
    told.send("a", key(), description())
    told.sender.eliminate("1.1")
    position = told.sender.index.tombstones.eliminated_at()
    entry = told.sender.entry(arrival("b", key("1.2", "1.2.1", "1.2.1.1")))

    packed_before = told.sender.index.committer.submit(replace(entry, base_at=0))
    packed_since = told.sender.index.committer.submit(replace(entry, base_at=position))

    assert packed_before == NeedsHeader(position)
    assert isinstance(packed_since, Recorded)


def test_what_lies_in_the_store_is_not_forgotten_before_it_is_swept(told: Told, index_url: str) -> None:
    told.send("a", key(), description())

    told.sender.eliminate("1.1")

    with connected(index_url) as connection:
        assert connection.execute(select(func.count()).select_from(tables.blob)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(tables.blob_use)).scalar_one() == 0


def test_every_foreign_key_is_found_by_an_index() -> None:
    """Who deletes a row has the database look for those that name it: of millions, for each row that goes."""
    for table in tables.metadata.sorted_tables:
        unique = [key.columns for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]
        leading = {next(iter(columns)).name for columns in (*unique, *(index.columns for index in table.indexes))}
        assert {key.parent.name for key in table.foreign_keys} <= leading, table.name


def test_what_an_elimination_asks_costs_the_same_in_an_archive_of_any_size(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    open_index(url).close()
    places = (eliminating, erasing, renumbering, tombstones, renumbering.STUDY_RECORDS, renumbering.SERIES_RECORDS)
    asked = [query for place in places for value in vars(place).values() for query in statements_in(value)]

    slow = {step for query in asked for step in plan_of(url, query) if LOOKS_AT_ALL.match(step)}

    assert len(asked) > 40
    assert slow == set()


LOOKS_AT_ALL = re.compile(
    r"SCAN (payload|header_base|version|study|study_record|series|series_record|term|term_form|event|blob|blob_use|"
    r"extra_value|tombstone|elimination_item)\b|SEARCH payload USING INTEGER PRIMARY KEY \(rowid[<>]"
)


def statements_in(value: object) -> list[Executable]:
    """Return the statements in a value of a module: one, or several in a tuple or a map."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    found = value if isinstance(value, tuple) else (value,)
    return [each for each in found if isinstance(each, Select | Update | Delete | Insert)]


def plan_of(url: str, query: Executable) -> list[str]:
    """Return the steps in which SQLite would go through a statement."""
    sql = re.sub(r"__\[POSTCOMPILE[^\]]*\]", "?", str(query.compile(dialect=sqlite.dialect())))
    with connected(url) as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]
