"""The listener: one thread that accepts, one for each association, and a stop that lets work finish."""

import logging
import socket
import threading
import time

from vna.archive import Archive
from vna.dimse.association import Association
from vna.dimse.connections import Connections
from vna.dimse.upper_layer import Connection
from vna.settings import DimseSettings

_log = logging.getLogger(__name__)

_BACKLOG = 128
_REJECTING_AT_MOST = 32  # connections over the limit that are still told so, at a time
_RESTING_S = 1.0  # a sender's pause between two instances is shorter
_DRAIN_STEP_S = 0.1
_END_S = 5.0


class DimseServer:
    """Accepts associations for an archive; `start` is called once."""

    def __init__(self, archive: Archive, settings: DimseSettings) -> None:
        self._archive, self._settings = archive, settings
        self._connections = Connections()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._stopping = False
        self._listener: socket.socket | None = None
        self._acceptor = threading.Thread(target=self._accept_all, name="dimse-listener", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where the started server listens: address and port."""
        host, port = self._listening().getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Listen, and accept associations from now on.

        Raises:
            OSError: the address cannot be listened on.
        """
        host = self._settings.host
        self._listener = socket.create_server(
            (host, self._settings.port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=_BACKLOG,
            dualstack_ipv6=host == "::",
        )
        self._acceptor.start()
        _log.info("dimse listening host=%s port=%d ae_title=%s", *self.address, self._settings.ae_title)

    def stop(self, drain_s: float) -> None:
        """Accept nothing new, give associations up to `drain_s` seconds to finish, end what is left.

        An association on which nothing is under way is aborted after a second. Stopping again ends at
        once what an earlier, more patient stop still waits for.
        """
        deadline = time.monotonic() + drain_s
        self._close_listener()
        while self._running() and time.monotonic() < deadline:
            self._connections.interrupt_resting(longer_than_s=min(_RESTING_S, drain_s))
            self._join_one(_DRAIN_STEP_S)
        self._connections.interrupt_all()
        deadline = time.monotonic() + _END_S
        while self._running() and time.monotonic() < deadline:
            self._join_one(_DRAIN_STEP_S)
        _log.info("dimse stopped associations_left=%d", self._running())

    def _listening(self) -> socket.socket:
        if self._listener is None:
            raise RuntimeError("the DIMSE server is not started")
        return self._listener

    def _close_listener(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        listener = self._listening()
        listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`, which closing would not
        self._acceptor.join()
        listener.close()

    def _accept_all(self) -> None:
        listener = self._listening()
        while not self._stopping:
            try:
                sock, address = listener.accept()
            except OSError as exc:
                if not self._stopping:
                    _log.error("connection not accepted reason=%s", exc.strerror)
                    time.sleep(_DRAIN_STEP_S)  # out of descriptors: others must end first
                continue
            self._begin(sock, str(address[0]))

    def _begin(self, sock: socket.socket, address: str) -> None:
        """Serve a connection in a thread of its own, if it is not one too many."""
        with self._lock:
            open_now = len(self._threads)
        if open_now >= self._settings.max_associations + _REJECTING_AT_MOST:
            _log.warning("connection closed address=%s reason=%d connections are open", address, open_now)
            sock.close()
            return
        over_limit = open_now >= self._settings.max_associations
        thread = threading.Thread(
            target=self._serve, args=(sock, address, over_limit), name=f"dimse-{address}", daemon=True
        )
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _serve(self, sock: socket.socket, address: str, over_limit: bool) -> None:
        try:
            settings = self._settings
            connection = Connection(sock, max_pdu=settings.max_pdu, idle_timeout_s=settings.idle_timeout_s)
            association = Association(
                connection, address, archive=self._archive, settings=settings, connections=self._connections
            )
            association.run(over_limit=over_limit)
        except OSError as exc:
            _log.info("connection lost address=%s reason=%s", address, exc.strerror)
            sock.close()
        finally:
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
