"""The REST interface for administration put together, at `/api/v1`.

JSON in and out; what cannot be done is a problem answer (RFC 9457). It stands behind the same guard as everything that
is asked over HTTP. `/openapi.json` describes every resource, made from what its routes know of themselves.
"""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vna.api import eliminations, holds, limitations, patients
from vna.api.exchange import json_answer
from vna.api.openapi import openapi_document
from vna.api.operations import Resource
from vna.archive import Archive
from vna.web.addresses import base_url
from vna.web.mounted import Mounted

ROOT: Final = "/api/v1"
"""Where it lies below the node's root."""

_RESOURCES: Final[tuple[Callable[[Archive], list[Resource]], ...]] = (
    patients.routes,
    holds.routes,
    eliminations.routes,
    limitations.routes,
)
"""Every module of resources gives its routes."""


def api_routes(archive: Archive) -> Mounted:
    """Return the resources, mounted where they lie."""
    resources = [resource for routes_of in _RESOURCES for resource in routes_of(archive)]
    operations = [resource.operation for resource in resources]

    def describe(request: Request) -> Response:
        return json_answer(openapi_document(base_url(request) + ROOT, operations))

    ours = [Route(path, describe, methods=["GET"]) for path in ("/", "/openapi.json")]
    return Mounted(ROOT, routes=[*ours, *resources])
