"""The HTTP server of a process: uvicorn on a thread of its own, fed with connections of a shared listener.

Several processes accept from one listener. Each waits in turn, so that connections are spread over them.
"""

import asyncio
import logging
import select
import socket
import threading
import time

import uvloop
from starlette.types import ASGIApp
from uvicorn import Config, Server

from vna.settings import HttpSettings
from vna.web.protocol import GuardedProtocol

log = logging.getLogger(__name__)

_BACKLOG = 128
_PAUSE_S = 0.1
_YIELD_S = 0.001  # for each connection of its own a worker lets others accept first
_LONGEST_YIELD_S = 0.01


def listen_for_http(settings: HttpSettings) -> socket.socket:
    """Return a socket that listens for HTTP; several processes may accept from it.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


class HttpServer:
    """Answers from `start` to `stop`; the listener is shared, and `stop` closes that of this process only."""

    def __init__(self, app: ASGIApp, listener: socket.socket, settings: HttpSettings) -> None:
        """Serve an application."""
        self._config = Config(
            app,
            loop="none",
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=max(1, round(settings.request_timeout_s)),
        )
        self._server, self._listener = Server(self._config), listener
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept_all, name="http-listener", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._acceptor.start()

    def stop(self, grace_s: float) -> None:
        """Take no new connections, let the requests under way finish for so many seconds, and close."""
        self._config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._wake.close()
        if self._acceptor.ident is not None:
            self._acceptor.join()
        self._woken.close()
        self._listener.close()
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[]))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())

    def _accept_all(self) -> None:
        waiting = select.poll()
        waiting.register(self._listener, select.POLLIN)
        waiting.register(self._woken, select.POLLHUP)
        while True:
            if any(fd == self._woken.fileno() for fd, _ in waiting.poll()):
                return
            time.sleep(min(len(self._server.server_state.connections) * _YIELD_S, _LONGEST_YIELD_S))
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:  # another process was quicker
                continue
            except OSError as exc:
                log.error("web connection not accepted reason=%s", exc.strerror)
                time.sleep(_PAUSE_S)  # out of descriptors: others must end first
                continue
            connection.setblocking(False)
            asyncio.run_coroutine_threadsafe(self._serve(connection), self._loop)

    async def _serve(self, connection: socket.socket) -> None:
        state = self._server.server_state
        await self._loop.connect_accepted_socket(
            lambda: GuardedProtocol(self._config, state, {}),
            connection,
        )
