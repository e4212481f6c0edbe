"""The table of locks: until when objects of stores with Object Lock are locked, as they said when last asked.

A working table: without it every object is asked again. `until_s` is in seconds since 1970, 0 for one without a lock;
`held` is the legal hold beside it.
"""

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, Table

from vna.index.tables import TEXT, Part, metadata

object_lock = Table(
    "object_lock",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("codec", TEXT, primary_key=True),
    Column("store", TEXT, primary_key=True),
    Column("until_s", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False),
    sqlite_with_rowid=False,
    info={"part": Part.WORKING},
)
