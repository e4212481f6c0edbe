"""Extra attributes in searches (PS3.18 10.6): matched, returned, and told with their VR and private creator."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from conformance import phantoms
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.dicom.extra import ExtraAttributes
from vna.index import extra as index_extra
from vna.index import open_index
from web import web_client

SETTINGS = ("ExposureTime", "InstitutionAddress@series", "0019xx02:ACME PHYSICS")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("extra")
    blobs = BlobStore(Memory())
    index = open_index(f"sqlite:///{folder / 'index.sqlite'}", extra_attributes=ExtraAttributes(SETTINGS))
    archive = Archive(index, blobs, Spool(folder), Room(blobs, min_free_percent=0, min_free_bytes=0))
    sending = Sending(archive)
    for study, exposure in ((1, "100"), (2, "200")):
        ds = phantoms.ct_slice(study=study, size=16)
        ds.ExposureTime, ds.InstitutionAddress = exposure, f"Street {study}"
        ds.private_block(0x0019, "ACME PHYSICS", create=True).add_new(0x02, "DS", "1.5")
        sending.store(ds)
    with web_client(archive) as client:
        yield client
    archive.close()


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/instances?ExposureTime=100", 1),
        ("/instances?00181150=200", 1),
        ("/instances?ExposureTime=300", 0),
        ("/series?InstitutionAddress=Street*", 2),
        ("/instances?InstitutionAddress=Street*&ExposureTime=100", 1),
        ("/instances?00191002=1.5&00190010=ACME%20PHYSICS", 2),
    ],
)
def test_an_extra_attribute_is_a_key(client: TestClient, path: str, count: int) -> None:
    answer = client.get("/dicom-web" + path)

    assert len(answer.json() if answer.status_code == 200 else []) == count
    assert "warning" not in answer.headers


@pytest.mark.parametrize("fields", ["ExposureTime,InstitutionAddress,00191002", "all"])
def test_an_extra_attribute_is_returned(client: TestClient, fields: str) -> None:
    (found,) = client.get(f"/dicom-web/instances?ExposureTime=100&includefield={fields}").json()

    assert found["00181150"] == {"vr": "IS", "Value": [100]}
    assert found["00080081"] == {"vr": "ST", "Value": ["Street 1"]}
    assert (found["00190010"], found["00191002"]["Value"]) == ({"vr": "LO", "Value": ["ACME PHYSICS"]}, ["1.5"])


@pytest.mark.parametrize("path", ["/studies?PatientName=*", "/series?Modality=CT", "/instances?InstanceNumber=1"])
def test_what_no_index_has_is_read_from_headers_to_be_returned(client: TestClient, path: str) -> None:
    answer = client.get(f"/dicom-web{path}&includefield=00180050,PixelSpacing&includefield=AcquisitionComments")

    assert "warning" not in answer.headers
    for found in answer.json():
        assert found["00180050"] == {"vr": "DS", "Value": [1.25]}
        assert found["00280030"]["Value"] == [0.7, 0.7]
        assert found["00184000"] == {"vr": "LT"}


def test_headers_are_read_of_what_is_returned_alone(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_extra, "MOST_HEADERS", 1)

    first = client.get("/dicom-web/series?includefield=SliceThickness&limit=1")
    none = client.get("/dicom-web/series?00400275.00400009=NONE&includefield=SliceThickness")
    both = client.get("/dicom-web/series?includefield=SliceThickness")

    assert first.json()[0]["00180050"]["Value"] == [1.25]
    assert (none.status_code, both.status_code) == (204, 503)


def test_what_a_header_cannot_give_is_said(client: TestClient) -> None:
    fields = "00191099,PixelData,OtherPatientIDsSequence.PatientSize,00020010"

    answer = client.get(f"/dicom-web/instances?includefield={fields}")

    assert "passed over: 00191099, PixelData, " in answer.headers["warning"]
    assert "00020010" not in answer.json()[0]


def test_one_that_nobody_asks_for_is_not_returned(client: TestClient) -> None:
    found = client.get("/dicom-web/instances?limit=1").json()

    assert not {"00181150", "00080081", "00191002", "00190010"} & found[0].keys()


def test_one_below_what_is_searched_for_is_refused(client: TestClient) -> None:
    assert client.get("/dicom-web/studies?ExposureTime=100").status_code == 400
    assert "00181150" not in client.get("/dicom-web/studies?includefield=ExposureTime").json()[0]
