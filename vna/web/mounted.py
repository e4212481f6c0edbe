"""Resources below a path, whose root is served with a slash at its end and without: nobody is sent elsewhere."""

from starlette.routing import Match, Mount
from starlette.types import Scope


class Mounted(Mount):
    """Routes below a path.

    Starlette would redirect from the path without a slash, to an address that is not that of a proxy before the node.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match what lies below the path, and the path itself."""
        path = str(scope["path"])
        if scope["type"] != "http" or path.removeprefix(str(scope.get("root_path", ""))) != self.path:
            return super().matches(scope)
        rooted = {**scope, "path": f"{path}/"}
        match, child = super().matches(rooted)
        return match, {**child, "path": rooted["path"]}
