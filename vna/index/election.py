"""Who keeps house: of all nodes on one database one is elected, until it goes or loses its connection.

On PostgreSQL the elected node holds an advisory lock, which belongs to a session: whatever ends the session frees it,
also the death of the node, and the next one that asks gets it. The server asks the connection of a silent node
whether it still lives, so that a machine that is cut off does not keep the office for hours. A pooler between node
and database must keep a session to one connection.

SQLite has one node, the owner of the data folder, which is always elected.
"""

import threading
from contextlib import suppress

import psycopg

from vna.index.database import sqlite_path

_OFFICE = 0x766E61
"""The lock of this database that stands for the office; any number will do that others do not use."""
_TRY = "SELECT pg_try_advisory_lock(%s)"
_SESSION = (
    "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"
    " SET application_name = 'vna housekeeper'"
)
_CONNECT_TIMEOUT_S = 5


class Election:
    """The candidacy of one node for one database. Thread-safe; close it when done."""

    def __init__(self, url: str) -> None:
        self._url = None if sqlite_path(url) else url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._lock = threading.Lock()
        self._session: psycopg.Connection[tuple[bool]] | None = None

    def is_elected(self) -> bool:
        """Return whether this node keeps house now, trying to be elected where nobody is; false without a database."""
        if self._url is None:
            return True
        with self._lock:
            try:
                return self._ask(self._url)
            except psycopg.Error:
                self._leave()
                return False

    def close(self) -> None:
        """Give the office back."""
        with self._lock:
            self._leave()

    def _ask(self, url: str) -> bool:
        """Ask over the session that holds the office, or over a new one that is given up where another has it."""
        if self._session is not None:
            self._session.execute("SELECT 1")
            return True
        self._session = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S)
        self._session.execute(_SESSION)
        won = self._session.execute(_TRY, (_OFFICE,)).fetchone() == (True,)
        if not won:
            self._leave()
        return won

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(psycopg.Error):
                session.close()
