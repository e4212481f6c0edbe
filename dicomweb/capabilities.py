"""Retrieve Capabilities: what the services are, told to programs (PS3.18 8.9, Annex H).

OPTIONS of the root describes them all, OPTIONS of a resource that resource and what is below it, and both name the
methods. The description is a WADL document, or an OpenAPI one where JSON is asked for; browsers find the latter at
/openapi.json too.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from dicomweb.openapi import openapi_document
from dicomweb.services import service_url
from dicomweb.transactions import PLAIN_JSON, Transaction, transactions
from dicomweb.wadl import MEDIA_TYPE as WADL
from dicomweb.wadl import wadl_document
from vna.web.media_types import MediaType, accepted, best_of
from vna.web.methods import methods_at
from vna.web.problem import Problem, no_such_method

OPENAPI: Final = "application/vnd.oai.openapi+json"
_FORMS: Final = (WADL, PLAIN_JSON, OPENAPI)
_CONVERTER: Final = re.compile(r"\{(\w+):\w+\}")


def routes(offered: Sequence[Route]) -> list[Route]:
    """Return the routes that describe those that are offered beside them."""
    described = described_by(offered)

    def describe(request: Request) -> Response:
        return _description(request, described, _form(accepted(request), _FORMS))

    def describe_resource(request: Request) -> Response:
        methods = methods_at([*offered, *ours], request.scope)
        if not methods:
            raise Problem(404, "there is no such resource here")
        methods.add("OPTIONS")
        if request.method != "OPTIONS":
            raise no_such_method(methods)
        found = next(route for route in [*offered, *ours] if route.matches(request.scope)[0] is not Match.NONE)
        below = [each for each in described if f"{each.path}/".startswith(f"{_template(found)}/")]
        answer = _description(request, below, _form(accepted(request), _FORMS))
        answer.headers["Allow"] = ", ".join(sorted(methods))
        return answer

    def openapi(request: Request) -> Response:
        return _description(request, described, PLAIN_JSON)

    ours = [Route("/", describe, methods=["GET", "OPTIONS"]), Route("/openapi.json", openapi, methods=["GET"])]
    return [*ours, _EveryMethod("/{resource:path}", describe_resource)]


class _EveryMethod(Route):
    """A route that takes what no other one takes, so that it also says 404 and 405 for all of them."""

    def __init__(self, path: str, endpoint: Callable[[Request], Response]) -> None:
        super().__init__(path, endpoint)
        self.methods = None


def described_by(offered: Sequence[Route]) -> list[Transaction]:
    """Return the transactions of the table that routes stand for."""
    mounted = {(method, _template(route)) for route in offered for method in route.methods or ()}
    return [each for each in transactions() if (each.method, each.path) in mounted]


def _template(route: Route) -> str:
    """Return the path of a route without the kinds of its parameters."""
    return _CONVERTER.sub(r"{\1}", route.path)


def _form(wanted: Sequence[MediaType], forms: Sequence[str]) -> str:
    """Return the media type of the description.

    Raises:
        Problem: 406, none of the forms is accepted.
    """
    found = best_of(wanted, forms)
    if found is None:
        raise Problem(406, f"capabilities are described in {', '.join(forms)}")
    return found


def _description(request: Request, described: Sequence[Transaction], form: str) -> Response:
    base = service_url(request)
    headers = {"Allow": "GET, HEAD, OPTIONS", "Vary": "Accept"}
    if form == WADL:
        return Response(wadl_document(base, described), headers=headers, media_type=WADL)
    return Response(orjson.dumps(openapi_document(base, described)), headers=headers, media_type=form)
