"""Two indexes are compared row by row, whatever database each is in and however its terms are numbered."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import update

from arrivals import Sender, arrival, description, key
from databases import connected
from vna.index import Difference, FoldedTables, differences, open_index, tables

NAMES = ["a", "B", "É", "e", "_", "~", "Zoë", "Ω", "山田^太郎", "b\\c", "b c", "B c"]


@pytest.fixture
def urls(index_url: str, tmp_path: Path) -> tuple[str, str]:
    """An index on each database, and one on SQLite."""
    return index_url, f"sqlite:///{tmp_path / 'other.sqlite'}"


def fill(url: str, names: Sequence[str]) -> None:
    index = open_index(url)
    sender = Sender(index)
    for number, name in enumerate(names):
        at = key(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1")
        sender.send(arrival(name, at), description({"PatientID": f"P{number}", "PatientName": name}))
    index.close()


def compared(urls: tuple[str, str]) -> list[Difference]:
    with ExitStack() as stack:
        found, right = (stack.enter_context(FoldedTables(url)) for url in urls)
        return list(differences(found, right))


def test_what_says_the_same_has_no_differences(urls: tuple[str, str]) -> None:
    for url in urls:
        fill(url, NAMES)

    assert [each for each in compared(urls) if each.table not in ("archive", "event", "header_base")] == []


def test_an_altered_text_is_found_in_the_dictionary_and_in_what_names_it(urls: tuple[str, str]) -> None:
    for url in urls:
        fill(url, NAMES)
    with connected(urls[0]) as connection:
        connection.execute(update(tables.term).where(tables.term.c.value == "Ω").values(value="Ö"))
        connection.commit()

    found = [each for each in compared(urls) if each.table in ("term", "term_form", "study_record")]

    assert {(each.table, each.is_missing) for each in found if each.table != "study_record"} == {
        ("term", False),
        ("term", True),
        ("term_form", False),
        ("term_form", True),
    }
    (record,) = [each for each in found if each.table == "study_record"]
    assert record.columns == ("PatientName_term",)
    assert all("Ö" not in each.row for each in found)


def test_a_text_that_is_gone_is_found(urls: tuple[str, str]) -> None:
    for url in urls:
        fill(url, NAMES)
    with connected(urls[0]) as connection:
        connection.execute(tables.term_form.delete().where(tables.term_form.c.folded == "zoë"))
        connection.commit()

    found = [each for each in compared(urls) if each.table == "term_form"]

    assert [(each.row, each.is_missing) for each in found] == [("missing 1", True)]
