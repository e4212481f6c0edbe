"""Holds over REST."""

from starlette.testclient import TestClient

from conformance import phantoms
from vna.archive import Archive
from web import web_client

SLICE = phantoms.ct_slice(number=1, size=16)
HOLD = {"study": SLICE.StudyInstanceUID, "kind": "seizure", "reason": "judge", "by": "anne"}
TOKENS = ("anne=" + "a" * 32, "bruno=" + "b" * 32)


def test_a_hold_is_placed_shown_and_released(web: TestClient) -> None:
    placed = web.post("/api/v1/holds", json={**HOLD, "case_number": "12/345", "until_date": "2999-12-31"})

    assert placed.status_code == 201
    hold = placed.json()
    assert (hold["kind"], hold["level"], hold["case_number"], hold["stands"]) == ("seizure", "study", "12/345", True)
    assert hold["covers"] == [{"study": SLICE.StudyInstanceUID, "series": None}]
    assert web.get(f"/api/v1/holds/{hold['number']}").json() == hold
    assert [each["number"] for each in web.get("/api/v1/holds").json()] == [hold["number"]]
    released = web.post(f"/api/v1/holds/{hold['number']}/release", json={"reason": "closed", "by": "bruno"})
    assert (released.status_code, released.json()["released_by"]) == (200, "bruno")
    assert web.get("/api/v1/holds").json() == []
    assert len(web.get("/api/v1/holds?all=true").json()) == 1


def test_who_placed_it_may_not_release_it(web: TestClient) -> None:
    number = web.post("/api/v1/holds", json=HOLD).json()["number"]

    answer = web.post(f"/api/v1/holds/{number}/release", json={"reason": "closed", "by": " Anne"})

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "another one has to release it" in answer.json()["detail"]


def test_with_tokens_it_is_the_token_that_says_who(archive: Archive) -> None:
    web = web_client(archive, tokens=TOKENS)
    anne, bruno = ({"Authorization": f"Bearer {letter * 32}"} for letter in "ab")
    asked = {name: value for name, value in HOLD.items() if name != "by"}

    assert web.post("/api/v1/holds", json=asked).status_code == 401
    number = web.post("/api/v1/holds", json=asked, headers=anne).json()["number"]
    release = f"/api/v1/holds/{number}/release"
    assert web.post(release, json={"reason": "x"}, headers=anne).status_code == 403
    assert web.post(release, json={"reason": "x", "by": "bruno"}, headers=anne).status_code == 400
    assert web.post(release, json={"reason": "x"}, headers=bruno).json()["released_by"] == "bruno"


def test_what_is_wrong_is_a_problem(web: TestClient) -> None:
    def refused(status: int, said: str, **changes: object) -> None:
        asked = {name: value for name, value in {**HOLD, **changes}.items() if value is not None}
        answer = web.post("/api/v1/holds", json=asked)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.json()

    refused(400, "kind is one of", kind="whim")
    refused(400, "reason", reason=None)
    refused(400, "unknown: colour", colour="red")
    refused(400, "YYYY-MM-DD", until_date="tomorrow")
    refused(400, "YYYY-MM-DD", until_date="29991231")
    refused(400, "1800 to 8999", from_date="0001-12-01")
    refused(400, "without control characters", reason="judge\x00")
    refused(400, "texts", study=None, query={"Modality": "C\x00T"})
    refused(422, "ends on its first day or later", until_date="2001-01-01")
    refused(422, "one thing", query={"Modality": "CT"})
    refused(422, "Nonsense", study=None, query={"Nonsense": "CT"})
    refused(404, "no patient of this ID", study=None, patient_id="UNKNOWN")
    assert web.get("/api/v1/holds/99").status_code == 404
    assert web.get("/api/v1/holds?all=perhaps").status_code == 400
    assert web.get("/api/v1/holds?all=true").json() == []


def test_a_body_is_a_json_object_of_bounded_size(web: TestClient) -> None:
    def status(content: bytes, media_type: str = "application/json") -> int:
        return web.post("/api/v1/holds", content=content, headers={"Content-Type": media_type}).status_code

    assert status(b"{") == 400
    assert status(b"[]") == 400
    assert status(b"{}", "text/plain") == 415
    assert status(b"{}", "nonsense") == 400
    assert status(b" " * (2**20 + 1)) == 413


def test_anonymous_on_the_loopback_is_called_by_its_address(web: TestClient) -> None:
    asked = {name: value for name, value in HOLD.items() if name != "by"}

    assert web.post("/api/v1/holds", json=asked).json()["actor"] == "anonymous@testclient"


def test_a_number_that_no_event_has_is_told_not_a_fault(web: TestClient) -> None:
    for path in ("holds", "eliminations", "limitations"):
        answer = web.get(f"/api/v1/{path}/{2**63}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is nothing of this number here")


def test_what_is_missing_is_named(web: TestClient) -> None:
    answer = web.post("/api/v1/holds", json={"study": "1.2", "kind": "inquiry"})

    assert (answer.status_code, answer.json()["detail"]) == (400, "reason is missing")
