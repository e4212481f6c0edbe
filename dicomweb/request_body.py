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
        while pieces := await coming:
            coming = _next(turns)
            await run_in_threadpool(_take_all, take, pieces)
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def _take_all(take: Callable[[bytes], None], pieces: list[bytes]) -> None:
    for piece in pieces:
        take(piece)


def _next(turns: AsyncIterator[list[bytes]]) -> "asyncio.Future[list[bytes]]":
    async def next_turn() -> list[bytes]:
        return await anext(turns, [])

    return asyncio.ensure_future(next_turn())


async def _turns(request: Request) -> AsyncIterator[list[bytes]]:
    """Yield what comes in a turn, piece by piece; never nothing."""
    more = True
    while more:
        pieces, size = list[bytes](), 0
        while more and size < _TURN_BYTES:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece, more = message.get("body", b""), message.get("more_body", False)
            if piece:
                pieces.append(piece)
                size += len(piece)
        if pieces:
            yield pieces
