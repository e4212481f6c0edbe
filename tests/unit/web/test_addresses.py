"""The address a client knows the node by, also behind proxies."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from vna.settings import HttpSettings
from vna.web import create_web_app
from vna.web.addresses import base_url


def answer_base(request: Request) -> Response:
    return PlainTextResponse(base_url(request))


def base(headers: dict[str, str], *, client: str = "127.0.0.1", **settings: object) -> str:
    app = create_web_app([Route("/", answer_base)], HttpSettings.model_validate(settings))
    asking = TestClient(app, base_url="http://127.0.0.1:8080", client=(client, 5))
    return asking.get("/", headers=headers).text


PROXIED = [
    ({}, "http://127.0.0.1:8080"),
    ({"Host": "localhost:99"}, "http://localhost:99"),
    ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "pacs.example"}, "https://pacs.example"),
    ({"X-Forwarded-Host": "pacs.example", "X-Forwarded-Port": "8443"}, "http://pacs.example:8443"),
    (
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "pacs.example", "X-Forwarded-Port": "443"},
        "https://pacs.example",
    ),
    ({"X-Forwarded-Host": "forged.example, pacs.example"}, "http://pacs.example"),
    ({"X-Forwarded-Host": "a/b", "X-Forwarded-Proto": "javascript"}, "http://127.0.0.1:8080"),
    ({"X-Forwarded-Prefix": "/imaging/"}, "http://127.0.0.1:8080/imaging"),
    ({"Forwarded": "for=192.0.2.1;proto=https;host=pacs.example"}, "https://pacs.example"),
    ({"Forwarded": 'for="[2001:db8::1]";host="pacs.example:8443";Proto=https'}, "https://pacs.example:8443"),
    ({"Forwarded": "host=forged.example, for=1;host=pacs.example"}, "http://pacs.example"),
    ({"Forwarded": "host=pacs.example", "X-Forwarded-Host": "other.example"}, "http://pacs.example"),
    ({"Forwarded": "nonsense"}, "http://127.0.0.1:8080"),
]


@pytest.mark.parametrize(("headers", "expected"), PROXIED, ids=[str(n) for n in range(len(PROXIED))])
def test_a_trusted_proxy_is_believed(headers: dict[str, str], expected: str) -> None:
    assert base(headers) == expected


def test_nobody_else_is_believed() -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example"}

    assert base(headers, client="192.0.2.9") == "http://127.0.0.1:8080"
    assert (
        base({"X-Forwarded-Host": "a.example"}, client="192.0.2.9", trusted_proxies=["192.0.2.9"]) == "http://a.example"
    )


@pytest.mark.parametrize(
    ("host", "client", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:8080"),
        ("localhost", "127.0.0.1", "http://localhost:8080"),
        ("pacs.example", "127.0.0.1", "http://pacs.example"),
        ("pacs.example", "192.0.2.9", "http://pacs.example:8080"),
        ("[2001:db8::1]", "192.0.2.9", "http://[2001:db8::1]:8080"),
        ("[2001:db8::1]:80", "192.0.2.9", "http://[2001:db8::1]:80"),
    ],
)
def test_a_client_that_leaves_out_the_port_is_given_it_unless_a_proxy_may_have_asked(
    host: str, client: str, expected: str
) -> None:
    settings = {"allow_unauthenticated": True, "allowed_hosts": ["pacs.example", "2001:db8::1"]}

    assert base({"Host": host}, client=client, **settings) == expected


def test_a_configured_address_is_always_right() -> None:
    headers = {"X-Forwarded-Host": "other.example"}

    assert base(headers, public_url="https://pacs.example/imaging/") == "https://pacs.example/imaging"
