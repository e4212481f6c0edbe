"""Migrating a database to this release's schema, with Alembic.

Loaded by `vna.index.schema` alone, and only when there is something to do: Alembic takes a sixth of the time
that a command of `vna` needs to start.
"""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from vna.errors import StartRefused
from vna.index.database import migration_engine


def upgrade(url: str) -> None:
    """Bring the database to this release's schema.

    Raises:
        StartRefused: the database is newer than this release.
    """
    engine = migration_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            _refuse_newer(connection)
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def alembic_config() -> Config:
    """Return what Alembic has to know of the migrations here."""
    config = Config()
    config.set_main_option("script_location", "vna.index:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if current is not None and current not in known:
        raise StartRefused(
            f"the index has schema {current}, which is newer than this release knows; start the newer release"
        )
