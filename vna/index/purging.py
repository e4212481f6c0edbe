"""What a database keeps of rows that are gone, and how it is rid of it.

SQLite writes zeros over what is deleted (`secure_delete`), but when it moves rows between pages, a page may keep an
older copy of one before its first row: of 600 studies five such copies of what went were found, patient IDs and
accession numbers. The write-ahead log keeps pages as they were. So the whole file is written anew (VACUUM), and the log
emptied. Who writes waits meanwhile, who reads does not: 16 s for 1 GB, measured on two busy cores. It takes twice as
much room on the disk, half of it where SQLite keeps temporary files (SQLITE_TMPDIR, else /var/tmp).

PostgreSQL keeps old rows until VACUUM; VACUUM FULL writes each table that held rows of what went anew. Its own
write-ahead log, its standbys and backups keep older pages for as long as they are kept: that is outside of this.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from typing import Any, Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from vna.index import tables
from vna.index.database import sqlite_path, turn_of
from vna.index.extra_tables import extra_value
from vna.index.lifecycle_tables import hold, patient_fact, subject

_REWRITTEN: Final = (
    *(tables.study, tables.study_record, tables.series, tables.series_record, tables.version, tables.term),
    *(tables.term_form, tables.patient, tables.payload, tables.header_base, tables.blob_use, tables.rejection),
    *(tables.flag, subject, patient_fact, hold, extra_value),
)
_IN_FULL: Final = "the database was written anew (VACUUM, secure_delete) and its write-ahead log emptied"
_TABLES: Final = (
    "the tables were written anew (VACUUM FULL); write-ahead log, standbys and backups of the server are not covered"
)


@dataclass(frozen=True, slots=True)
class Purged:
    """How a database was purged, and its size in bytes; or the problem for which it was not."""

    method: str = ""
    size: int = 0
    problem: str = ""


def purge(writing: Engine) -> Purged:
    """Rid a database of what it keeps of rows that are gone."""
    file = sqlite_path(writing.url.render_as_string(hide_password=False))
    if file is None:
        return _purge_server(writing)
    size = Path(file).stat().st_size
    free = disk_usage(Path(file).parent).free
    if free < 2 * size:
        return Purged(
            problem=f"the index has {size} bytes, and needs twice as many free to be written anew: {free} are"
        )
    with closing(turn_of(writing)) as turn, turn:
        connection = writing.raw_connection()
        try:
            return _purge_file(connection.cursor(), Path(file))
        except sqlite3.Error as exc:
            return Purged(problem=f"the index cannot be written anew now: {exc}")
        finally:
            connection.invalidate()


def _purge_file(cursor: Any, file: Path) -> Purged:
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.execute("VACUUM")
    busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        return Purged(problem="somebody is still reading what the write-ahead log of the index holds")
    return Purged(_IN_FULL, file.stat().st_size)


def _purge_server(writing: Engine) -> Purged:
    with writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            for table in _REWRITTEN:
                connection.execute(text(f'VACUUM FULL "{table.name}"'))
            size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        except OperationalError as exc:
            return Purged(problem=f"the database cannot be purged: {exc.orig}")
    return Purged(_TABLES, int(size))
