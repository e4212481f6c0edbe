"""What keeping the promise needs: which studies are quiet, which commitments are owed, how far the scrub has come."""

from typing import Any

import cbor2
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables, empty but for what the journal says was sent again."""
    op.create_table(
        "quiet",
        sa.Column("study_id", sa.BigInteger(), sa.ForeignKey("study.id"), primary_key=True, autoincrement=False),
        sa.Column("arrivals_upto", sa.BigInteger(), nullable=False),
        sa.Column("settled_upto", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_quiet_settled", "quiet", ["settled_upto"])
    op.create_table(
        "commitment",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("transaction_uid", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("called_ae_title", TEXT, nullable=False),
        sa.Column("time", TEXT, nullable=False),
        sa.Column("instances", sa.LargeBinary(), nullable=False),
        sa.Column("failed", sa.LargeBinary()),
        sa.Column("sealed", sa.BigInteger()),
    )
    op.create_table(
        "commitment_turn",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("free_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
    )
    resent = op.create_table(
        "resent",
        sa.Column("study_id", sa.BigInteger(), sa.ForeignKey("study.id"), primary_key=True, autoincrement=False),
        sa.Column("source", TEXT, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_blob_use_digest", "blob_use", ["digest"])
    not_present = sa.text("state <> 'present'")
    op.create_index("ix_blob_not_present", "blob", ["state"], sqlite_where=not_present, postgresql_where=not_present)
    op.bulk_insert(resent, _resent(op.get_bind()))
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


def _resent(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return the rows that the events of the journal give."""
    event = sa.table("event", sa.column("kind"), sa.column("body", sa.LargeBinary()))
    study = sa.table("study", sa.column("id"), sa.column("study_uid"))
    wanted = sa.select(event.c.body).where(event.c.kind.in_(("received-again", "instance-restored")))
    sent = set()
    for body in connection.execute(wanted).scalars():
        told = cbor2.loads(body)
        sent.add((told.get("key", told)["study"], told["source"]))
    ids: dict[str, int] = {uid: row_id for row_id, uid in connection.execute(sa.select(study))} if sent else {}
    return [{"study_id": ids[uid], "source": source} for uid, source in sorted(sent)]
