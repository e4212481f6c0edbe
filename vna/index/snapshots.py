"""Reading for many threads at once: each reads one state of the database, on a connection nobody else uses meanwhile.

Connections to SQLite are kept between two reads: to take one from SQLAlchemy's pool and to give it back costs as much
as a keyed query. Those to another server come from the pool, which sees whether they still live.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

from vna.index.statements import Compiler, Cursor


class Snapshots:
    """Gives cursors for reading. Thread-safe; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._compiler = engine, Compiler(engine)
        self._idle: list[PoolProxiedConnection] = []

    def close(self) -> None:
        """Give all connections back."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Read what is committed by now, in one transaction; an error ends the connection, as it may be broken.

        Raises:
            sqlalchemy.exc.DBAPIError: the database cannot be read; the driver's own errors are made into it.
        """
        connection = self._taken()
        try:
            cursor = Cursor(self._compiler, connection.cursor())
            if self._compiler.is_sqlite:
                cursor.execute("BEGIN")
            yield cursor
            connection.rollback()
        except self._compiler.driver_error as exc:
            connection.invalidate()
            raise OperationalError(None, None, exc) from exc
        except BaseException:
            connection.invalidate()
            raise
        if self._compiler.is_sqlite:
            self._idle.append(connection)
        else:
            connection.close()

    def _taken(self) -> PoolProxiedConnection:
        with suppress(IndexError):
            return self._idle.pop()
        try:
            return self._engine.raw_connection()
        except self._compiler.driver_error as exc:
            raise OperationalError(None, None, exc) from exc
