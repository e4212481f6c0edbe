"""Metadata Resources (PS3.18 10.4.1.1.2) over the application."""

import gzip
import json
from email import message_from_bytes
from itertools import product
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from starlette.testclient import TestClient

from conformance import phantoms
from sending import OTHER_PACS, Sending
from storage_backends import BlobRef, BlobStore
from vna.archive import Archive, Derived, Statement
from vna.model import RejectionReason, Scope, StudyUID
from web import web_client

SLICES = [phantoms.ct_slice(number=number, size=16) for number in (1, 2, 3)]
STUDY, SERIES = str(SLICES[0].StudyInstanceUID), str(SLICES[0].SeriesInstanceUID)
OTHER = phantoms.ct_slice(series=2, number=1, size=16)
FIRST = Scope(STUDY, SERIES, SLICES[0].SOPInstanceUID)
OF_STUDY = f"/dicom-web/studies/{STUDY}/metadata"
OF_SERIES = f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata"
OF_INSTANCE = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{SLICES[0].SOPInstanceUID}/metadata"
BY = Statement("dupont", "")
DECODE = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": lambda data: zstandard.decompress(data)}


@pytest.fixture
def derived(archive: Archive, tmp_path: Path) -> Path:
    archive.keep_derived(Derived(tmp_path / "derived", 2**20))
    return tmp_path / "derived"


@pytest.fixture
def filled(sending: Sending, derived: Path) -> Sending:
    for ds in (*SLICES, OTHER):
        sending.store(ds)
    return sending


def uids(found: list[dict[str, Any]]) -> list[str]:
    return [one["00080018"]["Value"][0] for one in found]


@pytest.mark.usefixtures("filled")
def test_a_study_a_series_and_an_instance_have_metadata(web: TestClient) -> None:
    expected = [str(ds.SOPInstanceUID) for ds in SLICES]

    assert uids(web.get(OF_STUDY).json()) == [*expected, str(OTHER.SOPInstanceUID)]
    assert uids(web.get(OF_SERIES).json()) == expected
    assert uids(web.get(OF_INSTANCE).json()) == expected[:1]
    assert web.get(OF_SERIES).headers["content-type"] == "application/dicom+json"


@pytest.mark.usefixtures("filled")
def test_bulk_data_uris_are_absolute_under_the_address_the_client_uses(archive: Archive, web: TestClient) -> None:
    public = web_client(archive, public_url="https://pacs.example/vna")

    for where in (OF_STUDY, OF_SERIES, OF_INSTANCE):
        for client, root in (
            (web, "http://127.0.0.1"),
            (public, "https://pacs.example/vna"),
            (web, "http://127.0.0.1"),
        ):
            uri = client.get(where).json()[0]["7FE00010"]["BulkDataURI"]
            assert uri == f"{root}{OF_INSTANCE.removesuffix('metadata')}bulkdata/7FE00010"


def test_text_that_looks_like_an_address_stays_as_it_is(sending: Sending, web: TestClient, derived: Path) -> None:
    ds = phantoms.ct_slice(size=16)
    ds.StudyDescription = '"BulkDataURI":"/studies'
    sending.store(ds)

    assert web.get(OF_SERIES).json()[0]["00081030"]["Value"] == ['"BulkDataURI":"/studies']


@pytest.mark.usefixtures("filled")
def test_it_comes_in_the_coding_the_client_asks_for(web: TestClient) -> None:
    for where, coding in product((OF_STUDY, OF_SERIES, OF_INSTANCE), DECODE):
        plain = web.get(where, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        for _ in range(2):
            with web.stream("GET", where, headers={"Accept-Encoding": coding}) as coded:
                assert coded.headers["content-encoding"] == coding
                assert "Accept-Encoding" in coded.headers["vary"]
                assert DECODE[coding](b"".join(coded.iter_raw())) == plain.content


@pytest.mark.usefixtures("filled")
def test_a_series_is_made_once_and_kept(web: TestClient, archive: Archive, derived: Path, monkeypatch: Any) -> None:
    first = web.get(OF_SERIES).content
    monkeypatch.setattr(archive, "headers", None)

    assert web.get(OF_SERIES).content == first
    assert len(list(derived.iterdir())) >= 1


def test_arrivals_new_versions_rejections_and_restores_change_it(web: TestClient, filled: Sending) -> None:
    def answer() -> tuple[list[str], str]:
        got = web.get(OF_SERIES)
        return [f"{one['00080018']['Value'][0]} {one['00081030']['Value'][0]}" for one in got.json()], got.headers[
            "etag"
        ]

    seen = [answer()]
    filled.store(phantoms.ct_slice(number=4, size=16))
    seen.append(answer())
    corrected = phantoms.ct_slice(number=1, size=16)
    corrected.StudyDescription = "corrected"
    filled.store(corrected)
    seen.append(answer())
    rejection = filled.archive.rejections.reject(FIRST, RejectionReason.QUALITY, BY)
    seen.append(answer())
    filled.archive.rejections.restore(rejection, BY)

    assert [len(found) for found, _ in seen] == [3, 4, 4, 3]
    assert seen[2][0][0].endswith(" corrected")
    assert len({etag for _, etag in seen}) == 4
    assert answer() == seen[2]


def test_what_another_source_sends_does_not_change_it(web: TestClient, filled: Sending) -> None:
    before = web.get(OF_SERIES)
    other = phantoms.ct_slice(number=1, size=16)
    other.StudyDescription = "something else"
    filled.store(other, source=OTHER_PACS)

    after = web.get(OF_SERIES)

    assert after.content == before.content
    assert after.headers["etag"] == before.headers["etag"]


@pytest.mark.usefixtures("filled")
def test_who_has_it_is_told_so(web: TestClient) -> None:
    first = web.get(OF_SERIES)
    etag = first.headers["etag"]

    again = web.get(OF_SERIES, headers={"If-None-Match": f'"other", {etag}'})

    assert etag.startswith('W/"')  # another release may write the same in other bytes
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert "no-cache" in first.headers["cache-control"]
    xml = web.get(
        OF_SERIES, headers={"If-None-Match": etag, "Accept": 'multipart/related; type="application/dicom+xml"'}
    )
    assert xml.status_code == 200


@pytest.mark.usefixtures("filled")
def test_who_opens_a_study_is_noted_also_where_nothing_is_read_for_it(
    web: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = web.get(OF_SERIES).headers["etag"]
    monkeypatch.setattr(archive.tiers.accesses, "_today", lambda: "2031-05-05")

    answer = web.get(OF_SERIES, headers={"If-None-Match": etag})
    archive.tiers.accesses.write()

    assert answer.status_code == 304
    assert archive.tiers.show(StudyUID(STUDY)).last_access == "2031-05-05"


CHOICES = {
    "application/dicom+json": "application/dicom+json",
    "application/json": "application/json",
    "*/*": "application/dicom+json",
    "text/html, application/json;q=0.5": "application/json",
    'multipart/related; type="application/dicom+xml"': "multipart/related",
    "multipart/related; type=application/dicom+xml; q=0.2, application/dicom+json; q=0.1": "multipart/related",
}


@pytest.mark.usefixtures("filled")
def test_the_client_chooses_json_or_xml(web: TestClient) -> None:
    for accept, content_type in CHOICES.items():
        by_header = web.get(OF_SERIES, headers={"Accept": accept})
        by_parameter = web.get(OF_SERIES, params={"accept": accept}, headers={"Accept": "image/png"})

        for answer in (by_header, by_parameter):
            assert answer.status_code == 200, accept
            assert answer.headers["content-type"].split(";")[0] == content_type


@pytest.mark.usefixtures("filled")
def test_xml_has_a_part_for_each_instance(web: TestClient) -> None:
    answer = web.get(OF_STUDY, headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    message = message_from_bytes(f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode() + answer.content)

    parts = message.get_payload()
    assert isinstance(parts, list)
    assert [part["Content-Type"] for part in parts] == ["application/dicom+xml"] * 4
    assert parts[0]["Content-Location"] == f"http://127.0.0.1{OF_INSTANCE}"
    for part, ds in zip(parts, [*SLICES, OTHER], strict=True):
        assert f'<Value number="1">{ds.SOPInstanceUID}</Value>'.encode() in part.get_payload(decode=True)
    alone = web.get(OF_INSTANCE, headers={"Accept": "application/dicom+xml"})
    assert alone.headers["content-type"] == "application/dicom+xml"
    assert alone.content == parts[0].get_payload(decode=True)
    assert web.get(OF_STUDY, headers={"Accept": "application/dicom+xml"}).status_code == 406


def test_what_is_damaged_does_not_hide_the_rest(web: TestClient, filled: Sending, blobs: BlobStore) -> None:
    before = {digest for digest, _ in blobs.names()}
    damaged = phantoms.ct_slice(number=9, size=16)
    damaged.add_new(0x0009_0010, "LO", "ACME")
    for element in range(0x1000, 0x1008):
        damaged.add_new(0x0009_0000 | element, "OB", bytes([element & 0xFF]) * 40_000)  # the header becomes a blob
    filled.store(damaged)
    whole = web.get(OF_SERIES)
    for digest, codec in list(blobs.names()):
        if digest not in before:
            blobs.delete(BlobRef(digest, codec, 0, 0))

    another = web_client(filled.archive, public_url="https://elsewhere")
    answer = another.get(OF_STUDY)

    assert len(whole.json()) == 4
    assert len(another.get(OF_SERIES).json()) == 4  # it is kept as a document
    assert web.get(OF_INSTANCE.replace(SLICES[0].SOPInstanceUID, damaged.SOPInstanceUID)).status_code == 500
    assert answer.status_code == 200
    filled.store(phantoms.ct_slice(number=10, size=16))
    partial = web.get(OF_SERIES)
    assert (partial.status_code, len(partial.json())) == (206, 4)
    assert "1 of 5 instances" in partial.headers["warning"]


@pytest.mark.usefixtures("filled")
def test_what_cannot_be_had_is_said(web: TestClient, archive: Archive) -> None:
    assert web.get(OF_SERIES, headers={"Accept": "image/png"}).status_code == 406
    assert web.get(OF_SERIES, headers={"Accept": "application/dicom+json;q=0"}).status_code == 406
    assert web.get("/dicom-web/studies/1.2.3/metadata").status_code == 404
    assert web.get("/dicom-web/studies/1.2.x/metadata").status_code == 400
    archive.rejections.reject(Scope(STUDY), RejectionReason.SAFETY, BY)
    gone = web.get(OF_SERIES)
    assert gone.status_code == 410
    assert json.loads(gone.content)["status"] == 410


@pytest.mark.usefixtures("filled")
def test_what_is_refused_is_not_given_though_a_range_covers_it(web: TestClient) -> None:
    answer = web.get(OF_SERIES, headers={"Accept": "application/dicom+json;q=0, */*"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("accept", ["application/dicom+json", 'multipart/related; type="application/dicom+xml"'])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_range_of_metadata_is_given(web: TestClient, accept: str, coding: str) -> None:
    headers = {"Accept": accept, "Accept-Encoding": coding}
    with web.stream("GET", OF_SERIES, headers=headers) as answer:
        whole = b"".join(answer.iter_raw())
    with web.stream("GET", OF_SERIES, headers=headers | {"Range": "bytes=10-19"}) as answer:
        part = b"".join(answer.iter_raw())

    assert (answer.status_code, part) == (206, whole[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{len(whole)}"


@pytest.mark.usefixtures("filled")
def test_who_holds_metadata_is_told_what_it_varies_by(web: TestClient) -> None:
    first = web.get(OF_SERIES)

    again = web.get(OF_SERIES, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.headers["vary"]) == (304, first.headers["vary"])
