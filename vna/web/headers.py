"""Headers that every answer has, unless what answers says otherwise."""

from typing import Final

from starlette.types import Message, Receive, Scope, Send

from vna.web.middleware import HttpMiddleware

_DEFAULTS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    # isolated: the viewer may share memory with its workers, and shows only documents that are isolated too
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ENCODED: Final = tuple((name.lower().encode(), value.encode()) for name, value in _DEFAULTS.items())
"""As ASGI has them: names in lower case."""


class DefaultHeaders(HttpMiddleware):
    """ASGI: no caching, no framing, nothing from elsewhere, errors included.

    A 304 gets none: what it says replaces the headers of the answer that the browser holds (RFC 9111 3.2).
    """

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] != 304:
                said = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in _ENCODED if each[0] not in said)]
            await send(message)

        await self.inner(scope, receive, send_with_headers)
