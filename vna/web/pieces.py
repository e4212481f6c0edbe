"""Pieces of answers: small ones are sent together, large ones as they lie in memory, without a copy of them all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vna.web.streaming import Chunk

_SMALL: Final = 64 * 1024
"""Bytes of a piece that it costs less to copy than to send by itself."""

_AT_ONCE: Final = 1024 * 1024
"""Bytes of an answer that it costs less to copy than to send piece by piece through what stands around it."""


def gathered(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Put small pieces of a stream together, which are then sent at once; large ones are left as they are."""
    waiting, size = list[Chunk](), 0
    for chunk in chunks:
        if len(chunk) < _SMALL:
            waiting.append(chunk)
            size += len(chunk)
        if waiting and (len(chunk) >= _SMALL or size >= _SMALL):
            yield b"".join(waiting)
            waiting, size = [], 0
        if len(chunk) >= _SMALL:
            yield chunk
    if waiting:
        yield b"".join(waiting)


class Pieces(Response):
    """An answer whose body is these pieces, one after the other."""

    def __init__(
        self,
        pieces: Sequence[Chunk],
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        self.status_code, self.media_type, self.background = status_code, media_type, None
        self._pieces = pieces
        self.init_headers({**(headers or {}), "Content-Length": str(sum(map(len, pieces)))})

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it over ASGI."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        pieces = self._pieces if scope["method"] != "HEAD" else (b"",)
        if len(pieces) > 1 and sum(map(len, pieces)) <= _AT_ONCE:
            pieces = (b"".join(pieces),)
        for number, piece in enumerate(pieces, start=1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})
