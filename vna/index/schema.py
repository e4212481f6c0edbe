"""The version of the schema: an empty database gets it, an older one is migrated at start, a newer one refused."""

import importlib
import os
import uuid
from contextlib import suppress
from functools import cache
from typing import Final

from sqlalchemy import Column, MetaData, String, Table, insert, inspect, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from vna.errors import StartRefused
from vna.events import GENESIS
from vna.index import tables
from vna.index.database import migration_engine, reader_engine, sqlite_path

LATEST: Final = "0007"
"""The newest of `vna/index/migrations/versions`."""

_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own."""


def migrate(url: str) -> None:
    """Bring the database to this release's schema, creating it if it is empty.

    Raises:
        StartRefused: the database is newer than this release, or cannot be reached.
    """
    try:
        _make_private(url)
        version = _version(url)
        if version is None:
            _create(url)
        elif version != LATEST:
            importlib.import_module("vna.index.migrating").upgrade(url)  # takes 0.35 s to load, and is rarely needed
    except DBAPIError as exc:
        raise StartRefused(f"the index database cannot be opened: {exc.orig}") from exc


def _make_private(url: str) -> None:
    """Make the file of a new SQLite database, for no other user to read: it holds patients' data."""
    file = sqlite_path(url)
    if file is not None:
        with suppress(OSError):  # told of when it is opened
            os.close(os.open(file, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))


def _create(url: str) -> None:
    """Make the tables at once: going through all migrations would take ten times as long."""
    engine = migration_engine(url)
    try:
        with engine.begin() as connection:
            if inspect(connection).has_table(_VERSION.name):  # another process was first
                return
            for statement in _definitions(engine.url.drivername):
                connection.exec_driver_sql(statement)
            connection.execute(insert(_VERSION), {"version_num": LATEST})
            first = {"id": 1, "uid": f"2.25.{uuid.uuid4().int}", "position": 0, "head": GENESIS}
            connection.execute(insert(tables.archive), first)
    finally:
        engine.dispose()


@cache
def _definitions(driver: str) -> tuple[str, ...]:
    """Return what makes all tables and indexes; to compile that takes longer than to run it."""
    dialect = make_url(f"{driver}://").get_dialect()()
    elements: list[ExecutableDDLElement] = []
    for table in (*tables.metadata.sorted_tables, _VERSION):
        elements += [CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=lambda index: str(index.name)))]
    return tuple(str(element.compile(dialect=dialect)) for element in elements)


def _version(url: str) -> str | None:
    """Return the version of the schema a database has, None if it is empty."""
    engine = reader_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(_VERSION.name):
                return None
            version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return version
    finally:
        engine.dispose()
