"""The HTTP server of the node: uvicorn on a thread of its own, stopped by the node, not by signals."""

import socket
import threading
from collections.abc import Callable
from typing import Any

from uvicorn import Config, Server

from vna.errors import StartRefused
from vna.node.data_folder import Address
from vna.settings import HttpSettings

_GRACE_S = 5


class HttpServer:
    """Serves one ASGI application; listens from construction on, answers from `start` to `stop`.

    Raises:
        StartRefused: the address cannot be listened on.
    """

    def __init__(self, app: Callable[..., Any], settings: HttpSettings) -> None:
        self._socket = _listen(settings)
        config = Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="http", daemon=True)

    @property
    def address(self) -> Address:
        """Where it listens, with the port the system chose when 0 was asked for."""
        host, port = self._socket.getsockname()[:2]
        return Address(host, port)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests under way, for a few seconds at most, and close."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()


def _listen(settings: HttpSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as exc:
        where = Address(settings.host, settings.port)
        raise StartRefused(f"http.host, http.port: cannot listen on {where}: {exc.strerror}") from exc
