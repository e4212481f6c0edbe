"""What of HTTP is counted: requests by resource, method and status, their time, and the bytes of their answers."""

import time
from typing import Final

from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vna.metrics import Metrics
from vna.metrics.families import WEB_IN_PROGRESS, WEB_REQUESTS, WEB_SENT_BYTES
from vna.web.middleware import HttpMiddleware

NO_RESOURCE: Final = "none"
"""The resource of requests that were refused before one was looked for, or that name none."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_NOT_ANSWERED: Final = 0


class Counted(HttpMiddleware):
    """ASGI: counts each request once it is answered, or broken off."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        super().__init__(app)
        self._metrics = metrics

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began, status, size = time.perf_counter(), _NOT_ANSWERED, 0

        async def send_counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        self._metrics.change(WEB_IN_PROGRESS, by=1)
        try:
            await self.inner(scope, receive, send_counted)
        finally:
            resource = _resource(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.change(WEB_IN_PROGRESS, by=-1)
            self._metrics.observe(WEB_REQUESTS, time.perf_counter() - began, resource, method, str(status))
            self._metrics.count(WEB_SENT_BYTES, resource, by=size)


def _resource(scope: Scope) -> str:
    """Return the path of the route that answered, with names for what varies: few values, and no patient data."""
    route = scope.get("route")
    if not isinstance(route, Route | Mount):
        return NO_RESOURCE
    return route.path
