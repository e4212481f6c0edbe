"""How much one client may ask for: bytes of a request, requests at a time, and time to send and to take.

A client beyond its share is told so (413, 429, 503 with Retry-After); one that neither sends nor takes is cut off.
Who is told so while still sending is listened to for a moment: a connection closed on what was not read is reset, and
that loses the answer (RFC 9112 9.6).
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final, TypeVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vna.settings import HttpSettings
from vna.web.middleware import HttpMiddleware
from vna.web.problem import RETRY_AFTER_S, Problem, answer

_Step = TypeVar("_Step")

_LINGER_S: Final = 2.0
_CLOSE: Final = (b"connection", b"close")

log = logging.getLogger(__name__)


class TooSlow(Exception):
    """The client took longer than `http.request_timeout_s` to send or to take the next bytes."""


class Limits(HttpMiddleware):
    """ASGI: counts requests and their bytes, and watches the time."""

    def __init__(self, app: ASGIApp, *, settings: HttpSettings, workers: int = 1) -> None:
        """Limit what one of `workers` processes takes, which share the limits."""
        super().__init__(app)
        self._most = math.ceil(settings.max_requests / workers)
        self._most_of_one = math.ceil(self._most / 2)
        self._body, self._timeout_s = settings.max_body_bytes, settings.request_timeout_s
        self._running: Counter[str] = Counter()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        address = (scope.get("client") or ("unknown",))[0]
        refusal = self._refusal(address, Headers(scope=scope))
        request = _Request(receive, send, most=self._body, timeout_s=self._timeout_s)
        if refusal is not None:
            log.warning("web request refused address=%s status=%d reason=%s", address, refusal.status, refusal.detail)
            await answer(refusal)(scope, request.receive, request.send)
            return
        self._running[address] += 1
        try:
            await self.inner(scope, request.receive, request.send)
        except TooSlow as exc:
            log.warning("web client cut off address=%s reason=%s", address, exc)
            if not request.answered:
                await answer(Problem(408, str(exc), headers={"Connection": "close"}))(scope, receive, send)
        finally:
            self._running[address] -= 1
            self._running += Counter()  # forgets who has none

    def _refusal(self, address: str, headers: Headers) -> Problem | None:
        later = {"Retry-After": str(RETRY_AFTER_S)}
        if self._running.total() >= self._most:
            return Problem(503, "the node serves as many requests as it may: try again later", headers=later)
        if self._running[address] >= self._most_of_one:
            return Problem(429, "too many requests at a time from this address: try again later", headers=later)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._body:
            return Problem(413, f"a request may have {self._body} bytes", headers={"Connection": "close"})
        return None


class _Request:
    """One request, its bytes counted and its client's pace watched."""

    def __init__(self, receive: Receive, send: Send, *, most: int, timeout_s: float) -> None:
        self._receive, self._send = receive, send
        self._left, self._timeout_s = most, timeout_s
        self._body_ended = self._closes = self.answered = False

    async def receive(self) -> Message:
        if self._body_ended:  # what is waited for now is that the client goes
            return await self._receive()
        message = await self._in_time(self._receive(), "send")
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise Problem(413, "the request has more bytes than allowed", headers={"Connection": "close"})
            self._body_ended = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self.answered = True
        if message["type"] == "http.response.start":
            self._closes = _CLOSE in message["headers"]
        elif self._closes and not self._body_ended and not message.get("more_body", False):
            await self._in_time(self._send({**message, "more_body": True}), "take")
            await self._linger()
            message = {"type": "http.response.body"}
        await self._in_time(self._send(message), "take")

    async def _linger(self) -> None:
        """Take what still comes of a body, and drop it, until the client has seen the answer or had time to."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while (await self._receive()).get("more_body", False):
                    pass

    async def _in_time(self, step: Awaitable[_Step], what: str) -> _Step:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await step
        except TimeoutError as exc:
            raise TooSlow(f"it did not {what} anything for {self._timeout_s:g} s") from exc
