"""The HTTP server of a process: uvicorn on a thread of its own, fed with connections of a shared listener.

Several processes accept from one listener. Each waits in turn, so that connections are spread over them.
"""

import asyncio
import socket
import threading

import uvloop
from starlette.types import ASGIApp
from uvicorn import Config, Server

from vna.accepting import BACKLOG, Acceptor
from vna.settings import HttpSettings
from vna.web.protocol import GuardedProtocol

_LONGEST_YIELD_S = 0.01


def listen_for_http(settings: HttpSettings) -> socket.socket:
    """Return a socket that listens for HTTP; several processes may accept from it.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
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
        self._server = Server(self._config)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._acceptor = Acceptor(
            listener, self._begin, self._open_connections, name="http-listener", longest_yield_s=_LONGEST_YIELD_S
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._acceptor.start()

    def stop(self, grace_s: float) -> None:
        """Take no new connections, let the requests under way finish for so many seconds, and close."""
        self._config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._acceptor.stop()
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[]))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())

    def _begin(self, connection: socket.socket, _address: str) -> None:
        connection.setblocking(False)
        asyncio.run_coroutine_threadsafe(self._serve(connection), self._loop)

    def _open_connections(self) -> int:
        return len(self._server.server_state.connections)

    async def _serve(self, connection: socket.socket) -> None:
        state = self._server.server_state
        await self._loop.connect_accepted_socket(
            lambda: GuardedProtocol(self._config, state, {}),
            connection,
        )
