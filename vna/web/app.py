"""The HTTP application of a node: routes of its edges behind what guards them all."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute

from vna.metrics import Metrics
from vna.settings import HttpSettings
from vna.web.counting import Counted
from vna.web.guard import Guard
from vna.web.headers import DefaultHeaders
from vna.web.limits import Limits
from vna.web.problem import EXCEPTION_HANDLERS, Faults, Problem, answer

WebApp = Starlette
"""What a server serves."""

_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_HEADERS_IN = ("Accept", "Authorization", "Content-Type", "If-None-Match", "If-Range", "Range")
_HEADERS_OUT = ("Content-Location", "Content-Range", "ETag", "Location", "Retry-After", "Warning")


def create_web_app(
    routes: Sequence[BaseRoute], settings: HttpSettings, *, workers: int = 1, metrics: Metrics | None = None
) -> WebApp:
    """Return the application; `workers` processes share its limits."""
    middleware = [
        Middleware(Counted, metrics=metrics or Metrics()),
        Middleware(DefaultHeaders),
        *_cors(settings),
        Middleware(Faults),
        Middleware(Limits, settings=settings, workers=workers),
        Middleware(Guard, settings=settings),
    ]
    return Starlette(routes=list(routes), middleware=middleware, exception_handlers=EXCEPTION_HANDLERS)


class _Cors(CORSMiddleware):
    """Lets pages of other origins read, refusals too; what it refuses itself is a problem answer."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Say what a page may ask for."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        detail = f"{bytes(response.body).decode()}: http.cors_origins names the pages that may ask here"
        return answer(Problem(response.status_code, detail))


def _cors(settings: HttpSettings) -> list[Middleware]:
    """Let pages of the configured origins read; off without any."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            _Cors,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=_HEADERS_IN,
            expose_headers=_HEADERS_OUT,
            allow_credentials=True,
        )
    ]
