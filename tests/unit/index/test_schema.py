"""Migrations: the tables they make are the tables the code declares, and a newer schema is refused."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text, update

from arrivals import PACS_A, PACS_B, Sender, arrival, description, digest_of, key
from databases import connected, copy_rows, make_schema
from vna.errors import StartRefused
from vna.events import PeerRegistered
from vna.index import migrating, open_index, schema, tables
from vna.model import Peer, Source


@pytest.mark.parametrize("make", [lambda url: open_index(url).close(), migrating.upgrade], ids=["created", "migrated"])
def test_the_schema_is_the_declared_one(empty_url: str, make: Callable[[str], None]) -> None:
    make(empty_url)

    with connected(empty_url) as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, tables.metadata)

    assert differences == []


def test_nodes_that_start_at_once_on_an_empty_database_make_one_archive(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as starters:
        indexes = list(starters.map(open_index, [empty_url] * 4))
    archives = {index.journal.archive() for index in indexes}
    for index in indexes:
        index.close()

    assert len(archives) == 1


def test_opening_twice_keeps_the_archive(empty_url: str) -> None:
    open_index(empty_url).close()
    with connected(empty_url) as connection:
        first = connection.execute(select(tables.archive.c.uid)).scalar_one()

    open_index(empty_url).close()

    with connected(empty_url) as connection:
        assert connection.execute(select(tables.archive.c.uid)).scalar_one() == first


def test_a_newer_schema_is_refused(empty_url: str) -> None:
    open_index(empty_url).close()
    with connected(empty_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StartRefused, match="9999"):
        open_index(empty_url)


def test_an_unreachable_database_is_refused_with_its_reason() -> None:
    with pytest.raises(StartRefused, match="cannot be opened"):
        open_index("sqlite:////nowhere/at/all/index.sqlite")


def test_issuers_that_were_assumed_before_can_be_asked_for_after_a_migration(empty_url: str, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'fresh.sqlite'}"
    index = open_index(fresh)
    sender, of_peer = Sender(index), Source("PACS_C", "HOSPITAL C")
    sender.send(arrival("a", key("1.1", "1.1.1", "1.1.1.1")))
    sender.send(arrival("b", key("1.2", "1.2.1", "1.2.1.1"), source=of_peer))
    stated = replace(arrival("c", key("1.3", "1.3.1", "1.3.1.1"), source=of_peer), issuer="STATED")
    sender.send(stated, description({"IssuerOfPatientID": "STATED"}))
    sender.send(arrival("d", key("1.4", "1.4.1", "1.4.1.1"), source=of_peer), description({"PatientID": ""}))
    index.close()
    make_schema(empty_url, "0006")
    copy_rows(fresh, empty_url)
    record = tables.study_record
    with connected(empty_url) as connection:  # as it was before
        connection.execute(update(record).where(record.c.IssuerOfPatientID != "STATED").values(IssuerOfPatientID=""))

    open_index(empty_url).close()

    with connected(empty_url) as connection:
        issuers = connection.execute(select(record.c.IssuerOfPatientID).order_by(record.c.id)).scalars().all()
    assert issuers == ["", "HOSPITAL C", "STATED", ""]
    assert _rows(empty_url) == _rows(fresh)


def test_an_index_of_the_first_schema_is_migrated_with_what_it_holds(empty_url: str, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'fresh.sqlite'}"
    index = open_index(fresh)
    _fill(Sender(index))
    index.close()
    make_schema(empty_url, "0001")
    copy_rows(fresh, empty_url)

    index = open_index(empty_url)

    assert _rows(empty_url) == _rows(fresh)
    with connected(empty_url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    sender = Sender(index)
    number = sender.reject("1.1")
    assert index.reader.counts().rejected == 2
    sender.restore(number)
    assert index.reader.counts().instances == 3
    index.close()


def _fill(sender: Sender) -> None:
    """Store instances in every state, and register a peer."""
    sender.send(arrival("a"))
    sender.send(arrival("b", key(instance="1.1.1.2")))
    sender.send(arrival("c", key("1.2", "1.2.1", "1.2.1.1")))
    for content, source, same in (("d", PACS_A, False), ("e", PACS_B, False), ("f", PACS_B, True)):
        held = {digest_of(each): same for each in "ade"}
        sender.send(replace(arrival(content, source=source), same_content=held))
    sender.record(PeerRegistered(Peer("PACS", "localhost", 104, warn_on_conflict=True)))


def _rows(url: str) -> dict[str, list[object]]:
    with connected(url) as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in tables.metadata.sorted_tables
        }


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_declares_its_part(table: object) -> None:
    assert isinstance(table.info.get("part"), tables.Part)  # type: ignore[attr-defined]


def test_the_latest_version_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(migrating.alembic_config()).get_current_head() == schema.LATEST


def test_alembic_is_loaded_only_when_there_is_something_to_migrate(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    program = (
        f"import sys; from vna.index import open_index; open_index({url!r}).close(); print('alembic' in sys.modules)"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "False"
