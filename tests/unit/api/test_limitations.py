"""Limitations over REST."""

import io
import zipfile

from starlette.testclient import TestClient

from conformance import phantoms
from vna.archive import Archive
from vna.dicom.part10 import find_data_set
from vna.events import GlassBroken
from web import web_client

SLICE = phantoms.ct_slice(number=1, size=16)
STUDY = str(SLICE.StudyInstanceUID)
LIMIT = {"study": STUDY, "reason": "asked for by the patient", "by": "anne"}
ROOT = "/api/v1/limitations"


def test_a_limitation_is_placed_shown_and_lifted(web: TestClient) -> None:
    placed = web.post(ROOT, json=LIMIT)

    assert placed.status_code == 201
    limitation = placed.json()
    assert (limitation["actor"], limitation["reason"], limitation["instances"]) == ("anne", LIMIT["reason"], 1)
    assert limitation["scope"] == {"study": STUDY, "series": None, "instance": None}
    assert web.get(f"{ROOT}/{limitation['number']}").json() == limitation
    assert web.get(ROOT).json() == [limitation]
    assert web.get("/dicom-web/studies").status_code == 204
    lifted = web.post(f"{ROOT}/{limitation['number']}/lift", json={"reason": "claim settled", "by": "bruno"})
    assert (lifted.status_code, web.get(ROOT).json()) == (200, [])
    assert web.get("/dicom-web/studies").status_code == 200


def test_breaking_the_glass_gives_the_files_and_says_who_and_why(web: TestClient, archive: Archive) -> None:
    number = web.post(ROOT, json=LIMIT).json()["number"]

    opened = web.post(f"{ROOT}/{number}/open", json={"reason": "emergency", "by": "dr.house"})

    assert (opened.status_code, opened.headers["content-type"]) == (200, "application/zip")
    (name,) = (zipped := zipfile.ZipFile(io.BytesIO(opened.content))).namelist()
    assert name == f"{STUDY}/{SLICE.SeriesInstanceUID}/{SLICE.SOPInstanceUID}.dcm"
    file = zipped.read(name)
    assert file[find_data_set(file).length :] == phantoms.data_set_bytes(SLICE)
    last = archive.journal_mark().position
    assert archive.limitations.reason(last) == "emergency"
    (link,) = archive._index.journal.links(after=last - 1, upto=last)
    assert isinstance(link.event.record().event, GlassBroken)
    assert link.event.actor == "dr.house"
    assert web.get("/dicom-web/studies").status_code == 204  # the glass is whole again


def test_the_break_is_recorded_before_the_first_byte(archive: Archive, web: TestClient) -> None:
    number = web.post(ROOT, json=LIMIT).json()["number"]
    at_first_byte: list[int] = []
    retrieve = archive.retrieve

    def noted(*arguments: object) -> object:
        at_first_byte.append(archive.journal_mark().position)
        return retrieve(*arguments)

    archive.retrieve = noted
    web.post(f"{ROOT}/{number}/open", json={"reason": "emergency"})

    assert at_first_byte == [number + 1]


def test_without_a_reason_nothing_is_placed_lifted_or_opened(web: TestClient, archive: Archive) -> None:
    number = web.post(ROOT, json=LIMIT).json()["number"]
    position = archive.journal_mark().position

    answers = [
        web.post(path, json=body)
        for path in (f"{ROOT}/{number}/lift", f"{ROOT}/{number}/open", ROOT)
        for body in ({}, {"reason": "  "})
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert archive.journal_mark().position == position


def test_what_is_wrong_is_a_problem(web: TestClient) -> None:
    def refused(status: int, path: str, body: dict[str, object]) -> None:
        answer = web.post(path, json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

    refused(404, ROOT, {"study": "1.2.3", "reason": "r"})
    refused(400, ROOT, {"reason": "r"})
    refused(400, ROOT, {**LIMIT, "colour": "red"})
    refused(404, f"{ROOT}/999/lift", {"reason": "r"})
    refused(404, f"{ROOT}/999/open", {"reason": "r"})
    web.post(ROOT, json=LIMIT)
    refused(409, ROOT, LIMIT)


def test_with_tokens_it_is_the_token_that_breaks_the_glass(archive: Archive) -> None:
    web = web_client(archive, tokens=("anne=" + "a" * 32,))
    anne = {"Authorization": "Bearer " + "a" * 32}
    body = {name: value for name, value in LIMIT.items() if name != "by"}

    assert web.post(ROOT, json=body).status_code == 401
    assert web.post(ROOT, json=body, headers=anne).json()["actor"] == "anne"
