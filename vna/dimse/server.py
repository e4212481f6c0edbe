"""The listener: one thread that accepts, one for each association, and a stop that lets work finish."""

import logging
import socket
import threading
import time

from vna.accepting import BACKLOG, Acceptor
from vna.archive import Archive
from vna.dimse.association import Association
from vna.dimse.connections import Connections
from vna.dimse.limits import Limit
from vna.dimse.seats import Seats, Visit
from vna.dimse.upper_layer import Connection
from vna.metrics.families import LIMITED, UNREGISTERED
from vna.settings import DimseSettings

_log = logging.getLogger(__name__)

_LONGEST_YIELD_S = 0.02
_RESTING_S = 1.0  # a sender's pause between two instances is shorter
_DRAIN_STEP_S = 0.1
_GOODBYE_S = 1.5  # somewhat longer than an association waits for its peer to close
_END_S = 5.0


def listen(settings: DimseSettings) -> socket.socket:
    """Return a socket that listens for DIMSE; several processes may accept from it.

    Raises:
        OSError: the address cannot be listened on.
    """
    listener = socket.create_server(
        (settings.host, settings.port),
        family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
        backlog=BACKLOG,
        dualstack_ipv6=settings.host == "::",
    )
    listener.setblocking(False)
    return listener


class DimseServer:
    """Accepts associations for an archive; `start` is called once.

    The listener may be shared: other workers accept from theirs, and `stop` closes that of this process only.
    """

    def __init__(self, archive: Archive, settings: DimseSettings, listener: socket.socket) -> None:
        self._archive, self._settings = archive, settings
        self._connections = Connections()
        self._seats = Seats(settings)
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._acceptor = Acceptor(
            listener, self._begin, self._running, name="dimse-listener", longest_yield_s=_LONGEST_YIELD_S
        )

    def start(self) -> None:
        """Accept associations from now on."""
        self._acceptor.start()

    def stop(self, drain_s: float) -> None:
        """Accept nothing new, give associations up to `drain_s` seconds to finish, end what is left.

        An association on which nothing is under way is aborted after a second. Stopping again ends at
        once what an earlier, more patient stop still waits for.
        """
        deadline = time.monotonic() + drain_s
        self._acceptor.stop()
        while self._running() and time.monotonic() < deadline:
            self._connections.interrupt_resting(longer_than_s=min(_RESTING_S, drain_s))
            self._join_one(_DRAIN_STEP_S)
        self._connections.interrupt_all(at_once=False)  # who waits for bytes tells the peer, with an A-ABORT
        self._join_all(_GOODBYE_S)
        self._connections.interrupt_all()
        self._join_all(_END_S)
        _log.info("dimse stopped associations_left=%d", self._running())

    def _begin(self, sock: socket.socket, address: str) -> None:
        """Serve a connection in a thread of its own, if it is not one too many."""
        visit = self._seats.visit(address)
        if isinstance(visit, str):
            _log.warning("connection closed address=%s reason=%s", address, visit)
            self._archive.metrics.count(LIMITED, UNREGISTERED, Limit.CONNECTIONS)
            sock.close()
            return
        thread = threading.Thread(target=self._serve, args=(sock, address, visit), name=f"dimse-{address}", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _serve(self, sock: socket.socket, address: str, visit: Visit) -> None:
        try:
            association = Association(
                Connection(sock, self._settings),
                visit,
                archive=self._archive,
                settings=self._settings,
                connections=self._connections,
            )
            association.run()
        except OSError as exc:
            _log.info("connection lost address=%s reason=%s", address, exc.strerror)
            sock.close()
        finally:
            visit.leave()
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _running(self) -> int:
        with self._lock:
            return len(self._threads)

    def _join_all(self, timeout_s: float) -> None:
        """Wait for all associations to end, but no longer than this."""
        deadline = time.monotonic() + timeout_s
        while self._running() and time.monotonic() < deadline:
            self._join_one(_DRAIN_STEP_S)

    def _join_one(self, timeout_s: float) -> None:
        """Wait a little for some association to end."""
        with self._lock:
            thread = next(iter(self._threads), None)
        if thread is not None:
            thread.join(timeout_s)
