"""The HTTP application of the console: `/`, `/healthz` and `/readyz`.

It is given what it shows and what it asks as functions, so that it knows neither the archive nor
the servers beside it. Every answer forbids caching, framing and assets from elsewhere.
"""

import html
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from string import Template

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vna.errors import VnaError

log = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""Returns why something does not work, or None when it does."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the page says of the node; `dimse` and `http` are the addresses it listens on."""

    version: str
    ae_title: str
    dimse: str
    http: str
    patients: int
    studies: int
    series: int
    instances: int


def create_app(facts: Callable[[], NodeFacts], checks: Mapping[str, Check]) -> Starlette:
    """Return the application.

    Args:
        facts: asked at every view of the page; may raise a VnaError.
        checks: what must work for the node to be ready, by the name it is reported under.
    """
    console = _Console(facts, checks)
    routes = [
        Route("/", console.page),
        Route("/console.css", console.style),
        Route("/healthz", console.alive),
        Route("/readyz", console.ready),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_SecurityHeaders)])


class _Console:
    """The four answers; Starlette calls them on its thread pool."""

    def __init__(self, facts: Callable[[], NodeFacts], checks: Mapping[str, Check]) -> None:
        self._facts = facts
        self._checks = checks
        files = resources.files("vna.console")
        self._template = Template(files.joinpath("page.html").read_text(encoding="utf-8"))
        self._style = files.joinpath("console.css").read_text(encoding="utf-8")

    def page(self, _request: Request) -> Response:
        try:
            facts = asdict(self._facts())
        except VnaError as exc:
            return Response(f"The index does not answer: {exc}", status_code=503, media_type="text/plain")
        problems = self._problems()
        state = "It takes what is sent to it." if not problems else f"Not ready: {'; '.join(problems.values())}"
        values = {name: html.escape(str(value)) for name, value in (facts | {"state": state}).items()}
        return HTMLResponse(self._template.substitute(values))

    def style(self, _request: Request) -> Response:
        return Response(self._style, media_type="text/css")

    def alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    def ready(self, _request: Request) -> Response:
        problems = self._problems()
        if problems:
            return JSONResponse({"status": "not ready", "reasons": problems}, status_code=503)
        return JSONResponse({"status": "ready"})

    def _problems(self) -> dict[str, str]:
        found = {name: _ask(name, check) for name, check in self._checks.items()}
        return {name: reason for name, reason in found.items() if reason is not None}


class _SecurityHeaders:
    """Adds the headers above to every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _ask(name: str, check: Check) -> str | None:
    """One check that fails in an unforeseen way must not hide the others, nor pass for success."""
    try:
        return check()
    except VnaError as exc:
        return str(exc)
    except Exception:
        log.exception("readiness check failed check=%s", name)
        return "the check itself failed; the log says why"
