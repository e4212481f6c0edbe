"""An HTTP service in front of another that forwards what it is asked, except where a test wants a fault.

Requests go on as they came, header by header: the signature of an S3 request covers the host it was sent to.
"""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """Answer with this status instead of forwarding."""

    status: int
    body: bytes = b""


@dataclass(frozen=True)
class Delay:
    """Forward after so many seconds."""

    seconds: float


class Fault(Enum):
    """What else can happen to a request."""

    CUT = "the connection is closed without an answer"
    CUT_AFTERWARDS = "the request is carried out, and the connection closed without an answer"
    FAILED_AFTERWARDS = "the request is carried out, and the answer is 500"
    GARBLED = "a bit of its body is flipped on the way"
    SILENCE = "no answer comes until the service is closed"


Choose = Callable[[str, int], Answer | Delay | Fault | None]
"""Told the method and how many requests came before since the faults began; returns the fault, None to forward."""


def never(_method: str, _number: int) -> None:
    """Choose no fault."""


class FaultyService(ThreadingHTTPServer):
    """Listens on a free port of the loopback; `faults` is changed at will."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._choose: Choose = never
        self._count = 0
        self.seen: list[str] = []

    @contextmanager
    def faults(self, choose: Choose) -> Iterator[None]:
        """Let these faults happen inside the block."""
        with self._lock:
            self._choose, self._count, self.seen = choose, 0, []
        try:
            yield
        finally:
            with self._lock:
                self._choose = never

    def next_fault(self, method: str) -> Answer | Delay | Fault | None:
        """Return what is to happen to the next request."""
        with self._lock:
            number, self._count = self._count, self._count + 1
            self.seen.append(method)
            return self._choose(method, number)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyService

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.server.next_fault(self.command):
            case Answer(status, text):
                self._answer(status, {"ETag": '"of-no-object"'}, text)
                return
            case Delay(seconds):
                self.server.closing.wait(seconds)
            case Fault.SILENCE:
                self.server.closing.wait()
                self.close_connection = True
                return
            case Fault.GARBLED:
                body = body[:-1] + bytes([body[-1] ^ 1])
            case Fault.CUT:
                self.close_connection = True
                return
            case Fault.FAILED_AFTERWARDS:
                self._ask(body)
                self._answer(500, {}, b"")
                return
            case Fault.CUT_AFTERWARDS:
                self._ask(body)
                self.close_connection = True
                return
        self._answer(*self._ask(body))

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815 - names of http.server

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length") if self.command == "HEAD" else str(len(body))
        hop_by_hop = {"content-length", "transfer-encoding", "connection"}
        for name, value in headers.items():
            if name.lower() not in hop_by_hop:
                self.send_header(name, value)
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)


@contextmanager
def faulty_service(target: str) -> Iterator[FaultyService]:
    """Run one in front of an endpoint until the block ends."""
    with FaultyService(target) as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.closing.set()
            service.shutdown()
            thread.join()
