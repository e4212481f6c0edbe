"""All connections of the node that are open now, so that a stop can end them in order."""

import threading
import time

from vna.dimse.turns import Turns
from vna.dimse.upper_layer import Connection


class Connections:
    """The open connections, those we requested too; safe to use from all threads.

    A connection rests while nothing is under way on it: a stop ends those first. `moves` says whose turn
    it is to send something out.
    """

    def __init__(self, parent: "Connections | None" = None) -> None:
        """Begin with none; what is added here is added to the `parent` too, so that either can end it."""
        self.moves: Turns = Turns() if parent is None else parent.moves
        self._parent = parent
        self._lock = threading.Lock()
        self._resting_since: dict[Connection, float | None] = {}
        self._stopped = False

    def add(self, connection: Connection) -> None:
        """Note a new connection; it does not rest yet. After `interrupt_all` it is ended at once."""
        with self._lock:
            self._resting_since[connection] = None
            if self._stopped:
                connection.interrupt(at_once=True)
        if self._parent is not None:
            self._parent.add(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        with self._lock:
            self._resting_since.pop(connection, None)
        if self._parent is not None:
            self._parent.remove(connection)

    def rest(self, connection: Connection) -> None:
        """Note that a connection waits for its peer's next request."""
        with self._lock:
            self._resting_since[connection] = time.monotonic()

    def work(self, connection: Connection) -> None:
        """Note that a request is under way."""
        with self._lock:
            self._resting_since[connection] = None

    def interrupt_resting(self, *, longer_than_s: float) -> None:
        """End the connections that have rested for a while."""
        limit = time.monotonic() - longer_than_s
        with self._lock:
            for connection, since in self._resting_since.items():
                if since is not None and since <= limit:
                    connection.interrupt(at_once=False)

    def interrupt_all(self, *, at_once: bool = True) -> None:
        """End all connections: those that wait for bytes, or `at_once` whatever they are doing."""
        with self._lock:
            self._stopped = True
            for connection in self._resting_since:
                connection.interrupt(at_once=at_once)
