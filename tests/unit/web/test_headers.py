"""Headers that every answer has."""

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from vna.settings import HttpSettings
from vna.web import create_web_app


def answer(request: Request) -> Response:
    """Answer with the status asked for, and a policy of its own where one is asked for."""
    policy = request.query_params.get("policy")
    headers = {"Content-Security-Policy": policy} if policy else {}
    return Response(status_code=int(request.query_params["status"]), headers=headers)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(create_web_app([Route("/", answer)], HttpSettings()), base_url="http://127.0.0.1")


@pytest.mark.parametrize("status", [200, 404, 500])
def test_nothing_is_framed_or_cached_or_runs_scripts_unless_it_says_so(client: TestClient, status: int) -> None:
    headers = client.get("/", params={"status": status}).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["cache-control"]) == ("DENY", "no-store")


def test_what_says_so_is_left_as_it_is(client: TestClient) -> None:
    headers = client.get("/", params={"status": 200, "policy": "default-src 'self'"}).headers

    assert headers["content-security-policy"] == "default-src 'self'"


def test_a_304_does_not_replace_the_headers_that_the_browser_holds(client: TestClient) -> None:
    headers = client.get("/", params={"status": 304}).headers

    assert "content-security-policy" not in headers
    assert "cache-control" not in headers
