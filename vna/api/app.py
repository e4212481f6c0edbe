"""The REST interface for administration put together, at `/api/v1`.

JSON in and out; what cannot be done is a problem answer (RFC 9457). It stands behind the same guard as everything that
is asked over HTTP.
"""

from collections.abc import Callable
from typing import Final

from starlette.routing import Mount, Route

from vna.api import eliminations, holds, limitations, patients
from vna.archive import Archive

ROOT: Final = "/api/v1"
"""Where it lies below the node's root."""

_RESOURCES: Final[tuple[Callable[[Archive], list[Route]], ...]] = (
    patients.routes,
    holds.routes,
    eliminations.routes,
    limitations.routes,
)
"""Every module of resources gives its routes."""


def api_routes(archive: Archive) -> Mount:
    """Return the resources, mounted where they lie."""
    return Mount(ROOT, routes=[route for routes_of in _RESOURCES for route in routes_of(archive)])
