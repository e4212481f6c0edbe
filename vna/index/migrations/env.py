"""Alembic's entry point: migrations run on the connection that vna.index.migrating hands over."""

from alembic import context

from vna.index.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
