"""Who may ask: addresses, tokens, Host and Origin."""

import logging
from base64 import b64encode

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from vna.settings import HttpSettings
from vna.web import complain_of_open_http, create_web_app
from vna.web.guard import client_address, principal_of
from vna.web.problem import MEDIA_TYPE

TOKEN = "0123456789abcdef"
LOOPBACK, ELSEWHERE = "http://127.0.0.1:8080", "http://192.0.2.7:8080"


def who(request: Request) -> Response:
    return PlainTextResponse(f"{principal_of(request)} {client_address(request)}")


def app(**settings: object) -> Starlette:
    return create_web_app([Route("/data", who), Route("/healthz", who)], HttpSettings.model_validate(settings))


def ask(base: str, path: str = "/data", *, headers: dict[str, str] | None = None, **settings: object) -> Response:
    return TestClient(app(**settings), base_url=base).get(path, headers=headers)


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def test_the_loopback_may_read_without_a_token() -> None:
    answer = ask(LOOPBACK)

    assert (answer.status_code, answer.text) == (200, "anonymous testclient")


def test_a_request_names_one_host() -> None:
    client = TestClient(app(), base_url=LOOPBACK)

    answer = client.get("/data", headers=[("Host", "127.0.0.1:8080"), ("Host", "elsewhere")])

    assert answer.status_code == 400


def test_elsewhere_patient_data_takes_a_token_or_an_explicit_setting() -> None:
    refused = ask(ELSEWHERE)

    assert refused.status_code == 403
    assert refused.headers["content-type"] == MEDIA_TYPE
    assert "http.tokens" in refused.json()["detail"]
    assert ask(ELSEWHERE, allow_unauthenticated=True).status_code == 200


@pytest.mark.parametrize(
    "header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("anybody", TOKEN), basic("", TOKEN)], ids=str
)
def test_a_token_lets_in_and_names_who_asks(header: str) -> None:
    answer = ask(ELSEWHERE, headers={"Authorization": header}, tokens=[f"viewer={TOKEN}", "other=" + "x" * 16])

    assert answer.text.startswith("viewer ")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Digest {TOKEN}", "Basic ???", basic(TOKEN, "")],
    ids=str,
)
@pytest.mark.parametrize("base", [LOOPBACK, ELSEWHERE])
def test_without_the_right_token_nobody_is_let_in(base: str, header: str) -> None:
    answer = ask(base, headers={"Authorization": header}, tokens=[f"viewer={TOKEN}"], allow_unauthenticated=True)

    assert answer.status_code == 401
    challenges = answer.headers.get_list("www-authenticate")
    assert [challenge.split()[0] for challenge in challenges] == ["Basic", "Bearer"]


def test_what_watches_the_node_needs_neither_token_nor_name() -> None:
    headers = {"Host": "prometheus.example"}

    assert ask(ELSEWHERE, "/healthz", headers=headers, tokens=[f"viewer={TOKEN}"]).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil"])
def test_a_name_that_is_not_the_nodes_is_refused(host: str) -> None:
    assert ask(LOOPBACK, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["", "a b", "evil/../localhost", "localhost@evil", "[::1"])
def test_a_host_that_cannot_be_read_is_refused(host: str) -> None:
    assert ask(LOOPBACK, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "pacs.example", "p.example"]
)
def test_the_names_of_the_node_are_taken(host: str) -> None:
    named = {"allowed_hosts": ["PACS.example"], "public_url": "https://p.example/pacs"}

    assert ask(LOOPBACK, headers={"Host": host}, **named).status_code == 200


def test_pages_of_other_origins_are_refused() -> None:
    assert ask(LOOPBACK, headers={"Origin": "http://evil.example"}).status_code == 403
    assert ask(LOOPBACK, headers={"Origin": "null"}).status_code == 403


@pytest.mark.parametrize("origin", [LOOPBACK, "https://127.0.0.1:8080", "https://p.example"])
def test_the_nodes_own_pages_may_ask(origin: str) -> None:
    asked = ask(LOOPBACK, headers={"Origin": origin}, public_url="https://p.example/pacs")

    assert asked.status_code == 200
    assert "access-control-allow-origin" not in asked.headers


def test_cors_is_for_the_configured_origins_alone() -> None:
    viewer = "https://viewer.example"

    asked = ask(LOOPBACK, headers={"Origin": viewer}, cors_origins=[viewer])
    refused = ask(LOOPBACK, headers={"Origin": "https://evil.example"}, cors_origins=[viewer])

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, viewer)
    assert "ETag" in asked.headers["access-control-expose-headers"]
    assert refused.status_code == 403
    assert refused.headers.get("access-control-allow-origin") is None


def test_pages_read_refusals_too() -> None:
    viewer = "https://viewer.example"
    client = TestClient(app(cors_origins=[viewer], max_body_bytes=2**20), base_url=LOOPBACK)

    refused = client.post("/data", content=bytes(2**20 + 1), headers={"Origin": viewer})
    preflight = client.options("/data", headers={"Origin": "https://x.example", "Access-Control-Request-Method": "GET"})

    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (413, viewer)
    assert (preflight.status_code, preflight.headers["content-type"]) == (400, MEDIA_TYPE)
    assert "http.cors_origins" in preflight.json()["detail"]


def test_a_preflight_needs_no_token() -> None:
    client = TestClient(app(cors_origins=["https://viewer.example"], tokens=[f"viewer={TOKEN}"]), base_url=LOOPBACK)
    headers = {"Origin": "https://viewer.example", "Access-Control-Request-Method": "POST"}

    answer = client.options("/data", headers=headers | {"Access-Control-Request-Headers": "authorization"})

    assert answer.status_code == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"host": "0.0.0.0", "allow_unauthenticated": True}, "WARNING"),
        ({"host": "0.0.0.0"}, "INFO"),
        ({"host": "0.0.0.0", "tokens": [f"viewer={TOKEN}"]}, ""),
        ({}, ""),
    ],
    ids=["open", "closed", "token", "loopback"],
)
def test_the_log_complains_of_what_is_open(
    settings: dict[str, object], level: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        complain_of_open_http(HttpSettings.model_validate(settings))

    assert [record.levelname for record in caplog.records] == [level] * bool(level)


def test_a_refusal_is_one_log_line_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    ask(ELSEWHERE, headers={"Authorization": f"Bearer {TOKEN}"}, tokens=["viewer=" + "y" * 16])

    (line,) = [record.getMessage() for record in caplog.records if record.name == "vna.web.guard"]
    assert "status=401" in line
    assert TOKEN not in line
