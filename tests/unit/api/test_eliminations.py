"""Eliminations over REST."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from described import checked_client
from eliminating import PERSONS, ROLES, Prepared, approve, bring_into_force, equip, now, prepare, propose
from storage_backends import MemoryDocuments
from vna.archive import Archive
from web import web_client

CLOSED = "communicable: [{start: birth, after: {years: 120}, cite: since birth}]"
TOKENS = ("manager=" + "a" * 32, "director=" + "b" * 32)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return an archive with studies that are due by the profile in force."""
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def archive(prepared: Prepared, tmp_path: Path) -> Iterator[Archive]:
    archive, _ = prepared.copied(tmp_path)
    yield archive
    archive.close()


def test_an_elimination_is_shown_and_decided_on(archive: Archive, web: TestClient, prepared: Prepared) -> None:
    number = propose(archive)
    at = f"/api/v1/eliminations/{number}"
    assert [(each["number"], each["state"]) for each in web.get("/api/v1/eliminations").json()] == [
        (number, "proposed")
    ]
    shown = web.get(at).json()
    assert {item["study"] for item in shown["items"]} == set(prepared.due)

    kept = web.post(f"{at}/kept", json={"items": prepared.due[:1], "cause": "historical", "by": "A. Archivist"})
    answers = [
        web.post(f"{at}/decisions", json={"role": role, "decision": "favourable", "by": PERSONS[role], **visa})
        for role, visa in zip(ROLES, ({}, {}, {"reference": "AD-1", "reference_date": "2026-01-31"}), strict=True)
    ]

    assert (kept.status_code, kept.json()["left"]) == (201, 2)
    assert [answer.status_code for answer in answers] == [201] * 3
    assert [answer.json()["state"] for answer in answers] == ["opinions", "opinions", "approved"]
    assert [step["by"] for step in web.get(at).json()["steps"]] == list(PERSONS.values())
    assert web.post(f"{at}/cancel", json={"by": "D. Rector"}).json()["state"] == "cancelled"
    assert web.get("/api/v1/eliminations").json() == []
    assert len(web.get("/api/v1/eliminations?all=true").json()) == 1


def test_all_that_can_be_told_of_an_elimination_is_described(prepared: Prepared, tmp_path: Path) -> None:
    archive, index = prepared.copied(tmp_path)
    with closing(archive):
        web = checked_client(archive)
        bring_into_force(archive, version="2", more=CLOSED)
        equip(archive, index, MemoryDocuments())
        hold = {"study": prepared.due[0], "kind": "seizure", "reason": "asked for", "by": "A. Archivist"}
        web.post("/api/v1/holds", json=hold)
        at = f"/api/v1/eliminations/{propose(archive)}"
        web.post(f"{at}/kept", json={"items": prepared.due[1:2], "cause": "historical", "by": "A. Archivist"})
        number = web.get(at).json()["number"]
        approve(archive, number)

        archive.executor.run(number, "Operator", now())

        told = web.get(at).json()
        web.get("/api/v1/eliminations?all=true")
    outcomes = {item["study"]: (item["outcome"], item["communicable"] is None) for item in told["items"]}
    assert outcomes == {prepared.due[1]: ("kept", False), prepared.due[2]: ("eliminated", True)}
    assert [each["cause"] for each in told["bordereau"]["excluded"]] == ["hold"]
    assert (told["state"], len(told["steps"]), told["places"] != []) == ("certified", 3, True)


def test_what_may_not_be_is_a_problem(archive: Archive, web: TestClient) -> None:
    at = f"/api/v1/eliminations/{propose(archive)}"

    def refused(status: int, said: str, path: str = f"{at}/decisions", **changes: object) -> None:
        asked = {"role": "records_manager", "decision": "favourable", "by": "R. Manager", **changes}
        answer = web.post(path, json={name: value for name, value in asked.items() if value is not None})
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.json()

    refused(403, "next to decide", role="director")
    refused(403, "another one", by="p. roposer")
    refused(400, "decision is one of", decision="perhaps")
    refused(400, "unknown: colour", colour="red")
    refused(400, "reference_date", reference_date="soon")
    refused(404, "no elimination 99", "/api/v1/eliminations/99/decisions")
    refused(404, "lists nothing", f"{at}/kept", items=["1.2.3"], cause="historical", role=None, decision=None)
    assert web.get("/api/v1/eliminations/99").status_code == 404


def test_a_visa_without_its_number_is_refused(archive: Archive, web: TestClient) -> None:
    number = propose(archive)
    at = f"/api/v1/eliminations/{number}/decisions"
    for role in ROLES[:2]:
        web.post(at, json={"role": role, "decision": "favourable", "by": PERSONS[role]})

    answer = web.post(at, json={"role": "archives", "decision": "favourable", "by": "A. Archivist"})

    assert (answer.status_code, "visa" in answer.json()["detail"]) == (422, True)


def test_with_tokens_it_is_the_token_that_says_who(archive: Archive) -> None:
    at = f"/api/v1/eliminations/{propose(archive)}/decisions"
    web = web_client(archive, tokens=TOKENS)
    manager, director = ({"Authorization": f"Bearer {letter * 32}"} for letter in "ab")

    def decide(role: str, headers: dict[str, str]) -> int:
        return web.post(at, json={"role": role, "decision": "favourable"}, headers=headers).status_code

    assert decide("records_manager", {}) == 401
    assert decide("records_manager", manager) == 201
    assert decide("director", manager) == 403
    assert decide("director", director) == 201
