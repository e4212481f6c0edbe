"""Bodies of requests that are worked through while they come: in turns, so that a slow sender holds no thread.

The next turn is received while a thread is busy with the last one, and no more than that: a client that is faster than
the store waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

_TURN_BYTES: Final = 512 * 1024
"""So much is waited for before a thread is visited, which costs as much as copying 100 kB."""


async def read_body(request: Request, take: Callable[[bytes], None]) -> None:
    """Have `take` called in a thread with all of a body, in order, some at a time.

    Raises:
        ClientDisconnect: the client has gone before its end.
        Problem: the body is longer than allowed.
    """
    turns = _turns(request)
    coming = _next(turns)
    try:
        while turn := await coming:
            coming = _next(turns)
            await run_in_threadpool(take, turn)
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def _next(turns: AsyncIterator[bytes]) -> "asyncio.Future[bytes]":
    async def next_turn() -> bytes:
        return await anext(turns, b"")

    return asyncio.ensure_future(next_turn())


async def _turns(request: Request) -> AsyncIterator[bytes]:
    more = True
    while more:
        pieces, size = list[bytes](), 0
        while more and size < _TURN_BYTES:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece, more = message.get("body", b""), message.get("more_body", False)
            pieces.append(piece)
            size += len(piece)
        if size:
            yield b"".join(pieces)
