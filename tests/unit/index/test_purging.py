"""After purging, the files of a database hold nothing of rows that are gone."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from arrivals import Sender, arrival, description, key
from databases import connected, prepared_database
from vna.index import open_index
from vna.index.database import sqlite_path

NAME = "Qwyxqwyx^Zzyzx"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def index_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn: making one on a server takes as long as many tests."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    return prepared_database(request.getfixturevalue("postgresql_server"))


def test_no_name_is_left_in_the_files_of_the_database(index_url: str) -> None:
    index = open_index(index_url)
    sender = Sender(index)
    for number in range(40):
        sender.send(arrival(f"a{number}", key(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1")), _described(number))
    there = _found_in_files(index_url)

    for number in range(0, 40, 2):
        sender.eliminate(f"1.{number}")
    purged = index.purge()

    assert there >= 20
    assert (purged.problem, purged.size > 0) == ("", True)
    assert _found_in_files(index_url) == 0
    assert index.reader.counts().studies == 20
    index.close()


def test_sqlite_leaves_copies_of_rows_in_pages_until_all_is_written_anew(tmp_path: Path) -> None:
    """Zeros go over a row that is deleted, and not over what a split page keeps of rows that moved to another one."""
    file = tmp_path / "index.sqlite"
    with closing(open_index(f"sqlite:///{file}")) as index:
        numbers = random.Random(0).sample(range(8000), 8000)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            rows = [(number, f"{'Other' if number % 2 else NAME}{number}") for number in numbers]
            connection.executemany("INSERT INTO patient (id, patient_id, issuer) VALUES (?, ?, '')", rows)
            connection.commit()
            random.Random(9).shuffle(numbers)
            gone = [(number,) for number in numbers if number % 2 == 0]
            connection.executemany("DELETE FROM patient WHERE id = ?", gone)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert connection.execute("SELECT count(*) FROM patient WHERE patient_id LIKE 'Q%'").fetchone() == (0,)
        left = _found_in_files(f"sqlite:///{file}")

        purged = index.purge()

        assert (left > 0, purged.problem) == (True, "")
        assert _found_in_files(f"sqlite:///{file}") == 0


def _described(number: int) -> object:
    name = f"{NAME}{number}" if number % 2 == 0 else "Other"
    return description({"PatientName": name, "PatientID": f"P{number}"})


def _found_in_files(url: str) -> int:
    """Return how often the name stands in the database's files; those of a server's log of changes do not count."""
    file = sqlite_path(url)
    if file is not None:
        files = list(Path(file).parent.glob(f"{Path(file).name}*"))
    else:
        with connected(url) as connection:
            connection.execute(text("CHECKPOINT"))
            folder = connection.execute(text("SHOW data_directory")).scalar_one()
            number = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
            files = list((Path(folder) / "base" / str(number.scalar_one())).iterdir())
    return sum(path.read_bytes().lower().count(NAME.lower().encode()) for path in files)
