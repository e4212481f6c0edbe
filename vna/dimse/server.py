"""The listener: one thread that accepts, one for each association, and a stop that lets work finish."""

import logging
import select
import socket
import threading
import time

from vna.archive import Archive
from vna.dimse.association import Association
from vna.dimse.connections import Connections
from vna.dimse.limits import Limit
from vna.dimse.seats import Seats, Visit
from vna.dimse.upper_layer import Connection
from vna.metrics.families import LIMITED, UNREGISTERED
from vna.settings import DimseSettings

_log = logging.getLogger(__name__)

_BACKLOG = 128
_YIELD_S = 0.001  # for each association of its own a worker lets others accept first
_LONGEST_YIELD_S = 0.02
_RESTING_S = 1.0  # a sender's pause between two instances is shorter
_DRAIN_STEP_S = 0.1
_END_S = 5.0


def listen(settings: DimseSettings) -> socket.socket:
    """Return a socket that listens for DIMSE; several processes may accept from it.

    Raises:
        OSError: the address cannot be listened on.
    """
    listener = socket.create_server(
        (settings.host, settings.port),
        family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
        backlog=_BACKLOG,
        dualstack_ipv6=settings.host == "::",
    )
    listener.setblocking(False)
    return listener


class DimseServer:
    """Accepts associations for an archive; `start` is called once.

    The listener may be shared: other workers accept from theirs, and `stop` closes that of this process only.
    """

    def __init__(self, archive: Archive, settings: DimseSettings, listener: socket.socket) -> None:
        self._archive, self._settings, self._listener = archive, settings, listener
        self._connections = Connections()
        self._seats = Seats(settings)
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._stopping = False
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept_all, name="dimse-listener", daemon=True)

    def start(self) -> None:
        """Accept associations from now on."""
        self._acceptor.start()

    def stop(self, drain_s: float) -> None:
        """Accept nothing new, give associations up to `drain_s` seconds to finish, end what is left.

        An association on which nothing is under way is aborted after a second. Stopping again ends at
        once what an earlier, more patient stop still waits for.
        """
        deadline = time.monotonic() + drain_s
        self._stop_accepting()
        while self._running() and time.monotonic() < deadline:
            self._connections.interrupt_resting(longer_than_s=min(_RESTING_S, drain_s))
            self._join_one(_DRAIN_STEP_S)
        self._connections.interrupt_all()
        deadline = time.monotonic() + _END_S
        while self._running() and time.monotonic() < deadline:
            self._join_one(_DRAIN_STEP_S)
        _log.info("dimse stopped associations_left=%d", self._running())

    def _stop_accepting(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._wake.close()
        self._acceptor.join()
        self._woken.close()
        self._listener.close()

    def _accept_all(self) -> None:
        waiting = select.poll()
        waiting.register(self._listener, select.POLLIN)
        waiting.register(self._woken, select.POLLIN)
        while True:
            waiting.poll()
            if self._stopping:
                return
            time.sleep(min(self._running() * _YIELD_S, _LONGEST_YIELD_S))
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:  # another worker was quicker
                continue
            except OSError as exc:
                _log.error("connection not accepted reason=%s", exc.strerror)
                time.sleep(_DRAIN_STEP_S)  # out of descriptors: others must end first
                continue
            self._begin(sock, str(address[0]))

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

    def _join_one(self, timeout_s: float) -> None:
        """Wait a little for some association to end."""
        with self._lock:
            thread = next(iter(self._threads), None)
        if thread is not None:
            thread.join(timeout_s)
