"""Requests made from the OpenAPI document by schemathesis: every answer is one that the document has.

No answer is 500, each has a documented status and media type, each refusal is a problem (RFC 9457), and what comes in
JSON fits its schema. Of the UIDs in paths most are those of what is held.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from conformance import oddities, phantoms
from dicomweb.negotiation import DICOM, MULTIPART
from dicomweb.resources import INSTANCE
from dicomweb.transactions import DICOM_JSON, DICOM_XML, transactions
from sending import Sending
from storage_backends import BlobStore, Memory
from storing_over_web import BOUNDARY, body_of
from vna.archive import Archive, Room, Spool
from vna.index import open_index
from vna.web.problem import MEDIA_TYPE as PROBLEM
from web import web_client

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
HELD = [
    phantoms.ct_slice(size=16),
    phantoms.us_multiframe(frames=2),
    phantoms.jpeg_multiframe(frames=2),
    oddities.encapsulated_pdf(),
    oddities.structured_report(),
]
OPERATIONS = [each.name for each in transactions()]
ONE_OF_EACH_KIND = ["SearchForStudies", "RetrieveInstance", "RetrieveFrames", "StoreInstances", "RequestCommitment"]


@schemathesis.serializer(DICOM, MULTIPART, DICOM_JSON, DICOM_XML)
def _as_it_is(_context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@st.composite
def _stores(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw the body of a store, whole, cut off or disturbed, with its media type."""
    instances = [phantoms.part10(ds) for ds in HELD] + [b"", b"no file"]
    body = body_of(({"Content-Type": DICOM}, one) for one in draw(st.lists(st.sampled_from(instances), max_size=3)))
    body = draw(st.sampled_from([body, body[: len(body) // 2], body.replace(b"DICM", b"DOCM"), draw(st.binary())]))
    kinds = [f'{MULTIPART}; type="{type_}"; boundary={BOUNDARY}' for type_ in (DICOM, DICOM_JSON, DICOM_XML)]
    return draw(st.sampled_from([*kinds, MULTIPART, DICOM, "text/plain", "nothing"])), body


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    archive = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    for ds in HELD:
        Sending(archive).store(ds)
    yield web_client(archive)
    archive.close()


@pytest.fixture(scope="module")
def document(client: TestClient) -> BaseSchema:
    config = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
    return schemathesis.openapi.from_dict(client.get("/dicom-web/openapi.json").json(), config=config)


def _check(client: TestClient, document: BaseSchema, name: str, examples: int) -> None:
    operation = document.find_operation_by_id(name)

    @given(data=st.data())
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def every_answer_is_documented(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.integers(0, 3)):
            _name_what_is_held(case, HELD[data.draw(st.integers(0, len(HELD) - 1))])
        if name.startswith("Store"):
            media_type, case.body = data.draw(_stores())
            case.headers = {**(case.headers or {}), "Content-Type": media_type}
            case.media_type = MULTIPART
        answer = case.call(app=client.app, base_url="http://127.0.0.1/dicom-web")
        case.validate_response(answer, checks=CHECKS)
        if answer.headers.get("content-type") == [PROBLEM]:
            assert json.loads(answer.content)["status"] == answer.status_code
            assert b"Traceback" not in answer.content

    every_answer_is_documented()


def _name_what_is_held(case: Case, ds) -> None:
    uids = {"study": ds.StudyInstanceUID, "series": ds.SeriesInstanceUID, "instance": ds.SOPInstanceUID}
    named = case.path_parameters or {}
    case.path_parameters = {name: uids.get(name, value) for name, value in named.items()}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("post", "/studies", {"Content-Type": "text/plain"}, 415),
        ("get", INSTANCE, {"Accept": DICOM, "Range": "bytes=9999999-"}, 416),
        ("get", INSTANCE, {"Accept": "text/csv"}, 406),
        ("get", "/wado", {}, 400),
        ("get", "/commitment-requests/{transaction}", {}, 404),
    ],
    ids=["media-type", "range", "not-acceptable", "no-parameters", "unknown"],
)
def test_refusals_are_documented(
    client: TestClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    ds = HELD[0]
    uids = {"study": ds.StudyInstanceUID, "series": ds.SeriesInstanceUID, "instance": ds.SOPInstanceUID}

    answer = client.request(method, "/dicom-web" + path.format(**uids, transaction="1.2"), headers=headers)

    documented = client.get("/dicom-web/openapi.json").json()["paths"][path][method]["responses"]
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert str(status) in documented


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_answers_are_documented(client: TestClient, document: BaseSchema, name: str) -> None:
    _check(client, document, name, examples=4)


@pytest.mark.long
@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_to_many_requests_are_documented(client: TestClient, document: BaseSchema, name: str) -> None:
    _check(client, document, name, examples=400)
