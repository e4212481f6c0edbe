"""Answers that lie in memory in several pieces, sent as they are: putting them together first would copy them all."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vna.web.streaming import Chunk


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
        if scope["method"] != "HEAD":
            for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
