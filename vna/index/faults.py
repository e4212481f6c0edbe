"""Whose fault an error of the database is: the entry's own, or the database's.

Statements of the hot path raise the driver's errors, everything else SQLAlchemy's; both are known here.
"""

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from vna.errors import Held, NotPlausible


class Faults:
    """The error classes of one database."""

    def __init__(self, engine: Engine) -> None:
        driver = engine.dialect.import_dbapi()
        self.of_entry: tuple[type[Exception], ...] = (
            *(IntegrityError, DataError, driver.IntegrityError, driver.DataError),
            *(ValueError, TypeError, LookupError, Held, NotPlausible),
        )
        """What an entry itself is at fault for, so that it fails alone."""
        self.of_database: tuple[type[Exception], ...] = (DBAPIError, driver.Error)
        """Anything else: the database is full, read-only or away."""


def reason(failure: Exception) -> str:
    """Return what the driver says, in a word or two: its error name, without statement or values."""
    original = failure.orig if isinstance(failure, DBAPIError) else failure
    return str(
        getattr(original, "sqlite_errorname", "") or getattr(original, "sqlstate", "") or type(original).__name__
    )
