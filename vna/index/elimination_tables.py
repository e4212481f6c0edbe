"""The tables of eliminations: what was proposed, who decided, what went, and which places attested it.

An **elimination** and a **step** (a decision in a role) are numbered by the position of their event; an **item** by its
place in the list, from 1. An item that was kept has `kept_at`, one that went has `eliminated_at`: positions both. An
**attestation** says that in one place nothing of the elimination is left.

`elimination.state` is what events say: proposed, opinions, approved, refused, cancelled, executing, certified. What
hangs on the clock, or on what is left to do, is derived by who reads (vna.archive.eliminations).
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from vna.index.tables import ROW_ID, TEXT, Part, metadata

elimination = Table(
    "elimination",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("owner", TEXT, nullable=False),
    Column("profile", BigInteger, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("roles", TEXT, nullable=False),
    Column("visas", TEXT, nullable=False),
    Column("wait_days", Integer, nullable=False),
    Column("max_per_day", Integer, nullable=False),
    Column("accepted", TEXT, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("state_time", TEXT, nullable=False),
    Column("approved_time", TEXT),
    Column("certificate", TEXT),
    Index("ix_elimination_state", "state"),
    info={"part": Part.SETTING},
)

elimination_item = Table(
    "elimination_item",
    metadata,
    Column("elimination_id", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("study_uid", TEXT, nullable=False),
    Column("series_uid", TEXT),
    Column("sop_instance_uid", TEXT),
    Column("rules", TEXT, nullable=False),
    Column("retain_until", TEXT, nullable=False),
    Column("instances", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("kept_at", BigInteger),
    Column("kept_time", TEXT),
    Column("kept_by", TEXT),
    Column("cause", TEXT),
    Column("holds", TEXT),
    Column("eliminated_at", BigInteger),
    Column("eliminated_time", TEXT),
    Column("manifest", TEXT),
    Index("ix_elimination_item_study", "study_uid"),
    sqlite_with_rowid=False,
    info={"part": Part.SETTING},
)

elimination_step = Table(
    "elimination_step",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("elimination_id", BigInteger, nullable=False),
    Column("role", TEXT, nullable=False),
    Column("decision", TEXT, nullable=False),
    Column("reference", TEXT, nullable=False),
    Column("reference_date", TEXT, nullable=False),
    Column("document", TEXT, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Index("ix_elimination_step_elimination", "elimination_id"),
    info={"part": Part.SETTING},
)

elimination_attestation = Table(
    "elimination_attestation",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("elimination_id", BigInteger, nullable=False),
    Column("place", TEXT, nullable=False),
    Column("method", TEXT, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("time", TEXT, nullable=False),
    Index("ix_elimination_attestation_elimination", "elimination_id"),
    info={"part": Part.SETTING},
)
