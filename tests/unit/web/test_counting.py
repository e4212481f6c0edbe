"""Requests are counted by resource, method and status; nothing a client makes up becomes a label."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from vna.metrics import Board, Metrics
from vna.settings import HttpSettings
from vna.web import create_web_app


def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


ROUTES = [Mount("/dicom-web", routes=[Route("/studies/{study}", hello)]), Route("/bug", lambda _request: 1 // 0)]


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/dicom-web/studies/1.2.3", ["/studies/{study}", "GET", "200"]),
        ("HEAD", "/dicom-web/studies/1.2.3", ["/studies/{study}", "HEAD", "200"]),
        ("POST", "/dicom-web/studies/1.2.3", ["/studies/{study}", "POST", "405"]),
        ("MADEUP", "/dicom-web/studies/1.2.3", ["/studies/{study}", "other", "405"]),
        ("GET", "/made/up", ["none", "GET", "404"]),
        ("GET", "/bug", ["/bug", "GET", "500"]),
    ],
)
def test_a_request_is_counted_under_few_labels(method: str, path: str, labels: list[str]) -> None:
    board = Board()
    app = create_web_app(ROUTES, HttpSettings(), metrics=Metrics(board))

    TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False).request(method, path)

    found = {series.key[0]: series for series in board.series()}
    assert list(found["vna_http_request_duration_seconds"].key[1:]) == labels
    assert sum(found["vna_http_request_duration_seconds"].values[1:]) == 1
    assert found["vna_http_requests_in_progress"].values == (0,)


def test_a_request_that_names_another_host_has_no_resource() -> None:
    board = Board()
    app = create_web_app(ROUTES, HttpSettings(), metrics=Metrics(board))

    TestClient(app, base_url="http://127.0.0.1").get("/dicom-web/studies/1", headers={"Host": "evil.example"})

    assert ("vna_http_request_duration_seconds", "none", "GET", "421") in {series.key for series in board.series()}
