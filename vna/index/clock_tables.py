"""The tables of the clock that retention goes by.

A **clock jump** stands from its position (`id`) until somebody has confirmed the time. **Clock seen** is one row: the
time (UTC, ISO 8601) that was found right last; it may be lost.
"""

from sqlalchemy import BigInteger, Column, Integer, Table

from vna.index.tables import ROW_ID, TEXT, Part, metadata

clock_jump = Table(
    "clock_jump",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("trusted", TEXT, nullable=False),
    Column("seen", TEXT, nullable=False),
    Column("confirmed_at", BigInteger),
    Column("confirmed_time", TEXT),
    Column("confirmed_by", TEXT),
    info={"part": Part.PROJECTION},
)

clock_seen = Table(
    "clock_seen",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("time", TEXT, nullable=False),
    info={"part": Part.WORKING},
)
