"""Bulkdata Resources (PS3.18 10.4.1.1.5): values by the URIs that metadata give, whole and in part."""

from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from pydicom import Dataset, Sequence
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate
from starlette.testclient import TestClient

from conformance import oddities, phantoms
from data_sets import data_set
from image_kinds import EXPLICIT_LE
from pydicom_reading import EXPLICIT_BE, IMPLICIT_LE
from sending import Sending
from storage_backends import BlobRef, BlobStore
from vna.dicom.byte_order import swap
from vna.dicom.encoding import DEFLATED_UID, GE_PRIVATE_UID

MPEG4, MPEG2_HIGH = "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.101"
OCTETS = "application/octet-stream"
PARTS = 'multipart/related; type="application/octet-stream"'


def path(ds: Dataset, what: str = "bulkdata/7FE00010") -> str:
    return (
        f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}/{what}"
    )


def get(web: TestClient, where: str, accept: str = "*/*", **headers: str) -> Any:
    return web.get(
        where, headers={"Accept": accept, **{name.replace("_", "-"): text for name, text in headers.items()}}
    )


def parts_of(answer: Any) -> list[Message]:
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.content).get_payload()
    assert isinstance(parts, list)
    return parts


def uris(data_set: dict[str, Any]) -> list[str]:
    """Return all BulkDataURIs of a data set in JSON."""
    found = []
    for attribute in data_set.values():
        found += [attribute["BulkDataURI"]] if "BulkDataURI" in attribute else []
        for item in attribute.get("Value", []) if attribute["vr"] == "SQ" else []:
            found += uris(item)
    return found


def with_everything() -> Dataset:
    """Return an image with bulk in blobs and in the header, nested and not."""
    ds = phantoms.ct_slice(size=64)
    ds.add_new(0x0009_0010, "LO", "ACME")
    ds.add_new(0x0009_1001, "OB", bytes(range(256)) * 8)
    ds.add_new(0x0009_1002, "UT", "é" * 300_000)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.IconImageSequence = Sequence([data_set(Rows=1), data_set(Rows=2)])
    ds.IconImageSequence[1].add(DataElement(0x7FE00010, "OW", bytes(range(250)) * 1200))
    return ds


@pytest.mark.parametrize("level", ["instance", "series"])
@pytest.mark.parametrize("kind", ["FloatPixelData", "DoubleFloatPixelData"])
def test_pixel_data_is_whichever_kind_there_is(web: TestClient, sending: Sending, kind: str, level: str) -> None:
    ds = phantoms.ct_slice(size=16)
    del ds.PixelData
    setattr(ds, kind, bytes(range(256)) * 8)
    sending.store(ds)
    where = path(ds, "pixeldata")
    if level == "series":
        where = f"{where.partition('/instances/')[0]}/pixeldata"

    answer = get(web, where, PARTS)

    assert (answer.status_code, [part.get_payload(decode=True) for part in parts_of(answer)]) == (200, [ds[kind].value])


def test_every_uri_of_the_metadata_gives_its_value(web: TestClient, sending: Sending) -> None:
    ds = with_everything()
    sending.store(ds)

    found = uris(get(web, path(ds, "metadata")).json()[0])
    values = {uri.rpartition("bulkdata/")[2]: get(web, uri) for uri in found}

    assert {way: answer.content for way, answer in values.items()} == {
        "00091001": bytes(range(256)) * 8,
        "00091002": ("é" * 300_000).encode(),
        "00880200/2/7FE00010": bytes(range(250)) * 1200,
        "7FE00010": ds.PixelData,
    }
    assert {answer.headers["content-type"] for answer in values.values()} == {OCTETS}


@pytest.mark.parametrize("syntax", [EXPLICIT_BE, DEFLATED_UID, GE_PRIVATE_UID], ids=["big-endian", "deflated", "ge"])
def test_values_are_little_endian_however_they_are_stored(web: TestClient, sending: Sending, syntax: str) -> None:
    ds = phantoms.ct_slice(size=64)
    pixels = ds.PixelData
    if syntax == GE_PRIVATE_UID:
        ds.PixelData = swap(pixels, 2)
        sending.store_bytes(phantoms.data_set_bytes(ds, IMPLICIT_LE), syntax)
    else:
        sending.store(phantoms.in_syntax(ds, syntax))

    assert get(web, path(ds)).content == pixels
    part = get(web, path(ds), Range="bytes=101-4003")
    assert (part.status_code, part.content) == (206, pixels[101:4004])


def test_ranges_are_given(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=512)
    sending.store(ds)
    ranges = {"0-0": (0, 1), "10-19": (10, 20), "524280-600000": (524280, 524288), "-5": (524283, 524288)}

    for wanted, (start, stop) in {**ranges, "100000-": (100000, 524288)}.items():
        answer = get(web, path(ds), Range=f"bytes={wanted}")
        assert answer.status_code == 206
        assert answer.content == ds.PixelData[start:stop]
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/524288"
        assert answer.headers["accept-ranges"] == "bytes"


def test_of_a_range_only_what_holds_it_is_read(web: TestClient, sending: Sending, monkeypatch: Any) -> None:
    ds = phantoms.ct_slice(size=512)
    sending.store(ds)
    monkeypatch.setattr(BlobStore, "stream", None)

    assert get(web, path(ds), Range="bytes=400000-400009").content == ds.PixelData[400000:400010]


def test_ranges_that_are_not_there_and_ranges_under_a_condition(web: TestClient, sending: Sending) -> None:
    ds = phantoms.ct_slice(size=64)
    sending.store(ds)
    whole = get(web, path(ds))
    etag = whole.headers["etag"]

    beyond = get(web, path(ds), Range="bytes=8192-")

    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */8192")
    assert not etag.startswith("W/")
    assert get(web, path(ds), Range="bytes=0-1", If_Range=etag).status_code == 206
    assert get(web, path(ds), Range="bytes=0-1", If_Range='"other"').status_code == 200
    assert get(web, path(ds), If_None_Match=etag).status_code == 304
    corrected = phantoms.ct_slice(size=64)
    corrected.PixelData = bytes(8192)
    sending.store(corrected)
    assert get(web, path(ds), Range="bytes=0-1", If_Range=etag).status_code == 200
    assert get(web, path(ds), If_None_Match=etag).content == bytes(8192)


def test_a_document_comes_as_what_it_is_without_padding(web: TestClient, sending: Sending) -> None:
    ds = oddities.encapsulated_pdf(size=3001)
    sending.store(ds)
    document = ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength]
    where = path(ds, "bulkdata/00420011")

    for accept in ("*/*", "application/pdf", "text/html,application/xhtml+xml,*/*;q=0.8"):
        answer = get(web, where, accept)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        assert answer.content == document
    assert web.get(where, params={"accept": "application/pdf"}).headers["x-frame-options"] == "SAMEORIGIN"
    assert get(web, where, OCTETS).headers["content-type"] == OCTETS
    assert get(web, where, Range="bytes=1-3").content == document[1:4]
    (part,) = parts_of(get(web, where, 'multipart/related; type="application/pdf"'))
    assert part.get_payload(decode=True) == document
    assert get(web, where, "image/png").status_code == 406


def test_what_a_browser_might_run_comes_as_octets(web: TestClient, sending: Sending) -> None:
    ds = oddities.encapsulated_pdf()
    ds.MIMETypeOfEncapsulatedDocument = "text/html"
    sending.store(ds)

    answer = get(web, path(ds, "bulkdata/00420011"), "text/html,*/*;q=0.8")

    assert answer.headers["content-type"] == OCTETS
    assert answer.headers["x-frame-options"] == "DENY"
    xml = oddities.encapsulated_pdf(study=99)
    xml.MIMETypeOfEncapsulatedDocument = "text/XML"
    sending.store(xml)
    answer = get(web, path(xml, "bulkdata/00420011"))
    assert answer.headers["content-type"] == "text/xml"  # its own declaration says in which character set
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("count", [1, 7], ids=["one-fragment", "seven-fragments"])
def test_a_video_is_one_stream_and_players_get_ranges_of_it(web: TestClient, sending: Sending, count: int) -> None:
    stream = bytes(range(256)) * 1750
    step = len(stream) // count
    ds = phantoms.us_multiframe(frames=5)
    ds.PixelData = encapsulate([stream[at : at + step] for at in range(0, len(stream), step)], has_bot=False)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = MPEG4
    sending.store(ds)

    for accept in ("*/*", "video/mp4", OCTETS, "video/webm,video/*;q=0.9,*/*;q=0.5"):
        answer = get(web, path(ds, "pixeldata"), accept)
        assert answer.content == stream
        assert answer.headers["content-type"] == (OCTETS if accept == OCTETS else "video/mp4")
    ds.file_meta.TransferSyntaxUID, ds.SOPInstanceUID = MPEG2_HIGH, "1.2.3"
    sending.store(ds)
    assert get(web, path(ds)).headers["content-type"] == "video/mpeg"
    first = get(web, path(ds), Range="bytes=0-")
    assert (first.status_code, first.headers["content-length"]) == (206, str(len(stream)))
    for start, stop in ((0, 10), (step - 5, step + 5), (100, len(stream) - 100), (len(stream) - 1, len(stream))):
        part = get(web, path(ds), "video/*", Range=f"bytes={start}-{stop - 1}")
        assert (part.status_code, part.content) == (206, stream[start:stop])


def test_compressed_images_come_as_stored_or_uncompressed(web: TestClient, sending: Sending) -> None:
    ds = phantoms.rle_multiframe(frames=3)
    sending.store(ds)
    native = Dataset.from_json(ds.to_json())
    native.file_meta = ds.file_meta
    native.decompress()

    assert get(web, path(ds), OCTETS).content == native.PixelData
    frames = parts_of(get(web, path(ds), f"{PARTS}; transfer-syntax=*"))
    assert len(frames) == 3
    (whole,) = parts_of(get(web, path(ds), PARTS))
    assert whole.get_payload(decode=True) == native.PixelData
    assert f"transfer-syntax={EXPLICIT_LE}" in whole["Content-Type"]
    assert get(web, path(ds), "image/gif").status_code == 406


def test_all_values_of_a_study_come_in_parts_named_by_their_uris(web: TestClient, sending: Sending) -> None:
    ds, other = with_everything(), phantoms.ct_slice(number=2, size=16)
    sending.store(ds)
    sending.store(other)
    study = f"/dicom-web/studies/{ds.StudyInstanceUID}"
    expected = [uri for one in get(web, f"{study}/metadata").json() for uri in uris(one)]

    values = parts_of(get(web, f"{study}/bulkdata", PARTS))
    pixels = parts_of(get(web, f"{study}/pixeldata", "multipart/related"))

    assert [part["Content-Location"] for part in values] == expected
    assert [part.get_payload(decode=True) for part in pixels] == [ds.PixelData, other.PixelData]
    assert len(parts_of(get(web, path(ds, "bulkdata"), "multipart/related"))) == 4
    assert get(web, path(ds, "bulkdata"), OCTETS).status_code == 406
    assert get(web, path(other, "bulkdata"), OCTETS).content == other.PixelData
    assert get(web, f"{study}/bulkdata", "application/pdf").status_code == 406
    assert get(web, f"{study}/bulkdata", 'multipart/related; type="image/gif"').status_code == 406


def test_what_is_not_there_is_said(web: TestClient, sending: Sending) -> None:
    ds, report = phantoms.ct_slice(size=16), oddities.structured_report()
    sending.store(ds)
    sending.store(report)

    for way in ("bulkdata/00420011", "bulkdata/00081140", "bulkdata/x", "bulkdata/00880200/1/7FE00010", "bulkdata/"):
        assert get(web, path(ds, way)).status_code == 404, way
    assert get(web, path(report, "pixeldata")).status_code == 404
    assert get(web, f"/dicom-web/studies/{report.StudyInstanceUID}/bulkdata").status_code == 404
    ds.SOPInstanceUID = "1.2.3"
    assert get(web, path(ds)).status_code == 404


def test_damage_is_a_problem_and_no_bytes(web: TestClient, sending: Sending, blobs: BlobStore) -> None:
    ds = phantoms.ct_slice(size=64)
    sending.store(ds)
    for digest, codec in list(blobs.names()):
        blobs.delete(BlobRef(digest, codec, 0, 0))

    answer = get(web, path(ds))

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
