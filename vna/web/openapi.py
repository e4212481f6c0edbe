"""What the descriptions of our services have in common (OpenAPI 3.1): their frame, and the schema of a problem."""

from collections.abc import Mapping
from typing import Any, Final

import vna

PROBLEM_SCHEMA: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, in words"},
        "dicomStatus": {"type": "string", "pattern": "^[0-9A-F]{4}$"},
    },
}
"""A problem answer (RFC 9457), as `vna.web.problem` makes it."""


def framed(title: str, base: str, paths: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a service at the address `base`, which takes a token where one is asked for."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": vna.__version__},
        "servers": [{"url": base}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {**components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
