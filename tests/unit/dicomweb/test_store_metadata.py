"""Storing metadata with bulk data beside (PS3.18 8.6.1.2, 10.5.2)."""

import json
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from starlette.testclient import TestClient

from conformance import oddities, phantoms
from dicomweb.transactions import transactions
from image_kinds import DEFLATED_FRAME
from sending import Sending
from storing_over_web import DICOM, JSON, Part, items, post, reasons, stored
from vna.archive import Archive
from vna.dicom.xml_model import native_xml
from vna.model import InstanceKey

XML = "application/dicom+xml"
OCTETS = "application/octet-stream"
PIXELS = "7FE00010"
_IMAGE = ("00280002", "00280004", "00280006", "00280010", "00280011", "00280100", "00280101", "00280102", "00280103")


def model_of(ds: Dataset, *, pixels: str = "bulk/1", image: bool = True) -> dict[str, Any]:
    """Return the DICOM JSON of an instance whose pixels lie elsewhere, with or without what describes them."""
    model = json.loads(json.dumps(ds.to_json_dict(suppress_invalid_tags=True)))
    model[PIXELS] = {"vr": "OW", "BulkDataURI": pixels}
    return {tag: element for tag, element in model.items() if image or tag not in _IMAGE}


def metadata(*models: dict[str, Any]) -> Part:
    return {"Content-Type": JSON}, json.dumps(models).encode()


def bulk(data: bytes, *, location: str = "bulk/1", media_type: str = OCTETS) -> Part:
    return {"Content-Type": media_type, "Content-Location": location}, data


def held(archive: Archive, ds: Dataset) -> Dataset:
    """Return an instance as pydicom reads what the archive gives."""
    key = InstanceKey(ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)
    (version,) = archive.versions(key)
    file = dcmread(BytesIO(Sending(archive).bytes_of(key)), force=True)
    file.file_meta.TransferSyntaxUID = version.transfer_syntax
    return file


def jpeg(*, colour: bool = False, shade: int = 100, progressive: bool = False) -> bytes:
    pixels = np.full((24, 40, 3) if colour else (24, 40), shade, np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90, progressive=progressive)
    return stream.getvalue()


def in_xml(attributes: str) -> bytes:
    return f"<NativeDicomModel>{attributes}</NativeDicomModel>".encode()


def test_pixels_beside_json_become_the_same_instance(web: TestClient, archive: Archive) -> None:
    ds = phantoms.ct_slice()

    answer = post(web, [metadata(model_of(ds)), bulk(ds.PixelData)], type_=JSON)

    assert (answer.status_code, stored(answer)) == (200, [ds.SOPInstanceUID])
    found = held(archive, ds)
    assert found.PixelData == ds.PixelData
    assert {e.tag: e.value for e in found if e.VR != "SQ"} == {e.tag: e.value for e in ds if e.VR != "SQ"}


def test_bulk_data_may_come_in_any_order_and_serve_several_instances(web: TestClient, archive: Archive) -> None:
    first, second = phantoms.ct_slice(number=1, size=2), phantoms.ct_slice(number=2, size=2)
    parts = [
        bulk(b"\1\2" * 4, location="a%20b"),
        metadata(model_of(first, pixels="a b"), model_of(second, pixels="a%20b")),
    ]

    for order in (parts, parts[::-1]):
        answer = post(web, order, type_=JSON)
        assert stored(answer) == [first.SOPInstanceUID, second.SOPInstanceUID]
    assert held(archive, second).PixelData == b"\1\2" * 4


def test_an_instance_without_its_bulk_data_fails_and_the_others_do_not(web: TestClient) -> None:
    first, second = phantoms.ct_slice(number=1), phantoms.ct_slice(number=2)

    answer = post(
        web, [metadata(model_of(first), model_of(second, pixels="elsewhere")), bulk(first.PixelData)], type_=JSON
    )

    assert (answer.status_code, stored(answer), reasons(answer)) == (202, [first.SOPInstanceUID], [0xC000])
    assert items(answer, "00081198")[0]["00081155"] == second.SOPInstanceUID


def test_one_document_needs_no_multipart(web: TestClient, archive: Archive) -> None:
    ds = phantoms.ct_slice(size=2)
    model = model_of(ds) | {PIXELS: {"vr": "OW", "InlineBinary": "AQIDBAUGBwg="}}

    answer = web.post("/dicom-web/studies", content=json.dumps([model]), headers={"Content-Type": JSON})

    assert answer.status_code == 200
    assert held(archive, ds).PixelData == b"\1\2\3\4\5\6\7\10"


@pytest.mark.parametrize("payload", next(each.request for each in transactions() if each.name == "StoreInstances"))
def test_what_the_services_say_is_taken_is_taken(web: TestClient, payload: str) -> None:
    ds = oddities.structured_report()
    bodies = {
        JSON: json.dumps([ds.to_json_dict(suppress_invalid_tags=True)]).encode(),
        XML: native_xml(ds.to_json_dict(suppress_invalid_tags=True)),
        DICOM: phantoms.part10(ds),
    }
    part = next(each for each in bodies if each in payload)

    if payload == part:
        answer = web.post("/dicom-web/studies", content=bodies[part], headers={"Content-Type": payload, "Accept": JSON})
    else:
        answer = post(web, [({"Content-Type": part}, bodies[part])], type_=part)

    assert (answer.status_code, stored(answer)) == (200, [ds.SOPInstanceUID])


def test_one_document_alone_is_among_what_is_said_to_be_taken() -> None:
    assert all({JSON, XML, DICOM} <= set(each.request) for each in transactions() if each.section == "10.5")


def test_a_jpeg_picture_says_how_the_image_is(web: TestClient, archive: Archive) -> None:
    ds, picture = oddities.secondary_capture(study=1, number=1), jpeg(colour=True)

    answer = post(web, [metadata(model_of(ds, image=False)), bulk(picture, media_type="image/jpeg")], type_=JSON)

    found = held(archive, ds)
    assert answer.status_code == 200
    assert found.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    assert (found.Rows, found.Columns, found.SamplesPerPixel, found.BitsAllocated) == (24, 40, 3, 8)
    assert (found.PhotometricInterpretation, found.PlanarConfiguration) == ("YBR_FULL_422", 0)
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    (frame,) = generate_frames(found.PixelData)
    assert frame == picture + bytes(len(picture) % 2)


def test_pictures_at_one_place_are_the_frames_of_an_image(web: TestClient, archive: Archive) -> None:
    ds, pictures = oddities.secondary_capture(study=1, number=1), [jpeg(shade=shade) for shade in (10, 120, 240)]
    ds.NumberOfFrames = 3
    parts = [metadata(model_of(ds, image=False)), *(bulk(each, media_type="image/jpeg") for each in pictures)]

    answer = post(web, parts, type_=JSON)

    found = held(archive, ds)
    assert (answer.status_code, found.NumberOfFrames, found.PhotometricInterpretation) == (200, 3, "MONOCHROME2")
    assert [frame.rstrip(b"\0") for frame in generate_frames(found.PixelData)] == pictures


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        ([jpeg(progressive=True)], 0xC122),
        ([jpeg(), jpeg(progressive=True)], 0xC122),
        ([jpeg(), jpeg(colour=True)], 0xA900),
    ],
    ids=["progressive", "progressive behind baseline", "colour behind grey"],
)
def test_a_frame_that_its_transfer_syntax_does_not_permit_is_refused(
    web: TestClient, pictures: list[bytes], reason: int
) -> None:
    ds = oddities.secondary_capture(study=1, number=1)
    ds.NumberOfFrames = len(pictures)
    parts = [metadata(model_of(ds, image=False)), *(bulk(each, media_type="image/jpeg") for each in pictures)]

    answer = post(web, parts, type_=JSON)

    assert (answer.status_code, reasons(answer)) == (409, [reason])


def test_frames_whose_number_is_not_said_are_all_that_come_of_a_place(web: TestClient, archive: Archive) -> None:
    several, single = oddities.secondary_capture(study=1, number=1), oddities.secondary_capture(study=1, number=2)
    pictures = [jpeg(shade=shade) for shade in (10, 120, 240)]
    parts = [
        metadata(model_of(several, image=False), model_of(single, pixels="bulk/2", image=False)),
        *(bulk(each, media_type="image/jpeg") for each in pictures[:2]),
        bulk(pictures[2], media_type="image/jpeg", location="bulk/2"),
    ]

    answer = post(web, parts, type_=JSON)

    assert stored(answer) == [several.SOPInstanceUID, single.SOPInstanceUID]
    assert [f.rstrip(b"\0") for f in generate_frames(held(archive, several).PixelData)] == pictures[:2]
    assert [f.rstrip(b"\0") for f in generate_frames(held(archive, single).PixelData)] == pictures[2:]


@pytest.mark.parametrize("is_metadata_first", [True, False])
def test_more_frames_than_are_said_are_told(web: TestClient, *, is_metadata_first: bool) -> None:
    ds = oddities.secondary_capture(study=1, number=1)
    ds.NumberOfFrames = 2
    parts = [metadata(model_of(ds, image=False)), *(bulk(jpeg(), media_type="image/jpeg") for _ in range(3))]

    answer = post(web, parts if is_metadata_first else parts[::-1], type_=JSON)

    assert (answer.status_code, reasons(answer)) == ((202, [0xC000]) if is_metadata_first else (409, [0xA900]))


def test_bulk_data_that_nothing_names_is_told(web: TestClient) -> None:
    ds = phantoms.ct_slice()
    parts = [metadata(model_of(ds)), bulk(ds.PixelData), bulk(ds.PixelData), bulk(b"more", location="elsewhere")]

    answer = post(web, parts, type_=JSON)

    assert (answer.status_code, stored(answer), reasons(answer)) == (202, [ds.SOPInstanceUID], [0xC000, 0xC000])


@pytest.mark.parametrize(
    "media_type",
    [
        "image/png",
        "text/plain",
        f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.2",
        f"{OCTETS}; transfer-syntax=1.2.3.4",
    ],
)
def test_pixels_in_a_form_that_is_not_kept_are_refused(web: TestClient, media_type: str) -> None:
    ds = phantoms.ct_slice()

    answer = post(web, [metadata(model_of(ds)), bulk(ds.PixelData, media_type=media_type)], type_=JSON)

    assert (answer.status_code, reasons(answer)) == (409, [0xC122])


def test_deflated_frames_are_frames(web: TestClient, archive: Archive) -> None:
    ds = phantoms.ct_slice()
    frame = zlib.compress(ds.PixelData, wbits=-15)
    octets = f"{OCTETS}; transfer-syntax={DEFLATED_FRAME}"

    answer = post(web, [metadata(model_of(ds)), bulk(frame, media_type=octets)], type_=JSON)

    found = held(archive, ds)
    assert (answer.status_code, found.file_meta.TransferSyntaxUID) == (200, DEFLATED_FRAME)
    assert [each.rstrip(b"\0") for each in generate_frames(found.PixelData)] == [frame.rstrip(b"\0")]


@pytest.mark.parametrize("pixels", [{"BulkDataURI": "bulk/1"}, {"InlineBinary": "AAAA"}], ids=["bulk", "inline"])
def test_fewer_pixels_than_the_metadata_describes_are_no_image(web: TestClient, pixels: dict[str, str]) -> None:
    ds = phantoms.ct_slice(size=16)
    parts = [metadata(model_of(ds) | {PIXELS: {"vr": "OW", **pixels}})]
    if "BulkDataURI" in pixels:
        parts.append(bulk(ds.PixelData[:-2]))

    answer = post(web, parts, type_=JSON)

    assert (answer.status_code, reasons(answer)) == (409, [0xA900])


def test_too_few_frames_are_no_image(web: TestClient) -> None:
    ds = oddities.secondary_capture(study=1, number=1)
    ds.NumberOfFrames = 3

    answer = post(web, [metadata(model_of(ds, image=False)), bulk(jpeg(), media_type="image/jpeg")], type_=JSON)

    assert (answer.status_code, reasons(answer)) == (409, [0xC000])


def test_metadata_that_contradicts_its_picture_is_refused(web: TestClient) -> None:
    ds = oddities.secondary_capture(study=1, number=1)

    answer = post(web, [metadata(model_of(ds)), bulk(jpeg(), media_type="image/jpeg")], type_=JSON)

    assert (answer.status_code, reasons(answer)) == (409, [0xA900])


@pytest.mark.parametrize(
    ("media_type", "data", "reason"),
    [
        ("image/jpeg", b"no picture", 0xC000),
        ("image/jp2", b"no picture", 0xC000),
        ("image/jls", b"no picture", 0xC000),
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.90", jpeg(), 0xC122),
        ("video/mp4", b"no video", 0xC000),
    ],
    ids=["jpeg", "jp2", "jls", "syntax", "mp4"],
)
def test_media_that_are_not_what_they_are_said_to_be_are_refused(
    web: TestClient, media_type: str, data: bytes, reason: int
) -> None:
    ds = oddities.secondary_capture(study=1, number=1)

    answer = post(web, [metadata(model_of(ds, image=False)), bulk(data, media_type=media_type)], type_=JSON)

    assert (answer.status_code, reasons(answer)) == (409, [reason])


def test_a_pdf_becomes_an_encapsulated_document(web: TestClient, archive: Archive) -> None:
    ds, pdf = oddities.encapsulated_pdf(study=1), b"%PDF-1.7 odd length"
    model = json.loads(json.dumps(ds.to_json_dict()))
    model["00420011"] = {"vr": "OB", "BulkDataURI": "report"}
    del model["00420012"], model["00420015"]

    answer = post(web, [metadata(model), bulk(pdf, location="report", media_type="application/pdf")], type_=JSON)

    found = held(archive, ds)
    assert answer.status_code == 200
    assert found.EncapsulatedDocument == pdf + b"\0"
    assert (found.MIMETypeOfEncapsulatedDocument, found.EncapsulatedDocumentLength) == ("application/pdf", len(pdf))


def test_a_document_of_another_type_than_its_metadata_says_is_refused(web: TestClient) -> None:
    model = json.loads(json.dumps(oddities.encapsulated_pdf(study=1).to_json_dict()))
    model["00420011"], model["00420012"] = {"vr": "OB", "BulkDataURI": "report"}, {"vr": "LO", "Value": ["text/xml"]}

    answer = post(
        web, [metadata(model), bulk(b"%PDF-1.7", location="report", media_type="application/pdf")], type_=JSON
    )

    assert (answer.status_code, reasons(answer)) == (409, [0xA900])


@pytest.mark.parametrize("name", ["ct", "private", "text"])
def test_xml_documents_are_stored_one_an_instance(web: TestClient, archive: Archive, name: str) -> None:
    ds = phantoms.ct_slice()
    if name == "private":
        ds.private_block(0x0009, "ONE", create=True).add_new(1, "LO", "first")
        ds.private_block(0x0009, "TWO", create=True).add_new(1, "LO", "second")
    if name == "text":
        ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", "Wang^XiaoDong=王^小东"
    part = {"Content-Type": XML}, native_xml(model_of(ds))

    answer = post(web, [part, bulk(ds.PixelData)], type_=XML)

    found = held(archive, ds)
    assert answer.status_code == 200
    assert {e.tag: e.value for e in found if e.VR != "SQ"} == {e.tag: e.value for e in ds if e.VR != "SQ"}


def test_what_is_given_as_metadata_can_be_stored_again(web: TestClient, archive: Archive) -> None:
    """The two models are written by one module and read by another: what one gives the other takes."""
    ds = phantoms.ct_slice()
    Sending(archive).store(ds)
    path = f"/dicom-web/studies/{ds.StudyInstanceUID}/metadata"
    (given,) = web.get(path, headers={"Accept": JSON}).json()
    uri = given[PIXELS]["BulkDataURI"]
    given["00080018"]["Value"] = ["1.2.3.4"]

    answer = post(web, [metadata(given), bulk(ds.PixelData, location=uri)], type_=JSON)

    assert stored(answer) == ["1.2.3.4"]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a/>",
        b"<NativeDicomModel>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>',
        in_xml("<Other/>"),
        in_xml('<DicomAttribute tag="x" vr="LO"/>'),
        in_xml('<DicomAttribute tag="00280010" vr="US"><Value number="1">x</Value></DicomAttribute>'),
        in_xml('<DicomAttribute tag="00080060" vr="CS"><Value number="999999999">x</Value></DicomAttribute>'),
        b'<?xml version="1.0" encoding="nonsense"?><NativeDicomModel/>',
    ],
    ids=["empty", "other", "cut-off", "entity", "element", "tag", "number", "far", "encoding"],
)
def test_xml_that_is_no_native_dicom_model_is_refused(web: TestClient, document: bytes) -> None:
    answer = post(web, [({"Content-Type": XML}, document)], type_=XML)

    assert answer.status_code == 400


@pytest.mark.parametrize("document", [b"", b"{", b"5", b"[5]", b'[{"x": {}}]'], ids=repr)
def test_json_that_is_no_data_set_is_refused(web: TestClient, document: bytes) -> None:
    assert post(web, [({"Content-Type": JSON}, document)], type_=JSON).status_code == 400


def test_bulk_data_without_a_place_is_told(web: TestClient) -> None:
    ds = phantoms.ct_slice()
    parts = [metadata(model_of(ds)), bulk(ds.PixelData), ({"Content-Type": OCTETS}, b"lost")]

    answer = post(web, parts, type_=JSON)

    assert (answer.status_code, reasons(answer)) == (202, [0xC000])
