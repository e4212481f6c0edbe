"""The console shows what it is given, says whether the node is ready, and forbids what a page could be abused for."""

import pytest
from starlette.testclient import TestClient

from vna.console import Check, NodeFacts, create_app
from vna.errors import OutOfResources

FACTS = NodeFacts("1.2.3", "<VNA>", "0.0.0.0:11112", "127.0.0.1:8080", patients=1, studies=2, series=3, instances=44)


def _client(**checks: Check) -> TestClient:
    return TestClient(create_app(lambda: FACTS, checks))


def _unforeseen() -> str | None:
    raise ZeroDivisionError


def _full() -> str | None:
    raise OutOfResources("no space")


def test_the_page_shows_the_node_with_its_markup_escaped() -> None:
    page = _client(index=lambda: None).get("/")

    assert page.status_code == 200
    assert "&lt;VNA&gt;" in page.text
    assert "<VNA>" not in page.text
    for shown in ("1.2.3", "0.0.0.0:11112", "127.0.0.1:8080", "<td>44</td>", "takes what is sent"):
        assert shown in page.text


def test_the_page_says_why_the_node_is_not_ready() -> None:
    assert "Not ready: the disk is full" in _client(store=lambda: "the disk is full").get("/").text


def test_the_page_answers_when_the_index_does_not() -> None:
    def unreachable() -> NodeFacts:
        raise OutOfResources("the index is unreachable")

    page = TestClient(create_app(unreachable, {})).get("/")

    assert page.status_code == 503
    assert "the index is unreachable" in page.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/console.css", "/absent"])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    headers = _client().get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


def test_the_page_uses_nothing_from_elsewhere() -> None:
    page = _client().get("/")

    assert "//" not in page.text
    assert "<script" not in page.text
    assert _client().get("/console.css").headers["content-type"].startswith("text/css")


def test_a_living_process_is_healthy_even_when_not_ready() -> None:
    answer = _client(index=lambda: "gone").get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_when_every_check_passes() -> None:
    answer = _client(index=lambda: None, store=lambda: None).get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_not_ready_tells_every_reason() -> None:
    answer = _client(index=lambda: "gone", store=_full, dimse=lambda: None, node=_unforeseen).get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["reasons"] == {
        "index": "gone",
        "store": "no space",
        "node": "the check itself failed; the log says why",
    }


def test_only_reading_is_allowed() -> None:
    assert _client().post("/").status_code == 405
