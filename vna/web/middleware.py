"""What stands around the application, one ring inside another: each sees every HTTP request, and nothing else."""

from abc import ABC, abstractmethod

from starlette.types import ASGIApp, Receive, Scope, Send


class HttpMiddleware(ABC):
    """One ring; `serve` calls `inner` to go on."""

    def __init__(self, app: ASGIApp) -> None:
        self.inner = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope of ASGI; those that are no HTTP request are passed on."""
        await (self.serve if scope["type"] == "http" else self.inner)(scope, receive, send)

    @abstractmethod
    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
