"""WADO-URI: instances by query parameters, as files; and what is refused."""

import pytest
from pydicom import Dataset
from starlette.testclient import TestClient

from conformance import phantoms
from image_kinds import EXPLICIT_LE, IMPLICIT_LE, RLE
from sending import Sending
from vna.dicom.part10 import find_data_set

JPEG_LS = "1.2.840.10008.1.2.4.80"


def ask(web: TestClient, ds: Dataset, **more: str):
    named = {
        "requestType": "WADO",
        "studyUID": ds.StudyInstanceUID,
        "seriesUID": ds.SeriesInstanceUID,
        "objectUID": ds.SOPInstanceUID,
    }
    return web.get("/dicom-web/wado", params=named | more)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        pytest.param({}, EXPLICIT_LE, id="default"),
        pytest.param({"transferSyntax": "*"}, RLE, id="any"),
        pytest.param({"transferSyntax": RLE}, RLE, id="as stored"),
        pytest.param({"transferSyntax": JPEG_LS}, JPEG_LS, id="another"),
    ],
)
def test_an_instance_as_a_file(web: TestClient, sending: Sending, asked: dict[str, str], given: str) -> None:
    ds = phantoms.rle_multiframe()
    sending.store(ds)

    answer = ask(web, ds, contentType="application/dicom", **asked)

    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={given}"
    assert find_data_set(answer.content).transfer_syntax == given
    if given == RLE:
        assert answer.content.endswith(phantoms.data_set_bytes(ds))


def test_without_a_content_type_an_image_is_a_picture_and_several_frames_are_a_file(
    web: TestClient, sending: Sending
) -> None:
    single, several = phantoms.ct_slice(size=64), phantoms.us_multiframe()
    sending.store(single)
    sending.store(several)

    assert ask(web, single).headers["content-type"] == "image/jpeg"
    assert ask(web, several).headers["content-type"].startswith("application/dicom")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        pytest.param({"requestType": "NADO"}, 400, id="request type"),
        pytest.param({"objectUID": ""}, 400, id="no object"),
        pytest.param({"seriesUID": "x"}, 400, id="no UID"),
        pytest.param({"anonymize": "yes"}, 400, id="anonymize"),
        pytest.param({"objectUID": "2.25.1"}, 404, id="unknown"),
        pytest.param({"contentType": "text/csv"}, 406, id="content type"),
        pytest.param({"contentType": "application/dicom", "transferSyntax": IMPLICIT_LE}, 406, id="implicit"),
        pytest.param({"contentType": "application/dicom", "transferSyntax": "1.2.3"}, 406, id="unknown syntax"),
    ],
)
def test_what_is_refused(web: TestClient, sending: Sending, more: dict[str, str], status: int) -> None:
    ds = phantoms.ct_slice(size=16)
    sending.store(ds)

    answer = ask(web, ds, **more)

    assert (answer.status_code, answer.json()["status"]) == (status, status)
