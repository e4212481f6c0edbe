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
    _tombstones()
    _retention()
    _eliminations()
    _hiding()
    _tiers()
    _object_locks()
    _clock()


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


def _eliminations() -> None:
    op.create_table(
        "elimination",
        _row_id(),
        *_texts("owner"),
        sa.Column("profile", sa.BigInteger(), nullable=False),
        *_texts("action", "digest", "roles", "visas"),
        sa.Column("wait_days", sa.Integer(), nullable=False),
        sa.Column("max_per_day", sa.Integer(), nullable=False),
        *_texts("accepted", "time", "actor", "state", "state_time"),
        sa.Column("approved_time", TEXT),
        sa.Column("certificate", TEXT),
    )
    op.create_index("ix_elimination_state", "elimination", ["state"])
    op.create_table(
        "elimination_item",
        sa.Column("elimination_id", sa.BigInteger(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        *_texts("study_uid"),
        sa.Column("series_uid", TEXT),
        sa.Column("sop_instance_uid", TEXT),
        *_texts("rules", "retain_until"),
        sa.Column("instances", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.BigInteger()),
        *(sa.Column(name, TEXT) for name in ("kept_time", "kept_by", "cause", "holds")),
        sa.Column("eliminated_at", sa.BigInteger()),
        *(sa.Column(name, TEXT) for name in ("eliminated_time", "manifest")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_elimination_item_study", "elimination_item", ["study_uid"])
    op.create_table(
        "elimination_step",
        _row_id(),
        sa.Column("elimination_id", sa.BigInteger(), nullable=False),
        *_texts("role", "decision", "reference", "reference_date", "document", "time", "actor"),
    )
    op.create_index("ix_elimination_step_elimination", "elimination_step", ["elimination_id"])
    op.create_table(
        "elimination_attestation",
        _row_id(),
        sa.Column("elimination_id", sa.BigInteger(), nullable=False),
        *_texts("place", "method"),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        *_texts("time"),
    )
    op.create_index("ix_elimination_attestation_elimination", "elimination_attestation", ["elimination_id"])


def _hiding() -> None:
    op.create_table(
        "note",
        sa.Column(
            "rejection_id", sa.BigInteger(), sa.ForeignKey("rejection.id"), primary_key=True, autoincrement=False
        ),
        *_texts("sop_instance_uid"),
        sa.Column("replaceable", sa.Boolean(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_note_instance", "note", ["sop_instance_uid"])
    op.create_table(
        "note_instance",
        *(sa.Column(name, TEXT, primary_key=True) for name in ("study_uid", "series_uid", "sop_instance_uid")),
        sa.Column("rejection_id", sa.BigInteger(), sa.ForeignKey("rejection.id"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_note_instance_rejection", "note_instance", ["rejection_id"])
    op.create_table(
        "limitation",
        _row_id(),
        *_texts("study_uid"),
        sa.Column("series_uid", TEXT),
        sa.Column("sop_instance_uid", TEXT),
        *_texts("time", "actor"),
        sa.Column("to_position", sa.BigInteger()),
    )
    op.create_index("ix_limitation_study", "limitation", ["study_uid", "to_position"])
    for table in ("study", "series"):
        op.add_column(table, sa.Column("quality_record_id", sa.BigInteger(), nullable=False, server_default="0"))
        op.execute(_QUALITY_RECORD.format(table=table))


_QUALITY_RECORD = """
UPDATE {table} SET quality_record_id = COALESCE((
    SELECT version.{table}_record_id FROM version
    WHERE version.{table}_id = {table}.id
      AND (version.state = 'served' OR (version.state = 'rejected' AND version.state_before = 'served'))
    ORDER BY version.id LIMIT 1
), 0)
"""
"""What the quality view shows of each: the record of its earliest version that is served, or was until rejected."""


def _tiers() -> None:
    op.create_table(
        "placement",
        sa.Column("study_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("store", TEXT, primary_key=True),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    for name, column in (("last_access", "day"), ("recall", "time")):
        op.create_table(
            name,
            sa.Column("study_id", sa.BigInteger(), primary_key=True, autoincrement=False),
            *_texts(column),
            sqlite_with_rowid=False,
        )


def _object_locks() -> None:
    op.create_table(
        "object_lock",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        *(sa.Column(name, TEXT, primary_key=True) for name in ("codec", "store")),
        sa.Column("until_s", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sqlite_with_rowid=False,
    )


def _retention() -> None:
    op.create_table(
        "retention",
        sa.Column("study_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *_texts("retain_until", "first_end", "state", "basis", "rules", "holds", "modality"),
        sa.Column("profile", sa.BigInteger(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        *_texts("computed_on"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_retention_state", "retention", ["state", "retain_until"])
    op.create_index("ix_retention_first_end", "retention", ["first_end", "study_id"])
    op.create_table(
        "retention_progress",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.BigInteger()),
        sa.Column("profile", sa.BigInteger(), nullable=False),
        *_texts("day", "figures"),
    )


def _clock() -> None:
    op.create_table(
        "clock_jump",
        _row_id(),
        *_texts("trusted", "seen"),
        sa.Column("confirmed_at", sa.BigInteger()),
        *(sa.Column(name, TEXT) for name in ("confirmed_time", "confirmed_by")),
    )
    op.create_table(
        "clock_seen",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        *_texts("time"),
    )


def _tombstones() -> None:
    op.add_column("archive", sa.Column("eliminated_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "tombstone",
        _row_id(),
        sa.Column("elimination", sa.BigInteger(), nullable=False),
        *_texts("study_uid"),
        sa.Column("series_uid", TEXT),
        sa.Column("sop_instance_uid", TEXT),
        *_texts("rules", "owners", "manifest", "ledger"),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("instances", "size", "first_versions", "stored_size")
        ),
        *_texts("time", "actor"),
    )
    op.create_index("ix_tombstone_study", "tombstone", ["study_uid"])
    op.create_index("ix_tombstone_elimination", "tombstone", ["elimination"])
    for name in ("SeriesDescription", "InstitutionName"):
        op.create_index(f"ix_series_record_{name}", "series_record", [f"{name}_term"])
    for index, table, column in (
        ("ix_payload_owner", "payload", "owner"),
        ("ix_payload_base", "payload", "base"),
        ("ix_term_form_term", "term_form", "term_id"),
        ("ix_version_study_record", "version", "study_record_id"),
        ("ix_version_series_record", "version", "series_record_id"),
    ):
        op.create_index(index, table, [column])
