"""The tables of where studies lie: what is kept in which store, and what is known of who reads them.

A **placement** says of a study and a named store how the last event about the two left it: `kept`, all that was stored
up to position `upto` lies there; or not kept, what was stored up to there may be gone, and of each blob at least
`copies` stay in other stores. A study without a row of the main store, or of a replica, lies there, as all that arrives
does; without a row of a tier it does not.

**Last access** is the day (ISO 8601, UTC) on which a study was last retrieved, and **recall** holds studies that were
asked for and are to be brought back; both are noted now and then, and may be lost.
"""

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table

from vna.index.tables import TEXT, Part, metadata

placement = Table(
    "placement",
    metadata,
    Column("study_id", BigInteger, primary_key=True, autoincrement=False),
    Column("store", TEXT, primary_key=True),
    Column("kept", Boolean, nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("copies", Integer, nullable=False),
    sqlite_with_rowid=False,
    info={"part": Part.PROJECTION},
)

last_access = Table(
    "last_access",
    metadata,
    Column("study_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", TEXT, nullable=False),
    sqlite_with_rowid=False,
    info={"part": Part.WORKING},
)

recall = Table(
    "recall",
    metadata,
    Column("study_id", BigInteger, primary_key=True, autoincrement=False),
    Column("time", TEXT, nullable=False),
    sqlite_with_rowid=False,
    info={"part": Part.WORKING},
)
