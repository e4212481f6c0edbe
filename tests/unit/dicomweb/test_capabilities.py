"""The services describe themselves, and say what the routes are (PS3.18 8.9, Annex H)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from dicomweb import Services, dicomweb_routes
from dicomweb.transactions import PATHS, transactions
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.index import open_index
from vna.settings import HttpSettings
from web import web_client

WADL = "application/vnd.sun.wadl+xml"
SPACE = "{http://wadl.dev.java.net/2009/02}"
ITS_OWN = {"/", "/openapi.json", "/{resource}"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder: Path = tmp_path_factory.mktemp("capabilities")
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{folder / 'index.sqlite'}"), blobs, Spool(folder / "spool"), room)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(archive: Archive) -> TestClient:
    return web_client(archive, trusted_proxies=["testclient"])


@pytest.fixture(scope="module")
def mounted(archive: Archive) -> set[tuple[str, str]]:
    """Methods and paths of the services' own routes, without the kinds of the parameters in them."""
    routes = [route for route in dicomweb_routes(Services(archive, HttpSettings())).routes if isinstance(route, Route)]
    found = {(method, re.sub(r":\w+\}", "}", route.path)) for route in routes for method in route.methods or ()}
    return {(method, path) for method, path in found if method != "HEAD" and path not in ITS_OWN}


def test_the_table_has_every_route_and_no_other(mounted: set[tuple[str, str]]) -> None:
    assert {(each.method, each.path) for each in transactions()} == mounted


def test_transactions_have_names_of_their_own() -> None:
    names = [each.name for each in transactions()]

    assert len(names) == len(set(names))
    assert all(set(re.findall(r"\{(\w+)\}", each.path)) <= PATHS.keys() for each in transactions())


def test_options_of_the_root_is_a_wadl_document_of_all_resources(
    client: TestClient, mounted: set[tuple[str, str]]
) -> None:
    answer = client.options("/dicom-web/", headers={"Accept": WADL})

    root = ET.fromstring(answer.content)
    (resources,) = root.findall(f"{SPACE}resources")
    assert (answer.status_code, answer.headers["content-type"]) == (200, WADL)
    assert resources.get("base") == "http://127.0.0.1/dicom-web"
    assert {(method, path) for path, method in _methods(resources)} == mounted


def _methods(node: ET.Element, path: str = "") -> Iterator[tuple[str, str]]:
    for method in node.findall(f"{SPACE}method"):
        yield path, str(method.get("name"))
    for below in node.findall(f"{SPACE}resource"):
        yield from _methods(below, f"{path}/{below.get('path')}")


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("accept", [WADL, "application/json", "application/vnd.oai.openapi+json"])
def test_the_description_comes_in_the_form_that_is_accepted(client: TestClient, method: str, accept: str) -> None:
    answer = client.request(method, "/dicom-web/", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (200, accept)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_form_that_is_refused_is_not_given(client: TestClient) -> None:
    answer = client.options("/dicom-web/", headers={"Accept": "application/vnd.sun.wadl+xml;q=0, */*"})

    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("root", ["/dicom-web", "/quality/dicom-web", "/api/v1"])
def test_a_root_is_there_without_a_slash_at_its_end(client: TestClient, root: str) -> None:
    with_slash = client.get(f"{root}/")

    answer = client.get(root, follow_redirects=False)

    assert (answer.status_code, answer.content) == (with_slash.status_code, with_slash.content)


def test_what_nobody_takes_is_not_acceptable(client: TestClient) -> None:
    answer = client.options("/dicom-web/", headers={"Accept": "image/png"})

    assert (answer.status_code, answer.json()["status"]) == (406, 406)


def test_options_of_a_resource_describes_it_and_what_is_below(client: TestClient) -> None:
    answer = client.options("/dicom-web/studies/1.2/series", headers={"Accept": "application/json"})

    paths = answer.json()["paths"]
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert paths
    assert all(path.startswith("/studies/{study}/series") for path in paths)
    assert "/studies/{study}/series" in paths


def test_options_of_what_takes_a_post_names_it(client: TestClient) -> None:
    assert client.options("/dicom-web/studies").headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_options_of_no_resource_is_not_found(client: TestClient) -> None:
    answer = client.options("/dicom-web/nothing/here")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_openapi_document_has_its_address_and_the_matching_keys(client: TestClient) -> None:
    headers = {"X-Forwarded-Host": "pacs.example", "X-Forwarded-Proto": "https"}

    document = json.loads(client.get("/dicom-web/openapi.json", headers=headers).content)

    named = {each["name"] for each in document["paths"]["/studies"]["get"]["parameters"]}
    assert document["servers"] == [{"url": "https://pacs.example/dicom-web"}]
    assert {"limit", "fuzzymatching", "PatientID", "ModalitiesInStudy"} <= named
    assert "SOPInstanceUID" not in named


def test_a_method_that_a_resource_does_not_take_is_refused_with_those_it_takes(client: TestClient) -> None:
    answer = client.put("/dicom-web/studies")

    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_no_resource_is_not_found_by_any_method(client: TestClient, method: str) -> None:
    assert client.request(method, "/dicom-web/nothing/here").status_code == 404
