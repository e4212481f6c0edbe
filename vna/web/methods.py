"""Which methods a resource takes: those of all routes that lead to it, so that a 405 names each (RFC 9110 15.5.6)."""

from collections.abc import Iterable, Iterator

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope


def methods_at(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """Return the methods that routes take at the path of a scope; none where they have no such resource."""
    return {method for route in _leading(routes, scope) for method in route.methods or ()}


def methods_of_resource(request: Request) -> set[str]:
    """Return the methods that the whole application takes at the path of a request, wherever it has come to."""
    scope = request.scope
    root_path = scope.get("app_root_path", scope.get("root_path", ""))
    return methods_at(request.app.routes, {**scope, "root_path": root_path, "path_params": {}})


def _leading(routes: Iterable[BaseRoute], scope: Scope) -> Iterator[Route]:
    for route in routes:
        match, below = route.matches(scope)
        if match is not Match.NONE and isinstance(route, Mount):
            yield from _leading(route.routes, {**scope, **below})
        elif match is not Match.NONE and isinstance(route, Route):
            yield route
