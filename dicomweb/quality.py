"""Who may use the services that show what is rejected too: the tokens that the settings name.

Where no tokens are set at all it is the loopback, as for everything else, and nobody else.
"""

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vna.settings import HttpSettings
from vna.web.guard import is_loopback, principal_of
from vna.web.middleware import HttpMiddleware
from vna.web.problem import Problem, answer

_REFUSED: Final = "what is rejected is shown to the tokens of http.quality_tokens alone"


class QualityGuard(HttpMiddleware):
    """ASGI: lets through who may see what is rejected; comes behind the guard of all requests."""

    def __init__(self, app: ASGIApp, *, settings: HttpSettings) -> None:
        super().__init__(app)
        self._settings = settings

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._may(Request(scope)):
            await self.inner(scope, receive, send)
        else:
            await answer(Problem(403, _REFUSED))(scope, receive, send)

    def _may(self, request: Request) -> bool:
        if self._settings.tokens:
            return principal_of(request) in self._settings.quality_tokens
        return is_loopback((request.scope.get("server") or ("",))[0])
