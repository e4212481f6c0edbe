"""A client on the REST interface that compares each answer with what the description says of it."""

import json
from collections.abc import Callable

from httpx2 import Response
from jsonschema_rs import Draft202012Validator
from starlette.routing import Match
from starlette.testclient import TestClient

from vna.api import api_routes
from vna.api.operations import Resource
from vna.api.schemas import schema_of
from vna.archive import Archive
from web import web_client


def checked_client(archive: Archive) -> TestClient:
    """Return a client for which an answer that is not as described is an error."""
    client = web_client(archive)
    client.event_hooks = {"response": [_comparing(archive)]}
    return client


def _comparing(archive: Archive) -> Callable[[Response], None]:
    resources = [route for route in api_routes(archive).routes if isinstance(route, Resource)]

    def compare(answer: Response) -> None:
        asked = {
            "type": "http",
            "path": answer.request.url.path.removeprefix("/api/v1"),
            "method": answer.request.method,
        }
        found = [each.operation for each in resources if each.matches(asked)[0] is Match.FULL]
        if answer.is_success and found and found[0].answer is not None:
            Draft202012Validator(schema_of(found[0].answer)).validate(json.loads(answer.read()))

    return compare
