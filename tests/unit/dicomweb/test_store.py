"""The Store transaction over an archive in this process (PS3.18 10.5)."""

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from conformance import oddities, phantoms
from dicomweb.store_report import Report
from dicomweb.storing import Storing
from held_data_sets import sample_files
from sending import MODALITY, Sending
from shared_samples import needs_samples
from storage_backends import BlobStore
from storing_over_web import BOUNDARY, DICOM, JSON, body_of, items, post, post_files, reasons, stored
from vna.archive import Archive, Arrived, Incoming, InFlight, Room, Spool, Stored, StoreSession, receive
from vna.dicom.describe import Description
from vna.dicom.part10 import find_data_set
from vna.dicom.scan import Scan
from vna.index import open_index
from vna.model import InstanceKey, Outcome, Peer
from waiting import until
from web import web_client

REFERENCED, FAILED, OTHER = "00081199", "00081198", "0008119A"


def file_of(ds: Dataset) -> bytes:
    return phantoms.part10(ds)


def slices(count: int) -> list[bytes]:
    return [file_of(phantoms.ct_slice(number=number)) for number in range(1, count + 1)]


def key_of(ds: Dataset) -> InstanceKey:
    return InstanceKey(ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)


def test_files_are_stored_and_the_answer_says_where_they_are(web: TestClient) -> None:
    first, second = phantoms.ct_slice(number=1), phantoms.ct_slice(number=2)

    answer = post_files(web, file_of(first), file_of(second))

    assert answer.status_code == 200
    study = f"http://127.0.0.1/dicom-web/studies/{first.StudyInstanceUID}"
    assert answer.json()["00081190"] == {"vr": "UR", "Value": [study]}
    assert items(answer, REFERENCED) == [
        {
            "00081150": ds.SOPClassUID,
            "00081155": ds.SOPInstanceUID,
            "00081190": f"{study}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}",
        }
        for ds in (first, second)
    ]


def test_what_came_over_the_web_is_held_byte_for_byte_with_its_file_meta(web: TestClient, archive: Archive) -> None:
    ds = phantoms.ct_slice()
    file = b"preamble".ljust(128) + file_of(ds)[128:]

    post_files(web, file)

    (held,) = archive.versions(key_of(ds))
    assert archive.part10_head(held) + b"".join(archive.open(held).chunks) == file


def test_one_file_needs_no_multipart(web: TestClient, archive: Archive) -> None:
    ds = phantoms.ct_slice()

    answer = web.post("/dicom-web/studies", content=file_of(ds), headers={"Content-Type": DICOM})

    assert (answer.status_code, stored(answer)) == (200, [ds.SOPInstanceUID])
    assert Sending(archive).bytes_of(key_of(ds)) == phantoms.data_set_bytes(ds)


def test_hundreds_of_small_parts_are_stored_in_their_order(web: TestClient) -> None:
    small = [oddities.secondary_capture(study=1, number=number) for number in range(200)]

    answer = post_files(web, *map(file_of, small))

    assert stored(answer) == [ds.SOPInstanceUID for ds in small]


def test_the_answer_comes_in_xml_where_that_is_asked_for(web: TestClient) -> None:
    headers = {"Content-Type": DICOM, "Accept": "application/dicom+xml"}

    answer = web.post("/dicom-web/studies", content=slices(1)[0], headers=headers)

    assert answer.headers["content-type"] == "application/dicom+xml"
    assert b'<DicomAttribute tag="00081199" keyword="ReferencedSOPSequence" vr="SQ">' in answer.content


def test_what_is_asked_for_in_another_form_is_not_stored_first(web: TestClient, archive: Archive) -> None:
    headers = {"Content-Type": DICOM, "Accept": "text/html"}

    answer = web.post("/dicom-web/studies", content=slices(1)[0], headers=headers)

    assert answer.status_code == 406
    assert archive.counts().position == 0


def test_an_instance_of_another_study_than_the_address_names_is_refused(web: TestClient, archive: Archive) -> None:
    ds, other = phantoms.ct_slice(), phantoms.ct_slice(study=2)

    answer = post_files(web, file_of(ds), file_of(other), path=f"/studies/{ds.StudyInstanceUID}")

    assert (answer.status_code, stored(answer), reasons(answer)) == (202, [ds.SOPInstanceUID], [0xA901])
    assert items(answer, FAILED)[0]["00081155"] == other.SOPInstanceUID
    assert archive.versions(key_of(other)) == []


@pytest.mark.parametrize(
    ("change", "reason", "named"),
    [
        ({"StudyInstanceUID": None}, 0xC000, True),
        ({"SeriesInstanceUID": None}, 0xC000, True),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, 0x0122, True),
    ],
    ids=["no-study", "no-series", "directory"],
)
def test_what_cannot_be_kept_fails_with_a_reason_of_its_own(
    web: TestClient, change: dict[str, str | None], reason: int, *, named: bool
) -> None:
    ds, good = phantoms.ct_slice(), phantoms.ct_slice(number=2)
    for keyword, value in change.items():
        setattr(ds, keyword, value)

    answer = post_files(web, file_of(ds), file_of(good))

    assert (answer.status_code, reasons(answer)) == (202, [reason])
    assert (FAILED in answer.json()) is named
    assert answer.headers["warning"].startswith("299 http://127.0.0.1/dicom-web: ")


def test_an_unregistered_transfer_syntax_is_refused_as_such(web: TestClient) -> None:
    ds = phantoms.ct_slice()
    file = file_of(ds).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.9\0", 1)

    answer = post_files(web, file)

    assert (answer.status_code, reasons(answer)) == (409, [0xC122])


def test_what_is_no_dicom_at_all_is_a_bad_request(web: TestClient) -> None:
    answer = post_files(web, b"not a file", b"nor this")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["dicomStatus"] == "C000"


def test_a_part_of_another_type_fails_and_the_others_do_not(web: TestClient) -> None:
    parts = [({"Content-Type": "text/plain"}, b"hello"), ({}, slices(1)[0])]

    answer = post(web, parts)

    assert (answer.status_code, len(stored(answer)), reasons(answer)) == (202, 1, [0xC000])
    assert FAILED not in answer.json()


def test_a_body_that_breaks_off_keeps_what_was_whole(web: TestClient) -> None:
    body = body_of([({"Content-Type": DICOM}, file) for file in slices(2)])
    headers = {"Content-Type": f"multipart/related; type={DICOM}; boundary={BOUNDARY}"}

    answer = web.post("/dicom-web/studies", content=body[:-3000], headers=headers)

    assert (answer.status_code, len(stored(answer)), reasons(answer)) == (202, 1, [0xC000])


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("multipart/related; type=text/plain; boundary=x", 415),
        ("multipart/form-data; boundary=x", 415),
        (f"multipart/related; type={DICOM}", 400),
        ("nonsense", 400),
        ("", 400),
        (f"multipart/related; type={DICOM}; boundary=another", 400),
    ],
    ids=["text", "text-parts", "form", "no-boundary", "no-type", "empty", "other-boundary"],
)
def test_a_body_of_another_kind_is_refused(web: TestClient, content_type: str, status: int) -> None:
    body = body_of([({"Content-Type": DICOM}, slices(1)[0])])

    answer = web.post("/dicom-web/studies", content=body, headers={"Content-Type": content_type})

    assert answer.status_code == status


@pytest.mark.parametrize("codings", [["gzip"], ["identity", "gzip"], ["identity, gzip"]], ids=str)
def test_a_compressed_body_is_refused_rather_than_misread(web: TestClient, codings: list[str]) -> None:
    headers = [("Content-Type", DICOM), *(("Content-Encoding", each) for each in codings)]

    assert web.post("/dicom-web/studies", content=b"x", headers=headers).status_code == 415


@pytest.mark.parametrize("content", [b"", body_of([])], ids=["nothing", "no-parts"])
def test_a_body_without_parts_is_a_bad_request(web: TestClient, content: bytes) -> None:
    headers = {"Content-Type": f"multipart/related; type={DICOM}; boundary={BOUNDARY}"}

    assert web.post("/dicom-web/studies", content=content, headers=headers).status_code == 400


def test_more_parts_than_allowed_are_refused(archive: Archive) -> None:
    answer = post_files(web_client(archive, max_parts=2), *slices(3))

    assert answer.status_code == 413


def test_no_room_is_told_as_such(blobs: BlobStore, tmp_path: Path) -> None:
    room, spool = (
        Room(blobs, min_free_percent=0, min_free_bytes=0),
        Spool(tmp_path, in_flight=InFlight(1, most_of_source=1)),
    )
    full = Archive(open_index(f"sqlite:///{tmp_path / 'full.sqlite'}"), blobs, spool, room)

    answer = post_files(web_client(full), *slices(2))
    full.close()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert answer.json()["dicomStatus"] == "A700"


def test_the_same_instance_again_and_again_in_a_request_is_stored_in_that_order(
    web: TestClient, archive: Archive
) -> None:
    corrected = [phantoms.ct_slice() for _ in range(12)]
    for number, ds in enumerate(corrected):
        ds.SeriesDescription = "corrected" * (number % 5) + str(number)

    answer = post_files(web, *map(file_of, corrected))

    assert answer.status_code == 200
    syntax = corrected[0].file_meta.TransferSyntaxUID.encode()
    assert [version.digest for version in archive.versions(key_of(corrected[0]))] == [
        hashlib.sha256(syntax + b"\0" + phantoms.data_set_bytes(ds)).hexdigest() for ds in corrected
    ]


def test_a_fault_of_ours_in_one_instance_takes_no_other_with_it(
    web: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe, wrong = receive.describe, phantoms.ct_slice(number=3)

    def faulty(scanned: Scan) -> Description:
        description = describe(scanned)
        if description.instance["InstanceNumber"] == wrong.InstanceNumber:
            raise ZeroDivisionError
        return description

    monkeypatch.setattr(receive, "describe", faulty)

    answer = post_files(web, *slices(6))

    assert (answer.status_code, len(stored(answer)), reasons(answer)) == (202, 5, [0x0110])
    assert not archive.versions(key_of(wrong))


def test_a_fault_where_several_are_stored_is_an_answer_too(
    web: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(StoreSession, "store_all", faulty)

    answer = post_files(web, *slices(6))

    assert (answer.status_code, reasons(answer)) == (409, [0x0110] * 6)
    assert "web instances not stored" in caplog.text


def test_what_waits_is_stored_with_one_commit(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    together, all_have_come = list[int](), threading.Event()
    store_all, report = StoreSession.store_all, Storing.report

    def store_when_all_have_come(session: StoreSession, arrived: Sequence[Arrived]) -> list[Stored | Exception]:
        assert all_have_come.wait(20)
        together.append(len(arrived))
        return store_all(session, arrived)

    def report_of_all(storing: Storing) -> Report:
        all_have_come.set()
        return report(storing)

    monkeypatch.setattr(StoreSession, "store_all", store_when_all_have_come)
    monkeypatch.setattr(Storing, "report", report_of_all)

    assert len(stored(post_files(web, *slices(8)))) == 8
    assert sum(together) == 8
    assert max(together) > 1


def test_what_is_on_its_way_is_bounded(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, all_have_come, begun = threading.Event(), threading.Event(), list[int]()
    store_all, store_file, report = StoreSession.store_all, Storing.store_file, Storing.report

    def store_when_told(session: StoreSession, arrived: Sequence[Arrived]) -> list[Stored | Exception]:
        assert go_on.wait(20)
        return store_all(session, arrived)

    def counted(storing: Storing, incoming: Incoming) -> None:
        store_file(storing, incoming)
        begun.append(1)

    def report_of_all(storing: Storing) -> Report:
        all_have_come.set()
        return report(storing)

    monkeypatch.setattr(StoreSession, "store_all", store_when_told)
    monkeypatch.setattr(Storing, "store_file", counted)
    monkeypatch.setattr(Storing, "report", report_of_all)

    with ThreadPoolExecutor(1) as sender:
        answer = sender.submit(post_files, web, *slices(12))
        try:
            until(lambda: len(begun) >= 8)
            assert not all_have_come.wait(0.5)
            assert len(begun) == 8
        finally:
            go_on.set()

        assert len(stored(answer.result())) == 12


def test_other_content_from_another_source_is_kept_aside_with_a_warning(web: TestClient, archive: Archive) -> None:
    ds = phantoms.ct_slice()
    assert Sending(archive).store(phantoms.ct_slice()).outcome is Outcome.STORED
    ds.SeriesDescription = "changed"

    answer = post_files(web, file_of(ds))

    assert answer.status_code == 202
    assert items(answer, REFERENCED)[0]["00081196"] == 0xB000


@pytest.mark.parametrize(("name", "status"), [("modality", 200), ("another", 202)], ids=["same", "another"])
def test_the_name_of_a_token_is_the_source_of_what_it_stores(archive: Archive, name: str, status: int) -> None:
    """A source may correct what it sent itself, over either edge: a token is a peer's that is called like it."""
    archive.add_peer(Peer(MODALITY.name, "127.0.0.1", 104), actor="test")
    ds, token = phantoms.ct_slice(), "0123456789abcdef0123456789abcdef"
    Sending(archive).store(phantoms.ct_slice(), source=MODALITY)
    ds.SeriesDescription = "corrected"
    web = web_client(archive, tokens=f"{name}={token}")
    web.headers["Authorization"] = f"Bearer {token}"

    assert post_files(web, file_of(ds)).status_code == status


def test_requests_without_json_in_mind_get_json(web: TestClient) -> None:
    assert (
        web.post("/dicom-web/studies", content=slices(1)[0], headers={"Content-Type": DICOM}).headers["content-type"]
        == JSON
    )


@needs_samples
@pytest.mark.long
def test_samples_are_kept_byte_for_byte_or_refused_with_a_reason(web: TestClient, archive: Archive) -> None:
    kept = 0
    for path in sample_files():
        file = path.read_bytes()
        answer = post_files(web, file)
        assert answer.status_code in (200, 202, 400, 409), path
        for item in items(answer, REFERENCED):
            *_, study, _, series, _, instance = item["00081190"].split("/")
            held = archive.versions(InstanceKey(study, series, instance))
            whole = [archive.part10_head(each) + b"".join(archive.open(each).chunks) for each in held]
            headless = file[find_data_set(file).length :]
            assert any(each == file or each.endswith(headless) for each in whole), path
            kept += 1
    assert kept > 350
