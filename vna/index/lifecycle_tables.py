"""The tables of what decides how long studies are kept: facts of patients, holds, retention profiles.

A **subject** is a patient that facts are known of, under the name drawn by lot that the journal has for it (`owner`);
two nodes at once may draw two names for one patient, so a patient may be two subjects.

A **fact** (`vna.events.PatientFact`), a **hold** and a **profile** are numbered by the position of their event. What
was withdrawn, released or replaced stays, with the position that says so.
"""

from sqlalchemy import BigInteger, Column, Index, Table

from vna.index.tables import ROW_ID, TEXT, Part, metadata

subject = Table(
    "subject",
    metadata,
    Column("owner", TEXT, primary_key=True),
    Column("issuer", TEXT, nullable=False),
    Column("patient_id", TEXT, nullable=False),
    Index("ix_subject_patient", "patient_id", "issuer"),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

patient_fact = Table(
    "patient_fact",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("owner", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("date", TEXT, nullable=False),
    Column("establishment", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
    Column("system", TEXT, nullable=False),
    Column("feed", TEXT, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("withdrawn_at", BigInteger),
    Index("ix_patient_fact_owner", "owner"),
    info={"part": Part.PROJECTION},
)

hold = Table(
    "hold",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("owner", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("level", TEXT, nullable=False),
    Column("issuer", TEXT, nullable=False),
    Column("patient_id", TEXT, nullable=False),
    Column("study_uid", TEXT, nullable=False),
    Column("series_uid", TEXT, nullable=False),
    Column("query", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("case_number", TEXT, nullable=False),
    Column("from_date", TEXT, nullable=False),
    Column("until_date", TEXT, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("released_at", BigInteger),
    Column("released_time", TEXT),
    Column("released_by", TEXT),
    Index("ix_hold_study", "study_uid"),
    Index("ix_hold_patient", "patient_id", "issuer"),
    Index("ix_hold_standing", "released_at", "level"),
    info={"part": Part.SETTING},
)

retention_profile = Table(
    "retention_profile",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("name", TEXT, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("active_at", BigInteger),
    Column("active_time", TEXT),
    Column("activated_by", TEXT),
    Column("replaced_at", BigInteger),
    info={"part": Part.SETTING},
)
