"""HTTP/1.1 as uvicorn speaks it, with limits on what comes before a request can be looked at: its head.

A head that is too long or too slow never becomes a request, so nothing above could refuse it. To clients of HTTP/1.0,
which know no chunks, an answer of unknown length goes until the connection ends.
"""

import asyncio
from typing import Any, Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_MOST_HEADERS: Final = 100
_LONGEST_HEAD: Final = 32 * 1024
_LONGEST_URL: Final = 16 * 1024
_MOST_BYTES_BEFORE_HEAD: Final = 512 * 1024
"""Of all that comes before a head is whole; the first read may hold some of the body too."""
_HEAD_TIMEOUT_S: Final = 30.0


class _UntilClosed(RequestResponseCycle):
    """A request of HTTP/1.0 and its answer (RFC 9112 6.1, 6.3)."""

    is_measured = True

    async def send(self, message: ASGISendEvent) -> None:
        """Send a part of the answer; if it has no length, all that comes belongs to it."""
        if message["type"] == "http.response.start":
            self.is_measured = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
            if not self.is_measured:
                self.chunked_encoding = False
        elif message["type"] == "http.response.body" and not self.is_measured:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._head_bytes = self._waiting_bytes = 0
        self._refused = False
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, not for ever."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is refused already."""
        if self._head_timer is not None:
            self._waiting_bytes += len(data)
            if self._waiting_bytes > _MOST_BYTES_BEFORE_HEAD:
                self._refuse(b"431 Request Header Fields Too Large", "the head of a request is too long")
        if not self._refused:
            super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin to count the next head."""
        super().on_message_begin()
        self._head_bytes = 0
        if self._head_timer is None:
            self._expect_head()

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        super().on_url(url)
        if len(self.url) > _LONGEST_URL:
            self._refuse(b"414 URI Too Long", f"a URL may have {_LONGEST_URL} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value)
        if len(self.headers) > _MOST_HEADERS or self._head_bytes > _LONGEST_HEAD:
            text = f"a request may have {_MOST_HEADERS} headers of {_LONGEST_HEAD} bytes in all"
            self._refuse(b"431 Request Header Fields Too Large", text)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless it was refused."""
        self._head_has_come()
        if not self._refused:
            super().on_headers_complete()
            if self.scope.get("http_version") == "1.0":
                self.cycle.__class__ = _UntilClosed

    def on_body(self, body: bytes) -> None:
        """Take some of the body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Know that the body has ended."""
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP as everything else is refused; uvicorn would write plain text."""
        self._refuse(b"400 Bad Request", msg.rstrip("."))

    def _expect_head(self) -> None:
        self._waiting_bytes = 0
        self._head_timer = self.loop.call_later(_HEAD_TIMEOUT_S, self._too_slow)

    def _head_has_come(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self._refuse(b"408 Request Timeout", f"the head of a request has to come within {_HEAD_TIMEOUT_S:g} s")

    def _refuse(self, status: bytes, text: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self.logger.warning("web connection closed status=%s reason=%s", status.decode(), text)
        body = b'{"type":"about:blank","status":%s,"title":"%s","detail":"%s"}' % (
            status[:3],
            status[4:],
            text.encode(),
        )
        head = (
            b"HTTP/1.1 %s\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head % (status, len(body)) + body)
        self.transport.close()
