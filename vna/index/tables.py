"""The tables of the index, each declared with the part it plays.

`JOURNAL` holds what is not sealed into segments yet (events, their payloads, header bases);
`PROJECTION` is derived from the journal alone and can be rebuilt; `SETTING` is journaled too, and
rebuilt with it; `WORKING` may be lost. A house test refuses a table without a part.

Rows are numbered by the journal position of the event that made them, so that a rebuild gives the
same numbers: `study.id` is the position at which the study was first seen; of terms, position * TERMS_PER_EVENT + n.

    patient --< study_record >-- study --< series --< series_record
                     |             |         |            |
                     +------------ version --+------------+      version --< blob_use >-- blob

A **term** is one text of a dictionary attribute; its **forms** are what a wild card is compared with:
each value, for person names each component group (PS3.5 6.2.1), folded.

A **record** is one reading of a study's (or series') attributes; all instances that say the same
share it. `study.record_id` names the one shown: that of the earliest live instance; it is `NOTHING_SHOWN` when
there is none, so that no join finds the study. `quality_record_id` is the one the quality view shows.

A **rejection** stands from its position (`id`) until `to_position`, over a study, one series (`series_uid`) or one
instance (`sop_instance_uid`); a **readmission** takes one instance out of it. Versions under a rejection that stands
have the state `rejected`, and `state_before` says where they stand but for it. `vna.index.hiding_tables` has the rest.

A **blob** has a row for each place its bytes lie in: `store` is empty for the store itself, else the name of a replica.

A **commitment** is a request to say that instances are kept, until whoever asked has been told; its **turn** says when
somebody may deal with it. **Resent** names the sources that sent again something of a study. **Quiet** says up to which
arrival a study was last reported quiet; **scrub** is how far the re-reading of each store has come.

**Intake** sums up what was kept of a source in an hour (UTC, `2026-01-31T12`), as vna.index.intake says.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from vna.dicom.attributes import Level, Storage, at_level

TERMS_PER_EVENT = 32
NOTHING_SHOWN = 0
"""The `record_id` of a study or series without a live instance; records are numbered from 1."""


class Part(StrEnum):
    """What a table is for, which decides what may become of it."""

    JOURNAL = "journal"
    PROJECTION = "projection"
    SETTING = "setting"
    WORKING = "working"


metadata = MetaData()

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text compared byte by byte on every database, so that a prefix is a range of the index."""

ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit row number; SQLite's INTEGER PRIMARY KEY is the row itself, without an index beside it."""

OWN_TABLE = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"}
"""COLUMN attributes that stand in the table of the thing they name, not in its records."""

NOT_PRESENT = text("state <> 'present'")
"""Blobs that are damaged or being deleted: few, and found by an index of their own, which needs these very words."""


def term_column(keyword: str) -> str:
    """Return the name of the column that refers to the dictionary for a TERM attribute."""
    return f"{keyword}_term"


def _attribute_columns(*levels: Level) -> list[Column[Any]]:
    columns: list[Column[Any]] = []
    for attribute in (a for level in levels for a in at_level(level)):
        if attribute.storage is Storage.COLUMN and attribute.keyword not in OWN_TABLE:
            columns.append(Column(attribute.keyword, TEXT, nullable=False, server_default=""))
        elif attribute.storage is Storage.TERM:
            columns.append(Column(term_column(attribute.keyword), BigInteger, nullable=True))
    columns.append(Column("more", TEXT, nullable=False, server_default="{}"))
    return columns


archive = Table(
    "archive",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("uid", TEXT, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("eliminated_at", BigInteger, nullable=False, server_default="0"),
    info={"part": Part.JOURNAL},
)

event = Table(
    "event",
    metadata,
    Column("position", ROW_ID, primary_key=True, autoincrement=False),
    Column("origin", TEXT, nullable=False),
    Column("origin_sequence", BigInteger, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("payload_digest", LargeBinary),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("origin", "origin_sequence"),
    info={"part": Part.JOURNAL},
)

header_base = Table(
    "header_base",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    info={"part": Part.JOURNAL},
)

payload = Table(
    "payload",
    metadata,
    Column("position", ROW_ID, primary_key=True, autoincrement=False),
    Column("owner", TEXT, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("base", LargeBinary, ForeignKey("header_base.digest"), nullable=False),
    Column("data", LargeBinary, nullable=False),
    info={"part": Part.JOURNAL},
)

patient = Table(
    "patient",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("issuer", TEXT, nullable=False),
    Column("patient_id", TEXT, nullable=False),
    UniqueConstraint("patient_id", "issuer"),
    info={"part": Part.PROJECTION},
)

term = Table(
    "term",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("attribute", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    UniqueConstraint("attribute", "value"),
    info={"part": Part.PROJECTION},
)

term_form = Table(
    "term_form",
    metadata,
    Column("attribute", TEXT, primary_key=True),
    Column("folded", TEXT, primary_key=True),
    Column("term_id", BigInteger, ForeignKey("term.id"), primary_key=True),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

study = Table(
    "study",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("study_uid", TEXT, nullable=False, unique=True),
    Column("record_id", BigInteger, nullable=False),
    Column("quality_record_id", BigInteger, nullable=False, server_default="0"),
    info={"part": Part.PROJECTION},
)

study_record = Table(
    "study_record",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("study_id", BigInteger, ForeignKey("study.id"), nullable=False),
    Column("patient_id", BigInteger, ForeignKey("patient.id"), nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    *_attribute_columns(Level.PATIENT, Level.STUDY),
    UniqueConstraint("study_id", "fingerprint"),
    Index("ix_study_record_patient", "patient_id"),
    *(
        Index(f"ix_study_record_{name}", name)
        for name in ("PatientID", "AccessionNumber", "StudyDate", "StudyID", "PatientBirthDate")
    ),
    *(
        Index(f"ix_study_record_{name}", term_column(name))
        for name in ("PatientName", "StudyDescription", "ReferringPhysicianName", "NameOfPhysiciansReadingStudy")
    ),
    info={"part": Part.PROJECTION},
)

series = Table(
    "series",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("study_id", BigInteger, ForeignKey("study.id"), nullable=False),
    Column("series_uid", TEXT, nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("quality_record_id", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("series_uid", "study_id"),
    Index("ix_series_study", "study_id"),
    info={"part": Part.PROJECTION},
)

series_record = Table(
    "series_record",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("series_id", BigInteger, ForeignKey("series.id"), nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    *_attribute_columns(Level.SERIES),
    UniqueConstraint("series_id", "fingerprint"),
    Index("ix_series_record_Modality", "Modality"),
    info={"part": Part.PROJECTION},
)

version = Table(
    "version",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("study_id", BigInteger, ForeignKey("study.id"), nullable=False),
    Column("series_id", BigInteger, ForeignKey("series.id"), nullable=False),
    Column("sop_instance_uid", TEXT, nullable=False),
    Column("sop_class_uid", TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("to_position", BigInteger),
    Column("digest", LargeBinary, nullable=False),
    Column("transfer_syntax", TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("recipe", LargeBinary, nullable=False),
    Column("study_record_id", BigInteger, ForeignKey("study_record.id"), nullable=False),
    Column("series_record_id", BigInteger, ForeignKey("series_record.id"), nullable=False),
    *_attribute_columns(Level.IMAGE),
    Column("state_before", TEXT),
    UniqueConstraint("sop_instance_uid", "series_id", "number"),
    Index("ix_version_series", "series_id", "state"),
    Index("ix_version_study", "study_id", "state"),
    info={"part": Part.PROJECTION},
)

rejection = Table(
    "rejection",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("study_uid", TEXT, nullable=False),
    Column("series_uid", TEXT),
    Column("sop_instance_uid", TEXT),
    Column("reason", TEXT, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("to_position", BigInteger),
    Index("ix_rejection_study", "study_uid", "to_position"),
    info={"part": Part.PROJECTION},
)

readmission = Table(
    "readmission",
    metadata,
    Column("rejection_id", BigInteger, ForeignKey("rejection.id"), primary_key=True),
    Column("series_uid", TEXT, primary_key=True),
    Column("sop_instance_uid", TEXT, primary_key=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

blob = Table(
    "blob",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("codec", TEXT, primary_key=True),
    Column("store", TEXT, primary_key=True, server_default=""),
    Column("plain_size", BigInteger, nullable=False),
    Column("stored_size", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False, server_default=text("'present'")),
    Index("ix_blob_not_present", "state", sqlite_where=NOT_PRESENT, postgresql_where=NOT_PRESENT),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

blob_use = Table(
    "blob_use",
    metadata,
    Column("version_id", BigInteger, ForeignKey("version.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Index("ix_blob_use_digest", "digest"),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

flag = Table(
    "flag",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", TEXT, primary_key=True),
    Column("study_id", BigInteger, ForeignKey("study.id"), primary_key=True),
    Column("detail", TEXT, nullable=False),
    Index("ix_flag_study", "study_id"),
    info={"part": Part.PROJECTION},
)

intake = Table(
    "intake",
    metadata,
    Column("hour", TEXT, primary_key=True),
    Column("source", TEXT, primary_key=True),
    *(
        Column(name, BigInteger, nullable=False)
        for name in ("arrived", "new_instances", "received_bytes", "stored_bytes")
    ),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

peer = Table(
    "peer",
    metadata,
    Column("ae_title", TEXT, primary_key=True),
    Column("host", TEXT, nullable=False),
    Column("port", Integer, nullable=False),
    Column("issuer", TEXT, nullable=False),
    Column("charset", TEXT, nullable=False),
    Column("max_pdu", Integer, nullable=False),
    Column("warn_on_conflict", Boolean, nullable=False),
    info={"part": Part.SETTING},
)

quiet = Table(
    "quiet",
    metadata,
    Column("study_id", BigInteger, ForeignKey("study.id"), primary_key=True, autoincrement=False),
    Column("arrivals_upto", BigInteger, nullable=False),
    Column("settled_upto", BigInteger, nullable=False),
    Index("ix_quiet_settled", "settled_upto"),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

commitment = Table(
    "commitment",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("transaction_uid", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("ae_title", TEXT, nullable=False),
    Column("called_ae_title", TEXT, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("instances", LargeBinary, nullable=False),
    Column("failed", LargeBinary),
    Column("sealed", BigInteger),
    info={"part": Part.SETTING},
)

commitment_turn = Table(
    "commitment_turn",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("free_at_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    info={"part": Part.WORKING},
)

resent = Table(
    "resent",
    metadata,
    Column("study_id", BigInteger, ForeignKey("study.id"), primary_key=True, autoincrement=False),
    Column("source", TEXT, primary_key=True),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

scrub = Table(
    "scrub",
    metadata,
    Column("store", TEXT, primary_key=True),
    Column("round_began", TEXT, nullable=False),
    Column("upto", LargeBinary, nullable=False),
    Column("checked", BigInteger, nullable=False),
    Column("checked_bytes", BigInteger, nullable=False),
    Column("damaged", BigInteger, nullable=False),
    *(Column(name, TEXT) for name in ("last_round_began", "last_round_ended")),
    info={"part": Part.WORKING},
)
