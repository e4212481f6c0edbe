"""The DICOMweb services put together (PS3.18)."""

from collections.abc import Callable
from typing import Final

from starlette.routing import Mount, Route

from dicomweb.services import ROOT, Services

_SERVICES: Final[tuple[Callable[[Services], list[Route]], ...]] = ()
"""Every service gives its routes."""


def dicomweb_routes(services: Services) -> Mount:
    """Return the services, mounted where they lie."""
    return Mount(ROOT, routes=[route for routes_of in _SERVICES for route in routes_of(services)])
