"""Storage Commitment over the web: given for what is held and sound, and known for a while (PS3.18 chapter 13)."""

import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from committing import SETTINGS
from conformance import phantoms
from replicated import altered
from sending import MODALITY, Sending
from storage_backends import BlobStore, FilesystemDocuments
from storing_over_web import JSON, items, post_files
from vna.archive import Archive, Sealer, commitments
from vna.dimse import Reporter
from vna.index import open_index
from vna.journal import SealedJournal
from vna.model import Peer
from web import web_client

TRANSACTION = "1.2.840.4711"
STORED, FAILED = "00081199", "00081198"
TOKEN = "0123456789abcdef0123456789abcdef"


def uid(tag: str, value: str) -> dict[str, Any]:
    return {tag: {"vr": "UI", "Value": [value]}}


def sequence(tag: str, *of: dict[str, Any]) -> dict[str, Any]:
    return {tag: {"vr": "SQ", "Value": list(of)}}


def request_for(*instances: tuple[str, str]) -> list[dict[str, Any]]:
    return [sequence(STORED, *(uid("00081150", sop_class) | uid("00081155", each) for sop_class, each in instances))]


def ask(web: TestClient, model: Any, *, transaction: str = TRANSACTION, content_type: str = JSON) -> Response:
    path = f"/dicom-web/commitment-requests/{transaction}"
    return web.post(path, content=json.dumps(model), headers={"Content-Type": content_type, "Accept": JSON})


def result(web: TestClient, transaction: str = TRANSACTION) -> Response:
    return web.get(f"/dicom-web/commitment-requests/{transaction}", headers={"Accept": JSON})


def named(answer: Response, tag: str) -> list[str]:
    return [item["00081155"] for item in items(answer, tag)]


def test_what_is_held_is_committed_to_and_the_rest_is_not(web: TestClient) -> None:
    ds = phantoms.ct_slice()
    post_files(web, phantoms.part10(ds))

    answer = ask(web, request_for((ds.SOPClassUID, ds.SOPInstanceUID), (ds.SOPClassUID, "1.2.3")))

    assert answer.status_code == 200
    assert (named(answer, STORED), named(answer, FAILED)) == ([ds.SOPInstanceUID], ["1.2.3"])
    assert items(answer, FAILED)[0]["00081197"] == 0x0112


def test_the_result_can_be_asked_for_again_and_the_uid_is_taken(web: TestClient) -> None:
    ds = phantoms.ct_slice()
    post_files(web, phantoms.part10(ds))
    first = ask(web, request_for((ds.SOPClassUID, ds.SOPInstanceUID)))

    again, other = result(web), ask(web, request_for((ds.SOPClassUID, "1.2.3")))

    assert (again.status_code, again.json()) == (200, first.json())
    assert other.status_code == 409


def test_nothing_is_known_of_what_nobody_asked_for(web: TestClient) -> None:
    assert result(web).status_code == 404


def test_what_is_damaged_is_not_committed_to(web: TestClient, blobs: BlobStore) -> None:
    ds = phantoms.ct_slice()
    post_files(web, phantoms.part10(ds))
    for name in list(blobs.backend.names()):
        altered(blobs.backend, name)

    answer = ask(web, request_for((ds.SOPClassUID, ds.SOPInstanceUID)))

    assert (named(answer, STORED), items(answer, FAILED)[0]["00081197"]) == ([], 0x0110)


def test_what_is_committed_to_is_sealed_before_it_is_said(web: TestClient, archive: Archive, tmp_path: Path) -> None:
    ds = phantoms.ct_slice()
    post_files(web, phantoms.part10(ds))
    journal = SealedJournal(FilesystemDocuments(tmp_path))
    before = archive.journal_mark().position

    with closing(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}")) as sealing:
        archive.commitments.seal_with(Sealer(sealing, journal))
        ask(web, request_for((ds.SOPClassUID, ds.SOPInstanceUID)))

    assert journal.mark().position > before


def test_instances_may_be_named_study_by_study(web: TestClient) -> None:
    ds = phantoms.ct_slice()
    post_files(web, phantoms.part10(ds))
    by_class = uid("00081150", ds.SOPClassUID) | sequence("0008114A", uid("00081155", ds.SOPInstanceUID))
    series = uid("0020000E", ds.SeriesInstanceUID) | sequence("00081112", by_class)
    model = [sequence("00081110", uid("0020000D", ds.StudyInstanceUID) | sequence("00081115", series))]

    assert named(ask(web, model), STORED) == [ds.SOPInstanceUID]


def test_what_cannot_be_decided_at_once_is_decided_later(
    web: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = phantoms.ct_slice()
    post_files(web, phantoms.part10(ds))
    monkeypatch.setattr("dicomweb.commitment._AT_ONCE_S", -1.0)

    asked, meanwhile = ask(web, request_for((ds.SOPClassUID, ds.SOPInstanceUID))), result(web)
    Reporter(archive, SETTINGS).report_all(threading.Event())

    assert (asked.status_code, meanwhile.status_code, asked.headers["retry-after"]) == (202, 202, "5")
    assert named(result(web), STORED) == [ds.SOPInstanceUID]


def test_results_are_forgotten_after_a_week(web: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(web, request_for(("1.2.3", "1.2.3")))
    (owed,) = archive.commitments.asked(TRANSACTION)
    monkeypatch.setattr(commitments, "RESULTS_KEPT_S", 0.0)
    monkeypatch.setattr("vna.index.commitments._LONGEST_TURN_MS", -1)

    Reporter(archive, SETTINGS).report_all(threading.Event())

    assert owed.failed
    assert (archive.commitments.asked(TRANSACTION), result(web).status_code) == ([], 404)


def test_a_token_is_committed_to_what_it_sent_over_either_edge(archive: Archive) -> None:
    ds = phantoms.ct_slice()
    archive.add_peer(Peer(MODALITY.name, "127.0.0.1", 104), actor="test")
    Sending(archive).store(ds, source=MODALITY)
    web = web_client(archive, tokens=f"modality={TOKEN},other={TOKEN[::-1]}")
    wanted = request_for((ds.SOPClassUID, ds.SOPInstanceUID))

    web.headers["Authorization"] = f"Bearer {TOKEN}"
    mine = ask(web, wanted)
    web.headers["Authorization"] = f"Bearer {TOKEN[::-1]}"
    theirs, not_theirs = ask(web, wanted, transaction="1.2.5"), result(web)

    assert (named(mine, STORED), named(theirs, FAILED)) == ([ds.SOPInstanceUID], [ds.SOPInstanceUID])
    assert not_theirs.status_code == 404


@pytest.mark.parametrize(
    ("model", "content_type", "status"),
    [
        ([{}], JSON, 400),
        ([], JSON, 400),
        ([{}, {}], JSON, 400),
        ([{STORED: {"vr": "SQ", "Value": [{}]}}], JSON, 400),
        (request_for(("1.2", "no uid")), JSON, 400),
        (request_for(("1.2", "1.3")), "text/plain", 415),
        (request_for(("1.2", "1.3")), "nonsense", 400),
    ],
    ids=["empty", "none", "two", "no-uids", "no-uid", "text", "no-type"],
)
def test_what_is_no_request_is_refused(web: TestClient, model: Any, content_type: str, status: int) -> None:
    assert ask(web, model, content_type=content_type).status_code == status


def test_a_transaction_uid_that_is_none_is_refused(web: TestClient) -> None:
    assert ask(web, request_for(("1.2", "1.3")), transaction="1.x").status_code == 400
