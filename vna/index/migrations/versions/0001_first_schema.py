"""The first schema: journal tail, projection and settings, as vna.index.tables had them in 0.1."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "archive",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "blob",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("codec", TEXT, nullable=False),
        sa.Column("store", TEXT, server_default="", nullable=False),
        sa.Column("plain_size", sa.BigInteger(), nullable=False),
        sa.Column("stored_size", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, server_default=sa.text("'present'"), nullable=False),
        sa.PrimaryKeyConstraint("digest", "codec", "store"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("position", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("origin_sequence", sa.BigInteger(), nullable=False),
        sa.Column("time", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("payload_digest", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("origin", "origin_sequence"),
    )
    op.create_table(
        "header_base",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "patient",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("issuer", TEXT, nullable=False),
        sa.Column("patient_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("patient_id", "issuer"),
    )
    op.create_table(
        "peer",
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("issuer", TEXT, nullable=False),
        sa.Column("charset", TEXT, nullable=False),
        sa.Column("max_pdu", sa.Integer(), nullable=False),
        sa.Column("warn_on_conflict", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("ae_title"),
    )
    op.create_table(
        "study",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("study_uid", TEXT, nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_uid"),
    )
    op.create_table(
        "term",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("attribute", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("attribute", "value"),
    )
    op.create_table(
        "flag",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["study.id"],
        ),
        sa.PrimaryKeyConstraint("position", "kind", "study_id"),
    )
    op.create_index("ix_flag_study", "flag", ["study_id"], unique=False)
    op.create_table(
        "payload",
        sa.Column("position", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("base", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["base"],
            ["header_base.digest"],
        ),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "series",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("series_uid", TEXT, nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["study.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("series_uid", "study_id"),
    )
    op.create_index("ix_series_study", "series", ["study_id"], unique=False)
    op.create_table(
        "study_record",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("PatientID", TEXT, server_default="", nullable=False),
        sa.Column("IssuerOfPatientID", TEXT, server_default="", nullable=False),
        sa.Column("PatientBirthDate", TEXT, server_default="", nullable=False),
        sa.Column("PatientSex", TEXT, server_default="", nullable=False),
        sa.Column("PatientName_term", sa.BigInteger(), nullable=True),
        sa.Column("StudyDate", TEXT, server_default="", nullable=False),
        sa.Column("StudyTime", TEXT, server_default="", nullable=False),
        sa.Column("AccessionNumber", TEXT, server_default="", nullable=False),
        sa.Column("StudyID", TEXT, server_default="", nullable=False),
        sa.Column("StudyDescription_term", sa.BigInteger(), nullable=True),
        sa.Column("ReferringPhysicianName_term", sa.BigInteger(), nullable=True),
        sa.Column("NameOfPhysiciansReadingStudy_term", sa.BigInteger(), nullable=True),
        sa.Column("more", TEXT, server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
        ),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["study.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_id", "fingerprint"),
    )
    op.create_index("ix_study_record_AccessionNumber", "study_record", ["AccessionNumber"], unique=False)
    op.create_index(
        "ix_study_record_NameOfPhysiciansReadingStudy",
        "study_record",
        ["NameOfPhysiciansReadingStudy_term"],
        unique=False,
    )
    op.create_index("ix_study_record_PatientBirthDate", "study_record", ["PatientBirthDate"], unique=False)
    op.create_index("ix_study_record_PatientID", "study_record", ["PatientID"], unique=False)
    op.create_index("ix_study_record_PatientName", "study_record", ["PatientName_term"], unique=False)
    op.create_index(
        "ix_study_record_ReferringPhysicianName", "study_record", ["ReferringPhysicianName_term"], unique=False
    )
    op.create_index("ix_study_record_StudyDate", "study_record", ["StudyDate"], unique=False)
    op.create_index("ix_study_record_StudyDescription", "study_record", ["StudyDescription_term"], unique=False)
    op.create_index("ix_study_record_StudyID", "study_record", ["StudyID"], unique=False)
    op.create_index("ix_study_record_patient", "study_record", ["patient_id"], unique=False)
    op.create_table(
        "term_form",
        sa.Column("attribute", TEXT, nullable=False),
        sa.Column("folded", TEXT, nullable=False),
        sa.Column("term_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["term_id"],
            ["term.id"],
        ),
        sa.PrimaryKeyConstraint("attribute", "folded", "term_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series_record",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("Modality", TEXT, server_default="", nullable=False),
        sa.Column("SeriesNumber", TEXT, server_default="", nullable=False),
        sa.Column("SeriesDescription_term", sa.BigInteger(), nullable=True),
        sa.Column("InstitutionName_term", sa.BigInteger(), nullable=True),
        sa.Column("more", TEXT, server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["series.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("series_id", "fingerprint"),
    )
    op.create_index("ix_series_record_Modality", "series_record", ["Modality"], unique=False)
    op.create_table(
        "version",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("sop_class_uid", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("to_position", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("transfer_syntax", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("recipe", sa.LargeBinary(), nullable=False),
        sa.Column("study_record_id", sa.BigInteger(), nullable=False),
        sa.Column("series_record_id", sa.BigInteger(), nullable=False),
        sa.Column("InstanceNumber", TEXT, server_default="", nullable=False),
        sa.Column("more", TEXT, server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["series.id"],
        ),
        sa.ForeignKeyConstraint(
            ["series_record_id"],
            ["series_record.id"],
        ),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["study.id"],
        ),
        sa.ForeignKeyConstraint(
            ["study_record_id"],
            ["study_record.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sop_instance_uid", "series_id", "number"),
    )
    op.create_index("ix_version_series", "version", ["series_id", "state"], unique=False)
    op.create_index("ix_version_study", "version", ["study_id", "state"], unique=False)
    op.create_table(
        "blob_use",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["version.id"],
        ),
        sa.PrimaryKeyConstraint("version_id", "digest"),
        sqlite_with_rowid=False,
    )
