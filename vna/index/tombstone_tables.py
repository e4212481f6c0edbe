"""The table of what was eliminated: tombstones, which stay when all rows of a study, series or instance go.

A **tombstone** is numbered by the position of its event, `vna.events.Eliminated`. Its sums are what the counts of the
archive have become less by: `intake` goes on saying what came in. `ledger` is the digest of the entry of a ledger that
it follows, empty where an elimination was decided here; `owners` and `rules` are JSON lists.

The indexes below that are of other tables serve eliminations alone. Without them each row that goes has the database
look through all rows that may name it: foreign keys ask for that as well. They cost an arrival some 0.03 ms of CPU.
"""

from sqlalchemy import BigInteger, Column, Index, Table

from vna.index.tables import ROW_ID, TEXT, Part, metadata, payload, series_record, term_column, term_form, version

tombstone = Table(
    "tombstone",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("elimination", BigInteger, nullable=False),
    Column("study_uid", TEXT, nullable=False),
    Column("series_uid", TEXT),
    Column("sop_instance_uid", TEXT),
    Column("rules", TEXT, nullable=False),
    Column("owners", TEXT, nullable=False),
    Column("manifest", TEXT, nullable=False),
    Column("ledger", TEXT, nullable=False),
    Column("instances", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("first_versions", BigInteger, nullable=False),
    Column("stored_size", BigInteger, nullable=False),
    Column("time", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Index("ix_tombstone_study", "study_uid"),
    Index("ix_tombstone_elimination", "elimination"),
    info={"part": Part.SETTING},
)

for _name in ("SeriesDescription", "InstitutionName"):
    Index(f"ix_series_record_{_name}", series_record.c[term_column(_name)])

Index("ix_payload_owner", payload.c.owner)
Index("ix_payload_base", payload.c.base)
Index("ix_term_form_term", term_form.c.term_id)
Index("ix_version_study_record", version.c.study_record_id)
Index("ix_version_series_record", version.c.series_record_id)
