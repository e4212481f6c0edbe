"""Patient events over REST."""

from starlette.testclient import TestClient

from conformance import phantoms

PATIENT = {"patient_id": phantoms.ct_slice(number=1, size=16).PatientID, "issuer": "MODALITY"}
VISIT = {**PATIENT, "kind": "visit", "date": "2020-05-04", "by": "anne"}


def test_an_event_is_recorded_listed_and_withdrawn(web: TestClient) -> None:
    added = web.post("/api/v1/patient-events", json={**VISIT, "establishment": "750000001"})

    assert added.status_code == 201
    number = added.json()["number"]
    assert added.json() == {"number": number, "known_before": False, "has_images": True}
    (listed,) = web.get("/api/v1/patient-events", params=PATIENT).json()
    assert (listed["kind"], listed["date"], listed["establishment"]) == ("visit", "2020-05-04", "750000001")
    assert (listed["actor"], listed["feed"], listed["withdrawn"]) == ("anne", "rest", False)
    withdraw = f"/api/v1/patient-events/{number}/withdraw"
    assert web.post(withdraw, json={"reason": "other patient", "by": "bruno"}).status_code == 200
    assert web.get("/api/v1/patient-events", params=PATIENT).json()[0]["withdrawn"]
    assert web.post(withdraw, json={"reason": "other patient", "by": "bruno"}).status_code == 404


def test_the_same_event_adds_nothing(web: TestClient) -> None:
    web.post("/api/v1/patient-events", json=VISIT)

    again = web.post("/api/v1/patient-events", json=VISIT)

    assert (again.status_code, again.json()["number"], again.json()["known_before"]) == (200, None, True)
    assert len(web.get("/api/v1/patient-events", params=PATIENT).json()) == 1


def test_a_patient_without_images_is_taken_and_told(web: TestClient) -> None:
    added = web.post("/api/v1/patient-events", json={**VISIT, "patient_id": "NEW", "issuer": "A/B&1.2&ISO"})

    assert (added.status_code, added.json()["has_images"]) == (201, False)
    assert len(web.get("/api/v1/patient-events?patient_id=NEW").json()) == 1


def test_what_is_wrong_is_a_problem(web: TestClient) -> None:
    def refused(status: int, said: str, **changes: str) -> None:
        answer = web.post("/api/v1/patient-events", json={**VISIT, **changes})
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.json()

    refused(400, "kind is one of", kind="holiday")
    refused(400, "patient_id is empty", patient_id=" ")
    refused(422, "has not come yet", date="2999-01-01")
    refused(404, "say the issuer", patient_id="UNKNOWN", issuer="")
    assert web.get("/api/v1/patient-events").status_code == 400
    assert web.get("/api/v1/patient-events", params=PATIENT).json() == []
