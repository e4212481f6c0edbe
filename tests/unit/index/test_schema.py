"""Migrations: the tables they make are the tables the code declares, and a newer schema is refused."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from databases import connected
from vna.errors import StartRefused
from vna.index import open_index, tables


def test_the_migrated_schema_is_the_declared_one(index_url: str) -> None:
    open_index(index_url).close()

    with connected(index_url) as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, tables.metadata)

    assert differences == []


def test_opening_twice_keeps_the_archive(index_url: str) -> None:
    open_index(index_url).close()
    with connected(index_url) as connection:
        first = connection.execute(select(tables.archive.c.uid)).scalar_one()

    open_index(index_url).close()

    with connected(index_url) as connection:
        assert connection.execute(select(tables.archive.c.uid)).scalar_one() == first


def test_a_newer_schema_is_refused(index_url: str) -> None:
    open_index(index_url).close()
    with connected(index_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StartRefused, match="9999"):
        open_index(index_url)


def test_an_unreachable_database_is_refused_with_its_reason() -> None:
    with pytest.raises(StartRefused, match="cannot be opened"):
        open_index("sqlite:////nowhere/at/all/index.sqlite")


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_declares_its_part(table: object) -> None:
    assert isinstance(table.info.get("part"), tables.Part)  # type: ignore[attr-defined]
