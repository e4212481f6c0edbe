"""The lifecycle: facts of patients, holds, retention profiles. Empty at first."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables."""
    _facts()
    _holds()
    _profiles()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _row_id() -> sa.Column[int]:
    return sa.Column("id", ROW_ID, primary_key=True, autoincrement=False)


def _facts() -> None:
    op.create_table(
        "subject",
        sa.Column("owner", TEXT, primary_key=True),
        *_texts("issuer", "patient_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_subject_patient", "subject", ["patient_id", "issuer"])
    op.create_table(
        "patient_fact",
        _row_id(),
        *_texts("owner", "kind", "date", "establishment", "code", "system", "feed", "time", "actor"),
        sa.Column("withdrawn_at", sa.BigInteger()),
    )
    op.create_index("ix_patient_fact_owner", "patient_fact", ["owner"])


def _holds() -> None:
    op.create_table(
        "hold",
        _row_id(),
        *_texts("owner", "kind", "level", "issuer", "patient_id", "study_uid", "series_uid", "query"),
        *_texts("reason", "case_number", "from_date", "until_date", "time", "actor"),
        sa.Column("released_at", sa.BigInteger()),
        sa.Column("released_time", TEXT),
        sa.Column("released_by", TEXT),
    )
    op.create_index("ix_hold_study", "hold", ["study_uid"])
    op.create_index("ix_hold_patient", "hold", ["patient_id", "issuer"])
    op.create_index("ix_hold_standing", "hold", ["released_at", "level"])


def _profiles() -> None:
    op.create_table(
        "retention_profile",
        _row_id(),
        *_texts("name", "version", "text", "time", "actor"),
        sa.Column("active_at", sa.BigInteger()),
        sa.Column("active_time", TEXT),
        sa.Column("activated_by", TEXT),
        sa.Column("replaced_at", sa.BigInteger()),
    )
