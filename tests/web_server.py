"""An HTTP server of the node's kind in this process, with any routes, and raw connections to it."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from starlette.routing import BaseRoute

from vna.settings import HttpSettings
from vna.web import HttpServer, create_web_app, listen_for_http

_PATIENCE_S = 20


@contextmanager
def serving(routes: Sequence[BaseRoute], **settings: object) -> Iterator[tuple[str, int]]:
    """Serve routes on a free port of the loopback; give the address."""
    http = HttpSettings.model_validate({"port": 0, **settings})
    listener = listen_for_http(http)
    address = listener.getsockname()[:2]
    server = HttpServer(create_web_app(routes, http), listener, http)
    server.start()
    try:
        yield address
    finally:
        server.stop(5)


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    """Connect to it."""
    with socket.create_connection(address, timeout=_PATIENCE_S) as connection:
        yield connection


def all_of(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    found = []
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            return b"".join(found)
        if not data:
            return b"".join(found)
        found.append(data)
