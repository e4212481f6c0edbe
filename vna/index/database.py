"""Connections to the index database: SQLite embedded, or PostgreSQL for more than one node.

SQLite runs in WAL mode with `synchronous = FULL`, so that COMMIT returns when the transaction is on
disk. SQLAlchemy's own transaction handling of pysqlite is switched off: migrations here, and the
committer in `statements`, say BEGIN IMMEDIATE, so that a writer holds the lock from its first statement.
"""

import fcntl
import os
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool, QueuePool

_BUSY_TIMEOUT_MS = 10_000
_CHECKPOINT_PAGES = 1000  # as SQLite has it


def sqlite_path(url: str) -> str | None:
    """Return the database file of a SQLite URL, or None for another database."""
    parsed = make_url(url)
    return parsed.database if parsed.get_backend_name() == "sqlite" else None


def writer_engine(url: str, *, checkpoint_pages: int = _CHECKPOINT_PAGES) -> Engine:
    """Return an engine for what writes: transactions lock at BEGIN, and each writer keeps a connection of its own."""
    if sqlite_path(url) is None:
        return create_engine(url, pool_size=1, max_overflow=9, pool_pre_ping=True)
    engine = create_engine(url, poolclass=QueuePool, pool_size=1, connect_args=_SQLITE_ARGUMENTS, **_NO_RESET)
    _prepare_sqlite(engine, f"wal_autocheckpoint = {checkpoint_pages}")
    return engine


def reader_engine(url: str) -> Engine:
    """Return an engine for queries, safe to use from many threads."""
    if sqlite_path(url) is None:
        return create_engine(url, pool_size=8, max_overflow=24, pool_pre_ping=True, isolation_level="REPEATABLE READ")
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=16, max_overflow=48, connect_args=_SQLITE_ARGUMENTS, **_NO_RESET
    )
    _prepare_sqlite(engine, begin="BEGIN")
    return engine


def migration_engine(url: str) -> Engine:
    """Return an engine for one schema migration at a time, which keeps no connection afterwards."""
    if sqlite_path(url) is None:
        engine = create_engine(url, poolclass=NullPool)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(_ONE_MIGRATION))
        return engine
    engine = create_engine(url, poolclass=NullPool, connect_args=_SQLITE_ARGUMENTS)
    _prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
    return engine


_ONE_MIGRATION = "SELECT pg_advisory_xact_lock(7310587215)"
"""An arbitrary number, the same in every node: two that start at once on one database migrate it once."""
_PRAGMAS = (
    *("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -65536"),
    "secure_delete = ON",
)
_SQLITE_ARGUMENTS = {"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000}
_NO_RESET = {"pool_reset_on_return": None}
"""Every transaction here is ended by whoever began it, so the pool need not roll back once more."""


def _prepare_sqlite(engine: Engine, *pragmas: str, begin: str = "") -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (*_PRAGMAS, *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    if begin:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))


def turn_of(engine: Engine) -> "Turn":
    """Return what processes take turns by to write to a database."""
    return Turn(sqlite_path(engine.url.render_as_string(hide_password=False)))


class Turn:
    """The turn to write, between processes; one thread of a process at a time may ask for it.

    Writers of SQLite that find it locked sleep and try again, the unlucky for half a second. So they
    wait for a lock of the kernel's beside the database first, which passes the turn on at once. Other
    databases do so themselves.
    """

    def __init__(self, database: str | None) -> None:
        self._path = f"{database}-turn" if database else None
        self._fd = -1

    def __enter__(self) -> None:
        if self._path is None:
            return
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock's file; the next turn opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
