"""Answers made while they are sent: out of a blocking iterator, no faster than the client takes them."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vna.errors import VnaError

log = logging.getLogger(__name__)

Chunk = bytes | bytearray | memoryview

_TURN_BYTES = 2 * 1024 * 1024
"""So much is asked for in one visit to a thread, if it comes in pieces: a visit costs as much as sending 100 kB."""


class Streamed(Response):
    """An answer whose body is gone through once; what gives it is closed however it ends.

    When it breaks off with an error the connection is cut, so that nobody takes what was sent for the whole.
    """

    def __init__(
        self,
        chunks: Iterator[Chunk],
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        size: int | None = None,
    ) -> None:
        """Send `chunks`, of `size` bytes in all where that is known (it becomes Content-Length)."""
        self.status_code, self.media_type, self.background = status_code, media_type, None
        self._chunks = chunks
        self.init_headers({**(headers or {}), **({} if size is None else {"Content-Length": str(size)})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it over ASGI."""
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD" and not await self._send_all(send, gone):
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            await run_in_threadpool(_close, self._chunks)

    async def _send_all(self, send: Send, gone: "asyncio.Future[None]") -> bool:
        """Return whether all was sent; otherwise the server cuts the connection."""
        while not gone.done():
            try:
                turn = await run_in_threadpool(_turn, self._chunks)
            except (VnaError, OSError) as exc:
                log.error("web answer cut off reason=%s", exc)
                return False
            if not turn:
                return True
            for chunk in turn:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        return False


def _turn(chunks: Iterator[Chunk]) -> list[Chunk]:
    """Return the next chunks, empty when there are no more."""
    found, size = list[Chunk](), 0
    for chunk in chunks:
        if chunk:
            found.append(chunk)
            size += len(chunk)
            if size >= _TURN_BYTES:
                break
    return found


def _close(chunks: Iterator[Chunk]) -> None:
    close: Callable[[], None] | None = getattr(chunks, "close", None)
    if close is not None:
        with suppress(RuntimeError):  # it is running in a thread whose task was cancelled, and ends there
            close()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
