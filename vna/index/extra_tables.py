"""The tables of extra attributes (vna.dicom.extra): working tables, which the housekeeper fills from stored headers.

`extra_attribute` has a row for each attribute that was asked for; `read_upto` is the journal position up to which all
headers have been read for it. `extra_value` has its values: `owner_id` is the record of a study or series, or the
version of an instance, which all are numbered by the position of the event whose header says the value. A value has a
row for each of its forms, as a term has (`vna.index.tables`); the first of them, 0, holds the value itself. What has no
value has no row.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from vna.index.tables import ROW_ID, TEXT, Part, metadata

extra_attribute = Table(
    "extra_attribute",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("setting", TEXT, nullable=False, unique=True),
    Column("read_upto", BigInteger, nullable=False),
    info={"part": Part.WORKING},
)

extra_value = Table(
    "extra_value",
    metadata,
    Column("attribute_id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("folded", TEXT, nullable=False),
    Column("value", TEXT),
    Index("ix_extra_value_folded", "attribute_id", "folded", "owner_id"),
    sqlite_with_rowid=False,
    info={"part": Part.WORKING},
)
