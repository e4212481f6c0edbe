"""The tables of what hides beside rejections of a scope: rejection notes, and limitations.

A **note** is a rejection that came as a document: the row of `rejection` with its number names the document itself, and
**note_instance** the instances it rejects. Both are hidden while the rejection stands.

A **limitation** stands from its position (`id`) until `to_position`, over a study, a series or an instance. Versions
under one have the state `limited`, whether they are rejected or not.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table

from vna.index.tables import ROW_ID, TEXT, Part, metadata

note = Table(
    "note",
    metadata,
    Column("rejection_id", BigInteger, ForeignKey("rejection.id"), primary_key=True, autoincrement=False),
    Column("sop_instance_uid", TEXT, nullable=False),
    Column("replaceable", Boolean, nullable=False),
    Index("ix_note_instance", "sop_instance_uid"),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

note_instance = Table(
    "note_instance",
    metadata,
    Column("study_uid", TEXT, primary_key=True),
    Column("series_uid", TEXT, primary_key=True),
    Column("sop_instance_uid", TEXT, primary_key=True),
    Column("rejection_id", BigInteger, ForeignKey("rejection.id"), primary_key=True),
    Index("ix_note_instance_rejection", "rejection_id"),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

limitation = Table(
    "limitation",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("study_uid", TEXT, nullable=False),
    Column("series_uid", TEXT),
    Column("sop_instance_uid", TEXT),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("to_position", BigInteger),
    Index("ix_limitation_study", "study_uid", "to_position"),
    info={"part": Part.PROJECTION},
)
