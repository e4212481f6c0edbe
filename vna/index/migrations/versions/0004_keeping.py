"""What keeping the promise needs: which studies are quiet, which commitments are owed, how far the scrub has come."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "quiet",
        sa.Column("study_id", sa.BigInteger(), sa.ForeignKey("study.id"), primary_key=True, autoincrement=False),
        sa.Column("arrivals_upto", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "commitment",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("transaction_uid", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("time", TEXT, nullable=False),
        sa.Column("instances", sa.LargeBinary(), nullable=False),
        sa.Column("failed", sa.LargeBinary()),
        sa.Column("sealed", sa.BigInteger()),
    )
    op.create_table(
        "scrub",
        sa.Column("store", TEXT, primary_key=True),
        sa.Column("round_began", TEXT, nullable=False),
        sa.Column("upto", sa.LargeBinary(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("checked_bytes", sa.BigInteger(), nullable=False),
        sa.Column("damaged", sa.BigInteger(), nullable=False),
        sa.Column("last_round_began", TEXT),
        sa.Column("last_round_ended", TEXT),
    )
