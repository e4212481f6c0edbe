"""A node behind a reverse proxy with a path prefix: every address it gives out leads back through the proxy."""

from collections.abc import Iterator, Mapping
from io import BytesIO

import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread

from conformance.oddities import encapsulated_pdf, private_bulk
from conformance.phantoms import ct_slice, part10
from reverse_proxy import reverse_proxy
from web_node import web_node

PREFIX = "/hospital/archive"
ACCEPT_JSON = "application/dicom+json"
HELD = [ct_slice(size=64), encapsulated_pdf(), private_bulk()]


def x_forwarded(host: str) -> Mapping[str, str]:
    """Say it as most proxies do."""
    return {"Host": "127.0.0.1", "X-Forwarded-Host": host, "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": PREFIX}


def forwarded(host: str) -> Mapping[str, str]:
    """Say it as RFC 7239 does, which has no word for a prefix."""
    told = f'for=192.0.2.60;proto=http;host="{host}"'
    return {"Host": "127.0.0.1", "Forwarded": told, "X-Forwarded-Prefix": PREFIX}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with web_node(tmp_path_factory.mktemp("node"), HELD) as address:
        yield address


@pytest.fixture(params=[x_forwarded, forwarded], ids=["x-forwarded", "forwarded"])
def public(node: str, request: pytest.FixtureRequest) -> Iterator[str]:
    with reverse_proxy(node, PREFIX, request.param) as address:
        yield address


def metadata_of(root: str, ds: Dataset) -> dict:
    url = f"{root}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/metadata"
    answer = requests.get(url, headers={"Accept": ACCEPT_JSON}, timeout=20)
    (found,) = answer.json()
    return found


@pytest.mark.parametrize("ds", HELD, ids=["image", "document", "private"])
def test_bulk_data_are_fetched_through_the_proxy(public: str, ds: Dataset) -> None:
    client = DICOMwebClient(f"{public}/dicom-web")
    asked: dict[str, str] = {}

    def bulk(tag: str, _vr: str, uri: str) -> bytes:
        asked[tag] = uri
        return bytes(client.retrieve_bulkdata(uri)[0])

    found = Dataset.from_json(metadata_of(f"{public}/dicom-web", ds), bulk_data_uri_handler=bulk)

    assert asked
    assert all(uri.startswith(f"{public}/dicom-web/studies/{ds.StudyInstanceUID}/") for uri in asked.values())
    assert {element.tag for element in found} == {element.tag for element in ds}
    assert all(found[tag].value in ds[tag].value for tag in (int(tag, 16) for tag in asked))


def test_what_is_found_is_retrieved_where_it_says(public: str) -> None:
    found = requests.get(f"{public}/dicom-web/instances", params={"PatientID": HELD[0].PatientID}, timeout=20).json()
    (address,) = found[0]["00081190"]["Value"]

    answer = requests.get(address, headers={"Accept": "application/dicom; transfer-syntax=*"}, timeout=20)

    assert address.startswith(f"{public}/dicom-web/studies/")
    assert dcmread(BytesIO(answer.content)) == HELD[0]


def test_what_was_stored_is_retrieved_where_it_says(public: str) -> None:
    ds = ct_slice(study=90, size=32)
    body = b"--X\r\nContent-Type: application/dicom\r\n\r\n" + part10(ds) + b"\r\n--X--\r\n"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=X', "Accept": ACCEPT_JSON}
    stored = requests.post(f"{public}/dicom-web/studies", data=body, headers=headers, timeout=20).json()

    address = stored["00081199"]["Value"][0]["00081190"]["Value"][0]
    answer = requests.get(address, headers={"Accept": "application/dicom; transfer-syntax=*"}, timeout=20)

    assert address.startswith(f"{public}/dicom-web/studies/{ds.StudyInstanceUID}/")
    assert dcmread(BytesIO(answer.content)) == ds


def test_the_way_to_the_viewer_stays_below_the_prefix(public: str) -> None:
    answer = requests.get(f"{public}/viewer", allow_redirects=False, timeout=20)

    assert answer.headers["Location"] == "viewer/"
