"""The version of the schema: an older database is migrated at start, a newer one refused."""

import importlib
from typing import Final

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from vna.errors import StartRefused
from vna.index.database import reader_engine

LATEST: Final = "0004"
"""The newest of `vna/index/migrations/versions`."""


def migrate(url: str) -> None:
    """Bring the database to this release's schema, creating it if it is empty.

    Raises:
        StartRefused: the database is newer than this release, or cannot be reached.
    """
    try:
        if _version(url) != LATEST:
            importlib.import_module("vna.index.migrating").upgrade(url)  # takes 0.35 s to load, and is rarely needed
    except DBAPIError as exc:
        raise StartRefused(f"the index database cannot be opened: {exc.orig}") from exc


def _version(url: str) -> str | None:
    """Return the version of the schema a database has, None if it has none yet."""
    engine = reader_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return version
    finally:
        engine.dispose()
