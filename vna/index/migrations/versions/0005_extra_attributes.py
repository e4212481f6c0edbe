"""Extra attributes: which there are and how far headers are read for them, and their values. Empty at first."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables; the housekeeper fills them."""
    op.create_table(
        "extra_attribute",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("setting", TEXT, nullable=False),
        sa.Column("read_upto", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("setting"),
    )
    op.create_table(
        "extra_value",
        sa.Column("attribute_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("owner_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("folded", TEXT, nullable=False),
        sa.Column("value", TEXT),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_extra_value_folded", "extra_value", ["attribute_id", "folded", "owner_id"])
