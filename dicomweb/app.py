"""The DICOMweb services put together (PS3.18)."""

from collections.abc import Callable
from typing import Final

from starlette.routing import Mount, Route

from dicomweb import bulkdata, capabilities, commitment, metadata, rendered, retrieve, search, store, wado_uri
from dicomweb.services import ROOT, Services

_SERVICES: Final[tuple[Callable[[Services], list[Route]], ...]] = (
    search.routes,
    metadata.routes,
    bulkdata.routes,
    retrieve.routes,
    rendered.routes,
    store.routes,
    wado_uri.routes,
    commitment.routes,
)
"""Every service gives its routes."""


def dicomweb_routes(services: Services) -> Mount:
    """Return the services, mounted where they lie."""
    offered = [route for routes_of in _SERVICES for route in routes_of(services)]
    return Mount(ROOT, routes=[*offered, *capabilities.routes(offered)])
