"""Rejections, and the state a rejected version had before."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables and the column; nothing that is there is rewritten."""
    op.create_table(
        "rejection",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("study_uid", TEXT, nullable=False),
        sa.Column("series_uid", TEXT, nullable=True),
        sa.Column("sop_instance_uid", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("time", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("to_position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rejection_study", "rejection", ["study_uid", "to_position"], unique=False)
    op.create_table(
        "readmission",
        sa.Column("rejection_id", sa.BigInteger(), nullable=False),
        sa.Column("series_uid", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rejection_id"], ["rejection.id"]),
        sa.PrimaryKeyConstraint("rejection_id", "series_uid", "sop_instance_uid"),
        sqlite_with_rowid=False,
    )
    op.add_column("version", sa.Column("state_before", TEXT, nullable=True))
