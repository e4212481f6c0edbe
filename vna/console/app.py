"""The resources of the console: `/`, `/status`, `/status.json`, `/healthz`, `/readyz` and `/metrics`.

It is given what it shows and what it asks as functions, so that it knows neither the archive nor
the servers beside it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vna.console.facts import NodeFacts
from vna.console.page import Page
from vna.console.studies import FindStudies, FoundStudies, StudySearch, parse_study_search
from vna.console.study_page import StudyPage
from vna.errors import VnaError

log = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""Returns why something does not work, or None when it does."""

Metrics = Callable[[str], tuple[bytes, str]]
"""Returns the numbers for Prometheus and their content type, in the format an Accept header asks for."""


@dataclass(frozen=True, slots=True)
class StudyBrowser:
    """What the front page needs: the search, whose archive it is, and whether there is a viewer to link to."""

    find: FindStudies
    ae_title: str
    viewer: bool


def console_routes(
    facts: Callable[[], NodeFacts], checks: Mapping[str, Check], metrics: Metrics, browser: StudyBrowser
) -> list[BaseRoute]:
    """Return the routes of the console.

    Args:
        facts: asked at every view of the page; may raise a VnaError.
        checks: what must work for the node to be ready, by the name it is reported under.
    """
    console, studies = _Console(facts, checks, metrics), _Studies(browser)
    return [
        Route("/", studies.page),
        Route("/status", console.page),
        Route("/console.css", console.style),
        Route("/status.json", console.status),
        Route("/metrics", console.numbers),
        Route("/healthz", console.alive),
        Route("/readyz", console.ready),
    ]


class _Studies:
    """The front page."""

    def __init__(self, browser: StudyBrowser) -> None:
        self._browser, self._page = browser, StudyPage(viewer=browser.viewer)

    def page(self, request: Request) -> Response:
        search, status = StudySearch(), 200
        found: FoundStudies | str
        try:
            search = parse_study_search(request.query_params)
            found = self._browser.find(search)
        except ValueError as exc:
            found, status = str(exc), 400
        except VnaError as exc:
            found, status = f"The index does not answer: {exc}", 503
        text = self._page.render(self._browser.ae_title, request.query_params, search, found)
        return HTMLResponse(text, status_code=status)


class _Console:
    """The answers; Starlette calls them on its thread pool."""

    def __init__(self, facts: Callable[[], NodeFacts], checks: Mapping[str, Check], metrics: Metrics) -> None:
        self._facts, self._checks, self._metrics = facts, checks, metrics
        self._page = Page()
        self._style = resources.files("vna.console").joinpath("console.css").read_text(encoding="utf-8")

    def page(self, _request: Request) -> Response:
        try:
            facts = self._facts()
        except VnaError as exc:
            return Response(f"The index does not answer: {exc}", status_code=503, media_type="text/plain")
        return HTMLResponse(self._page.render(facts, failing(self._checks)))

    def status(self, _request: Request) -> Response:
        problems = failing(self._checks)
        try:
            content = {"node": self._facts(), "not_ready": problems}
        except VnaError as exc:
            content = {"node": None, "not_ready": {"index": str(exc)} | problems}
        return Response(orjson.dumps(content), media_type="application/json")

    def numbers(self, request: Request) -> Response:
        text, content_type = self._metrics(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": content_type})

    def style(self, _request: Request) -> Response:
        return Response(self._style, media_type="text/css")

    def alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    def ready(self, _request: Request) -> Response:
        problems = failing(self._checks)
        if problems:
            return JSONResponse({"status": "not ready", "reasons": problems}, status_code=503)
        return JSONResponse({"status": "ready"})


def failing(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return what does not work and why."""
    found = {name: _ask(name, check) for name, check in checks.items()}
    return {name: reason for name, reason in found.items() if reason is not None}


def _ask(name: str, check: Check) -> str | None:
    """One check that fails in an unforeseen way must not hide the others, nor pass for success."""
    try:
        return check()
    except VnaError as exc:
        return str(exc)
    except Exception:
        log.exception("readiness check failed check=%s", name)
        return "the check itself failed; the log says why"
