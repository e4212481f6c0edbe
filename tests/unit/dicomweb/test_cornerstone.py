"""What the viewer's image loader (cornerstone's wadors) relies on: how it asks for frames, and how it reads what comes.

It looks for the first line that begins with two hyphens and for a header spelt `Content-Type:`, takes the transfer
syntax out of that, and decodes; without one it believes that pixels are Implicit VR Little Endian.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import generate_frames
from starlette.testclient import TestClient

from conformance import phantoms
from conformance.oddities import encapsulated_pdf, private_bulk
from sending import Sending

ASKED = "multipart/related; type=application/octet-stream; transfer-syntax=*"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
IMPLICIT_LE = "1.2.840.10008.1.2"


@dataclass(frozen=True, slots=True)
class Frame:
    """What the loader makes of an answer."""

    transfer_syntax: str
    pixels: bytes


def load(web: TestClient, image: str) -> Frame:
    """Return a frame as the loader takes it out of an answer, line for line as its extractMultipart does."""
    answer = web.get(image, headers={"Accept": ASKED})
    assert answer.status_code in (200, 206)
    body, content_type = answer.content, answer.headers["content-type"]
    if "multipart" not in content_type:
        return Frame(transfer_syntax(content_type), body)
    token = body.index(b"\r\n\r\n")
    lines = body[:token].decode("latin-1").split("\r\n")
    boundary = next(line for line in lines if line.startswith("--"))
    part_type = next(line for line in lines if line.startswith("Content-Type:")).removeprefix("Content-Type:").strip()
    end = body.index(boundary.encode(), token + 4)
    return Frame(transfer_syntax(part_type), body[token + 4 : end - 2])


def transfer_syntax(content_type: str) -> str:
    """Return what the loader's getTransferSyntaxForContentType returns where nothing is guessed from the type."""
    pairs = [parameter.split("=") for parameter in content_type.split(";")]
    parameters = {pair[0].strip(): pair[1].strip().replace('"', "") for pair in pairs if len(pair) == 2}
    return parameters.get("transfer-syntax", IMPLICIT_LE)


def path(ds: Dataset) -> str:
    return f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


@pytest.mark.parametrize("ds", [phantoms.ct_slice(size=64), phantoms.us_multiframe()], ids=["grey", "colour"])
def test_native_frames_come_as_little_endian_words(web: TestClient, sending: Sending, ds: Dataset) -> None:
    sending.store(ds)
    count = int(ds.get("NumberOfFrames", 1))
    size = len(ds.PixelData) // count

    for number in (1, count):
        frame = load(web, f"{path(ds)}/frames/{number}")
        assert frame.pixels == ds.PixelData[(number - 1) * size : number * size]
        assert frame.transfer_syntax == EXPLICIT_LE


@pytest.mark.parametrize(
    "ds",
    [phantoms.jpeg_multiframe(), phantoms.jpeg_multiframe(offsets="none"), phantoms.rle_multiframe()],
    ids=["jpeg", "jpeg-without-offsets", "rle"],
)
def test_compressed_frames_come_as_they_are_and_say_how(web: TestClient, sending: Sending, ds: Dataset) -> None:
    sending.store(ds)
    stored = list(generate_frames(ds.PixelData, number_of_frames=ds.NumberOfFrames))

    frames = [load(web, f"{path(ds)}/frames/{number}") for number in range(1, ds.NumberOfFrames + 1)]

    assert {frame.transfer_syntax for frame in frames} == {ds.file_meta.TransferSyntaxUID}
    assert [frame.pixels.rstrip(b"\0") for frame in frames] == [frame.rstrip(b"\0") for frame in stored]


def test_a_browser_decodes_what_comes_of_a_jpeg(web: TestClient, sending: Sending) -> None:
    ds = phantoms.jpeg_multiframe()
    sending.store(ds)

    picture = Image.open(BytesIO(load(web, f"{path(ds)}/frames/1").pixels))

    assert picture.size == (ds.Columns, ds.Rows)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"], ids=["big-endian", "deflated"])
def test_what_no_browser_decodes_comes_as_plain_pixels(web: TestClient, sending: Sending, syntax: str) -> None:
    sending.store(phantoms.in_syntax(phantoms.ct_slice(size=64), syntax))
    plain = phantoms.ct_slice(size=64)

    frame = load(web, f"{path(plain)}/frames/1")

    assert (frame.transfer_syntax, frame.pixels) == (EXPLICIT_LE, plain.PixelData)


def test_metadata_say_what_the_loader_needs_to_know_of_the_pixels(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=64)
    sending.store(ds)

    (found,) = web.get(f"{path(ds)}/metadata", headers={"Accept": "application/dicom+json"}).json()

    described = Dataset.from_json(found, bulk_data_uri_handler=lambda _uri: b"")
    for keyword in ("Rows", "Columns", "BitsAllocated", "PixelRepresentation", "PhotometricInterpretation"):
        assert described[keyword].value == ds[keyword].value
    assert found["00280030"]["Value"] == [0.7, 0.7]
    assert found["7FE00010"].keys() == {"vr", "BulkDataURI"}


@pytest.mark.parametrize("ds", [encapsulated_pdf(), private_bulk()], ids=["document", "private"])
def test_bulk_data_are_found_as_the_viewer_resolves_their_addresses(
    web: TestClient, sending: Sending, ds: Dataset
) -> None:
    sending.store(ds)
    (found,) = web.get(f"{path(ds)}/metadata", headers={"Accept": "application/dicom+json"}).json()

    values = {tag: web.get(resolved(uri, ds), headers={"Accept": "*/*"}).content for tag, uri in addresses(found)}

    assert values
    for tag, value in values.items():
        assert ds[int(tag, 16)].value.rstrip(b"\0") in value  # as it is, or as the only part of a multipart answer


def addresses(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Go through the addresses of bulk data at the top level."""
    return ((tag, element["BulkDataURI"]) for tag, element in found.items() if "BulkDataURI" in element)


def resolved(uri: str, ds: Dataset) -> str:
    """Return an address as the viewer's fixBulkDataURI makes it absolute; the root is a path here."""
    if uri.startswith(("http", "/")):
        return uri
    if uri.startswith(("series/", "bulkdata/")):
        return f"/dicom-web/studies/{ds.StudyInstanceUID}/{uri}"
    return f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/{uri}"
