"""What was kept by hour and source, counted from what there is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# A blob counts for the version that was the first to use it
COUNTED = """
    INSERT INTO intake (hour, source, arrived, new_instances, received_bytes, stored_bytes)
    SELECT substr(event.time, 1, 13), version.source, count(*), sum(CASE WHEN version.number = 1 THEN 1 ELSE 0 END),
           sum(version.size), sum(coalesce(fresh.stored, 0))
    FROM version
    JOIN event ON event.position = version.id
    LEFT JOIN (
        SELECT first_use.version_id, sum(first_use.stored_size) AS stored
        FROM (
            SELECT min(blob_use.version_id) AS version_id, blob.stored_size
            FROM blob JOIN blob_use ON blob_use.digest = blob.digest
            GROUP BY blob.digest, blob.codec, blob.store, blob.stored_size
        ) AS first_use
        GROUP BY first_use.version_id
    ) AS fresh ON fresh.version_id = version.id
    GROUP BY substr(event.time, 1, 13), version.source
"""


def upgrade() -> None:
    """Add the table and count what is held; seconds for a million instances."""
    op.create_table(
        "intake",
        sa.Column("hour", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.Column("new_instances", sa.BigInteger(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "source"),
        sqlite_with_rowid=False,
    )
    op.execute(COUNTED)
