"""The tables of what retention was computed to: working tables, which follow from the index and the profile in force.

`retention` has a row for each study: what `vna.retention` said of it when the journal stood at `computed_at`, on the
date `computed_on`. `retain_until` is empty where no end is known. `first_end` is the earliest end of the study or a
series of it that a rule of its own covers, empty without one: behind it something may be due. `rules` and `holds` are
ids and numbers with blanks between; `modality` is the one that says most of the study.

`retention_progress` has one row: up to which event of the journal all changes are taken into account (`upto`), up to
which patient a pass through everything has come (`passed`, NULL while none is under way), by which profile and on
which date, and the figures that were found last.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from vna.index.tables import TEXT, Part, metadata

retention = Table(
    "retention",
    metadata,
    Column("study_id", BigInteger, primary_key=True, autoincrement=False),
    Column("retain_until", TEXT, nullable=False),
    Column("first_end", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("basis", TEXT, nullable=False),
    Column("rules", TEXT, nullable=False),
    Column("holds", TEXT, nullable=False),
    Column("modality", TEXT, nullable=False),
    Column("profile", BigInteger, nullable=False),
    Column("computed_at", BigInteger, nullable=False),
    Column("computed_on", TEXT, nullable=False),
    Index("ix_retention_state", "state", "retain_until"),
    Index("ix_retention_first_end", "first_end", "study_id"),
    sqlite_with_rowid=False,
    info={"part": Part.WORKING},
)

retention_progress = Table(
    "retention_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("upto", BigInteger, nullable=False),
    Column("passed", BigInteger),
    Column("profile", BigInteger, nullable=False),
    Column("day", TEXT, nullable=False),
    Column("figures", TEXT, nullable=False),
    info={"part": Part.WORKING},
)
