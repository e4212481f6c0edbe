"""A reverse proxy as a hospital puts it before a node: another port, a path prefix, and headers that say so."""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

Told = Callable[[str], Mapping[str, str]]
"""Returns the headers a proxy adds, given the host (with port) that the client asked."""

_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_TIMEOUT_S = 60


@contextmanager
def reverse_proxy(upstream: str, prefix: str, told: Told) -> Iterator[str]:
    """Run a proxy until the block ends; give the address under which clients reach the node through it."""

    class Handler(_Handler):
        node = urlsplit(upstream).netloc
        below = prefix
        headers_told = staticmethod(told)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    node: ClassVar[str]
    below: ClassVar[str]
    headers_told: ClassVar[Told]

    def do_GET(self) -> None:
        if not self.path.startswith(self.below + "/"):
            self.send_error(404, "not below the prefix")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        headers |= self.headers_told(self.headers["Host"])
        upstream = http.client.HTTPConnection(self.node, timeout=_TIMEOUT_S)
        try:
            upstream.request(self.command, self.path.removeprefix(self.below), body or None, headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the name http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""
