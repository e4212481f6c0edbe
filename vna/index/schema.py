"""The version of the schema: an older database is migrated at start, a newer one refused."""

import uuid

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError

from vna.errors import StartRefused
from vna.events import GENESIS
from vna.index import tables
from vna.index.database import migration_engine


def migrate(url: str) -> None:
    """Bring the database to this release's schema, creating it if it is empty.

    Raises:
        StartRefused: the database is newer than this release, or cannot be reached.
    """
    engine = migration_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            _refuse_newer(connection)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _first_row(connection)
    except DBAPIError as exc:
        raise StartRefused(f"the index database cannot be opened: {exc.orig}") from exc
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "vna.index:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise StartRefused(
            f"the index has schema {current}, which is newer than this release knows; start the newer release"
        )


def _first_row(connection: Connection) -> None:
    if connection.execute(select(tables.archive.c.id)).first() is None:
        row = {"id": 1, "uid": f"2.25.{uuid.uuid4().int}", "position": 0, "head": GENESIS}
        connection.execute(insert(tables.archive), row)
