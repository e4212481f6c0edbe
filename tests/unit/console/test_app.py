"""The console shows what it is given, says whether the node is ready, and forbids what a page could be abused for."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from vna.archive import Counts, Intake, Overview, Space
from vna.console import Check, Complaint, FoundStudies, NodeFacts, StudyBrowser, Worker, console_routes
from vna.errors import OutOfResources
from vna.settings import HttpSettings
from vna.web import create_web_app
from web import ADDRESS

COMPLAINT = Complaint(
    "warning", "vna.dimse", "rejected", 12, datetime(2026, 1, 1, tzinfo=UTC), "rejected calling=<script>"
)
OVERVIEW = Overview(
    holds=Counts(1, 2, 3, 44_000, 5, 9_000_000, 3_000_000, 6, 99),
    today=(Intake("CT1", 3, 1_500_000, 500_000),),
    week=(Intake("CT1", 30, 15_000_000, 5_000_000), Intake("<MR1>", 1, 900, 300)),
    space=Space(70_000_000, 100_000_000, 2_000_000),
    bytes_per_day=1_000_000.0,
    days_left=68.0,
)
FACTS = NodeFacts(
    "1.2.3",
    "<VNA>",
    "0.0.0.0:11112",
    "127.0.0.1:8080",
    overview=OVERVIEW,
    workers=(Worker(1, 4711, True, 2, 1), Worker(2, 4712, False, 0, 3)),
    complaints=(COMPLAINT,),
)

BROWSER = StudyBrowser(lambda _asked: FoundStudies((), 0, more=False, within_days=None), "VNA", viewer=False)


def _client(facts: NodeFacts = FACTS, **checks: Check) -> TestClient:
    routes = console_routes(lambda: facts, checks, lambda accept: (accept.encode(), "text/plain; version=9"), BROWSER)
    return TestClient(create_web_app(routes, HttpSettings()), base_url=ADDRESS)


def _unforeseen() -> str | None:
    raise ZeroDivisionError


def _full() -> str | None:
    raise OutOfResources("no space")


def test_the_page_shows_the_node_with_its_markup_escaped() -> None:
    page = _client(index=lambda: None).get("/status")

    assert page.status_code == 200
    assert "&lt;VNA&gt;" in page.text
    for markup in ("<VNA>", "<MR1>", "<script"):
        assert markup not in page.text
    for shown in ("1.2.3", "0.0.0.0:11112", "127.0.0.1:8080", "44,000 instances", "takes what is sent"):
        assert shown in page.text


def test_the_page_shows_what_came_in_the_space_and_the_complaints() -> None:
    page = _client().get("/status").text

    for shown in (
        "1 patient, 2 studies, 3 series",
        "5 instances rejected, 6 conflicts flagged",
        "<td>3 instances, 1.5 MB</td><td>30 instances, 15.0 MB</td>",
        "<td>-</td><td>1 instance, 900 bytes</td>",
        "70.0 MB of 100.0 MB free",
        "the space lasts for 68 days",
        "12 x",
        "calling=&lt;script&gt;",
        "process 4711",
        "not running, started 3 times",
    ):
        assert shown in page


def test_an_empty_archive_has_a_page() -> None:
    empty = Overview(Counts(0, 0, 0, 0, 0, 0, 0, 0, 0), (), (), None, None, None)

    page = _client(replace(FACTS, overview=empty, complaints=())).get("/status").text

    assert "Nothing in the last 7 days" in page
    assert "None since the node started" in page
    assert "no limit" in page


def test_programs_get_the_same_numbers() -> None:
    told = _client(store=lambda: "the disk is full").get("/status.json").json()

    assert told["not_ready"] == {"store": "the disk is full"}
    assert told["node"]["overview"]["holds"]["instances"] == 44_000
    assert told["node"]["workers"][1] == {"number": 2, "pid": 4712, "alive": False, "associations": 0, "starts": 3}
    assert told["node"]["complaints"][0]["last"] == "2026-01-01T00:00:00+00:00"


def test_the_numbers_for_prometheus_are_in_the_format_asked_for() -> None:
    answer = _client().get("/metrics", headers={"Accept": "application/openmetrics-text"})

    assert answer.text == "application/openmetrics-text"
    assert answer.headers["content-type"] == "text/plain; version=9"


def test_the_page_says_why_the_node_is_not_ready() -> None:
    assert "Not ready: the disk is full" in _client(store=lambda: "the disk is full").get("/status").text


def test_the_page_answers_when_the_index_does_not() -> None:
    def unreachable() -> NodeFacts:
        raise OutOfResources("the index is unreachable")

    routes = console_routes(unreachable, {}, lambda _accept: (b"", "text/plain"), BROWSER)
    client = TestClient(create_web_app(routes, HttpSettings()), base_url=ADDRESS)

    page = client.get("/status")

    assert page.status_code == 503
    assert "the index is unreachable" in page.text
    assert client.get("/status.json").json() == {"node": None, "not_ready": {"index": "the index is unreachable"}}


@pytest.mark.parametrize("path", ["/", "/status.json", "/metrics", "/healthz", "/readyz", "/console.css", "/absent"])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    headers = _client().get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


def test_the_page_uses_nothing_from_elsewhere() -> None:
    page = _client().get("/status")

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
