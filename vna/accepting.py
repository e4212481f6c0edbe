"""Accepting connections from a listener that several processes share, spread over them, until told to stop."""

import logging
import select
import socket
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

BACKLOG = 128
_YIELD_S = 0.001  # for each connection of its own a process lets others accept first
_PAUSE_S = 0.1


class Acceptor:
    """Accepts on a thread of its own from `start` to `stop`; the listener is closed in this process only."""

    def __init__(
        self,
        listener: socket.socket,
        begin: Callable[[socket.socket, str], object],
        open_connections: Callable[[], int],
        *,
        name: str,
        longest_yield_s: float,
    ) -> None:
        """Have `begin` called with each connection and the address it came from.

        Args:
            listener: does not block.
            open_connections: how many this process serves now: the more, the longer it lets others accept first.
            name: of the thread, and in the log.
            longest_yield_s: how long that is at most.
        """
        self._listener, self._begin, self._open = listener, begin, open_connections
        self._name, self._longest_yield_s = name, longest_yield_s
        self._wake, self._woken = socket.socketpair()
        self._stopped = False
        self._thread = threading.Thread(target=self._accept_all, name=name, daemon=True)

    def start(self) -> None:
        """Accept from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing new; stopping again does nothing."""
        if self._stopped:
            return
        self._stopped = True
        self._wake.close()
        if self._thread.ident is not None:
            self._thread.join()
        self._woken.close()
        self._listener.close()

    def _accept_all(self) -> None:
        waiting = select.poll()
        waiting.register(self._listener, select.POLLIN)
        waiting.register(self._woken, select.POLLIN)
        while True:
            waiting.poll()
            if self._stopped:
                return
            time.sleep(min(self._open() * _YIELD_S, self._longest_yield_s))
            try:
                connection, address = self._listener.accept()
            except BlockingIOError:  # another process was quicker
                continue
            except OSError as exc:
                _log.error("connection not accepted listener=%s reason=%s", self._name, exc.strerror)
                time.sleep(_PAUSE_S)  # out of descriptors: others must end first
                continue
            self._begin(connection, str(address[0]))
