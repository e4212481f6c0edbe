"""The DICOMweb services put together (PS3.18)."""

from collections.abc import Callable
from typing import Final

from starlette.middleware import Middleware
from starlette.routing import Route

from dicomweb import bulkdata, capabilities, commitment, metadata, rendered, retrieve, search, store, wado_uri
from dicomweb.quality import QualityGuard
from dicomweb.services import ROOTS, Services
from vna.model import View
from vna.web.mounted import Mounted

_READING: Final[tuple[Callable[[Services], list[Route]], ...]] = (
    retrieve.routes,
    search.routes,
    metadata.routes,
    bulkdata.routes,
    rendered.routes,
    wado_uri.routes,
)
_SERVICES: Final = (*_READING, store.routes, commitment.routes)
"""Every service gives its routes."""


def dicomweb_routes(services: Services) -> Mounted:
    """Return the services, mounted where those of their view lie; nothing is stored through the quality view."""
    found = _SERVICES if services.view is View.ORDINARY else _READING
    offered = [route for routes_of in found for route in routes_of(services)]
    guard = [] if services.view is View.ORDINARY else [Middleware(QualityGuard, settings=services.settings)]
    return Mounted(ROOTS[services.view], routes=[*offered, *capabilities.routes(offered)], middleware=guard)
