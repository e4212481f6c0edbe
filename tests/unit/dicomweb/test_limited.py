"""What is limited is shown on no way out of the web, nor through the quality view (GDPR Article 18).

Nor is what is rejected, but for the quality view.
"""

import io
import zipfile

import pytest
from starlette.testclient import TestClient

from conformance import phantoms
from conformance.notes import rejection_note
from pictures import state
from sending import Sending
from vna.archive import Archive, Statement
from vna.console import StudySearch
from vna.media import media_path
from vna.model import RejectionReason, Scope, StudyUID
from vna.node.browsing import study_search
from web import web_client

CT, MR = phantoms.ct_slice(size=16), phantoms.mr_slice()
STUDY, SERIES, INSTANCE = CT.StudyInstanceUID, CT.SeriesInstanceUID, CT.SOPInstanceUID
OF_STUDY = f"/studies/{STUDY}"
OF_SERIES = f"{OF_STUDY}/series/{SERIES}"
OF_INSTANCE = f"{OF_SERIES}/instances/{INSTANCE}"
NAMED = f"requestType=WADO&studyUID={STUDY}&seriesUID={SERIES}&objectUID={INSTANCE}"
WAYS_OUT = {
    "study": OF_STUDY,
    "series": OF_SERIES,
    "instance": OF_INSTANCE,
    "study-metadata": f"{OF_STUDY}/metadata",
    "series-metadata": f"{OF_SERIES}/metadata",
    "instance-metadata": f"{OF_INSTANCE}/metadata",
    "frames": f"{OF_INSTANCE}/frames/1",
    "rendered-study": f"{OF_STUDY}/rendered",
    "rendered-series": f"{OF_SERIES}/rendered",
    "rendered-instance": f"{OF_INSTANCE}/rendered",
    "rendered-frame": f"{OF_INSTANCE}/frames/1/rendered",
    "study-thumbnail": f"{OF_STUDY}/thumbnail",
    "series-thumbnail": f"{OF_SERIES}/thumbnail",
    "instance-thumbnail": f"{OF_INSTANCE}/thumbnail",
    "study-bulk": f"{OF_STUDY}/bulkdata",
    "instance-bulk": f"{OF_INSTANCE}/bulkdata",
    "pixel-data": f"{OF_INSTANCE}/bulkdata/7FE00010",
    "all-pixel-data": f"{OF_INSTANCE}/pixeldata",
    "wado-uri": f"/wado?{NAMED}",
    "wado-uri-rendered": f"/wado?{NAMED}&contentType=image/jpeg",
}
SEARCHES = {
    "studies": f"/studies?StudyInstanceUID={STUDY}",
    "by-patient": f"/studies?PatientID={CT.PatientID}",
    "by-name": "/studies?PatientName=PHANTOM&fuzzymatching=true&ModalitiesInStudy=CT",
    "series": f"/studies/{STUDY}/series",
    "all-series": "/series?Modality=CT",
    "instances": f"/instances?SOPInstanceUID={INSTANCE}",
    "all-instances": f"/studies/{STUDY}/instances",
}
CODES = dict(zip(RejectionReason, ("113001", "113037", "113038", "113039"), strict=True))
"""PS3.16 CID 7010."""
BY_DUPONT = Statement("dupont", "at the patient's request")


@pytest.fixture
def limited(archive: Archive, sending: Sending) -> int:
    """The number of a limitation over one of two studies."""
    sending.store(CT)
    sending.store(MR)
    return archive.limitations.place(Scope(StudyUID(STUDY)), BY_DUPONT)


@pytest.mark.parametrize("root", ["/dicom-web", "/quality/dicom-web"])
def test_every_way_out_says_that_nothing_is_known_while_a_limitation_stands(
    web: TestClient, archive: Archive, limited: int, root: str
) -> None:
    while_limited = {name: web.get(root + path).status_code for name, path in WAYS_OUT.items()}
    archive.limitations.lift(limited, BY_DUPONT)
    lifted = {name: web.get(root + path).status_code for name, path in WAYS_OUT.items()}

    assert while_limited == dict.fromkeys(WAYS_OUT, 404)
    assert lifted == dict.fromkeys(WAYS_OUT, 200)


@pytest.mark.parametrize("root", ["/dicom-web", "/quality/dicom-web"])
def test_no_search_finds_what_is_limited(web: TestClient, archive: Archive, limited: int, root: str) -> None:
    while_limited = {name: web.get(root + path).status_code for name, path in SEARCHES.items()}
    archive.limitations.lift(limited, BY_DUPONT)
    lifted = {name: web.get(root + path).status_code for name, path in SEARCHES.items()}

    assert while_limited == dict.fromkeys(SEARCHES, 204)
    assert lifted == dict.fromkeys(SEARCHES, 200)


def _hide(archive: Archive, how: str, scope: Scope) -> None:
    if how == "limited":
        archive.limitations.place(scope, BY_DUPONT)
    else:
        archive.rejections.reject(scope, RejectionReason.QUALITY, BY_DUPONT)


def _told(web: TestClient, path: str, accept: str = "*/*") -> tuple[int, bytes]:
    """Return the status of an answer, and its body, that of a ZIP unpacked."""
    answer = web.get(path, headers={"Accept": accept})
    if accept == "application/zip" and answer.is_success:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as members:
            return answer.status_code, b"".join(map(members.read, members.namelist()))
    return answer.status_code, answer.content


@pytest.mark.parametrize(
    ("scope", "how"),
    [
        (Scope(STUDY), "rejected"),
        (Scope(STUDY, SERIES), "limited"),
        pytest.param(Scope(STUDY, SERIES), "rejected", marks=pytest.mark.long),
        (Scope(STUDY, SERIES, INSTANCE), "limited"),
        (Scope(STUDY, SERIES, INSTANCE), "rejected"),
    ],
    ids=["study-rejected", "series-limited", "series-rejected", "instance-limited", "instance-rejected"],
)
def test_no_single_door_gives_what_is_hidden_nor_tells_of_it_beside_the_rest(
    web: TestClient, archive: Archive, sending: Sending, how: str, scope: Scope
) -> None:
    for ds in (CT, *(phantoms.ct_slice(series=series, number=number, size=16) for series, number in ((1, 2), (2, 1)))):
        sending.store(ds)
    _hide(archive, how, scope)
    root = OF_INSTANCE if scope.instance else OF_SERIES if scope.series else OF_STUDY
    zips = {f"{name}-zip": WAYS_OUT[name] for name in ("study", "series", "instance")}
    doors = WAYS_OUT | zips | {f"find-{name}": path for name, path in SEARCHES.items()}
    within = {name for name, path in (WAYS_OUT | zips).items() if path.startswith((root, "/wado"))}
    pictures = {name for name in doors if "rendered" in name or "thumbnail" in name}

    told = {
        name: _told(web, f"/dicom-web{doors[name]}", "application/zip" if name in zips else "*/*")
        for name in within | (doors.keys() - pictures)
    }
    browsed = study_search(archive)(StudySearch(CT.PatientID, None, None, "", "", 1))

    outside = {name: told[name] for name in told.keys() - within}
    shown = {name for name, (status, body) in outside.items() if status == 200 and body}
    assert {told[name][0] for name in within} == {404 if how == "limited" else 410}
    assert {status for status, _ in outside.values()} <= {200, 204}
    assert [name for name in shown if str(INSTANCE).encode() in told[name][1]] == []
    assert shown >= ({"study", "study-zip", "study-metadata", "find-all-instances"} if scope.series else set())
    assert [study.instances for study in browsed.studies] == (
        [] if not scope.series else ["2" if scope.instance else "1"]
    )


@pytest.mark.parametrize("how", ["limited", "rejected"])
def test_the_quality_view_gives_each_way_out_what_is_rejected_and_nothing_that_is_limited(
    web: TestClient, archive: Archive, sending: Sending, how: str
) -> None:
    for number in (1, 2):
        sending.store(phantoms.ct_slice(number=number, size=16))
    _hide(archive, how, Scope(STUDY, SERIES, INSTANCE))
    within = ["instance", "instance-metadata", "frames", "instance-bulk", "pixel-data", "all-pixel-data", "wado-uri"]

    told = {name: web.get(f"/quality/dicom-web{WAYS_OUT[name]}").status_code for name in within}
    zipped = _told(web, f"/quality/dicom-web{OF_STUDY}", "application/zip")[1]
    found = web.get(f"/quality/dicom-web{SEARCHES['instances']}").status_code

    assert told == dict.fromkeys(within, 200 if how == "rejected" else 404)
    assert (str(INSTANCE).encode() in zipped, found) == ((True, 200) if how == "rejected" else (False, 204))


def test_the_names_in_a_zip_are_of_the_patient_that_the_view_shows(
    web: TestClient, archive: Archive, sending: Sending
) -> None:
    mistaken, right = (phantoms.ct_slice(number=number, size=16) for number in (1, 2))
    mistaken.PatientID, mistaken.PatientName = "MISTAKEN", "MISTAKEN"
    stored, _ = sending.store(mistaken), sending.store(right)
    _hide(archive, "rejected", Scope(STUDY, SERIES, mistaken.SOPInstanceUID))

    answers = [
        web.get(f"{root}{OF_STUDY}", headers={"Accept": "application/zip"})
        for root in ("/dicom-web", "/quality/dicom-web")
    ]

    folders = [media_path((name, ""), stored.key).split("/")[1] for name in (right.PatientID, "MISTAKEN")]
    names = [zipfile.ZipFile(io.BytesIO(each.content)).namelist() for each in answers]
    assert [[folder in " ".join(listed) for folder in folders] for listed in names] == [[True, False], [False, True]]


def test_what_was_kept_ready_before_is_not_given_out_after(web: TestClient, archive: Archive, sending: Sending) -> None:
    sending.store(CT)
    before = web.get(f"/dicom-web{OF_SERIES}/metadata")

    archive.limitations.place(Scope(StudyUID(STUDY)), BY_DUPONT)

    asked_again = web.get(f"/dicom-web{OF_SERIES}/metadata", headers={"If-None-Match": before.headers["ETag"]})
    assert (before.status_code, asked_again.status_code) == (200, 404)


def test_the_study_browser_shows_nothing_of_it(archive: Archive, limited: int) -> None:
    browse = study_search(archive)
    asked = StudySearch(CT.PatientID, None, None, "", "", 1)

    while_limited = browse(asked)
    archive.limitations.lift(limited, BY_DUPONT)

    assert (while_limited.count, browse(asked).count) == (0, 1)


def test_a_presentation_state_does_not_show_its_image_while_that_is_limited(
    web: TestClient, archive: Archive, sending: Sending
) -> None:
    through = state(CT)
    through.StudyInstanceUID = STUDY
    sending.store(CT)
    sending.store(through)
    path = f"{OF_STUDY}/series/{through.SeriesInstanceUID}/instances/{through.SOPInstanceUID}/rendered"
    roots = ("/dicom-web", "/quality/dicom-web")

    number = archive.limitations.place(Scope(STUDY, SERIES, INSTANCE), BY_DUPONT)
    while_limited = [web.get(root + path).status_code for root in roots]
    archive.limitations.lift(number, BY_DUPONT)

    assert while_limited == [406, 406]
    assert [web.get(root + path).status_code for root in roots] == [200, 200]


def test_rejected_says_gone_and_limited_says_nothing(web: TestClient, archive: Archive, sending: Sending) -> None:
    sending.store(CT)
    rejection = archive.rejections.reject(Scope(StudyUID(STUDY)), RejectionReason.QUALITY, BY_DUPONT)
    gone = web.get(f"/dicom-web{OF_STUDY}").status_code

    limitation = archive.limitations.place(Scope(StudyUID(STUDY)), BY_DUPONT)
    nothing = web.get(f"/dicom-web{OF_STUDY}").status_code
    archive.rejections.restore(rejection, BY_DUPONT)
    still_nothing = web.get(f"/dicom-web{OF_STUDY}").status_code
    archive.limitations.lift(limitation, BY_DUPONT)

    assert (gone, nothing, still_nothing) == (410, 404, 404)
    assert web.get(f"/dicom-web{OF_STUDY}").status_code == 200


@pytest.mark.parametrize("reason", RejectionReason)
def test_the_quality_view_shows_what_is_rejected_and_the_note_beside_it(
    web: TestClient, sending: Sending, reason: RejectionReason
) -> None:
    note = rejection_note([CT], reason)
    sending.store(CT)
    sending.store(note)

    ordinary = [web.get(f"/dicom-web{path}").status_code for path in (OF_STUDY, f"{OF_STUDY}/series")]
    (study,) = web.get(f"/quality/dicom-web/studies?StudyInstanceUID={STUDY}").json()
    metadata = web.get(f"/quality/dicom-web{OF_STUDY}/metadata").json()
    zipped = web.get(f"/quality/dicom-web{OF_STUDY}", headers={"Accept": "application/zip"})

    assert ordinary == [410, 204]
    assert study["00080061"]["Value"] == ["CT", "KO"]
    assert study["00081190"]["Value"] == [f"http://127.0.0.1/quality/dicom-web{OF_STUDY}"]
    assert {one["00080018"]["Value"][0] for one in metadata} == {str(INSTANCE), str(note.SOPInstanceUID)}
    title = next(one for one in metadata if "0040A043" in one)["0040A043"]["Value"][0]
    assert title["00080100"]["Value"] == [CODES[reason]]
    assert len(zipfile.ZipFile(io.BytesIO(zipped.content)).namelist()) == 3
    assert web.get(f"/quality/dicom-web{OF_INSTANCE}/rendered").status_code == 200


def test_nothing_is_stored_through_the_quality_view(web: TestClient) -> None:
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}

    answers = [web.post(f"/quality/dicom-web{path}", headers=headers, content=b"") for path in ("/studies", OF_STUDY)]

    assert [answer.status_code for answer in answers] == [405, 405]
    assert "STOW" not in web.get("/quality/dicom-web/openapi.json").text
    assert web.get("/quality/dicom-web/openapi.json").json()["servers"][0]["url"].endswith("/quality/dicom-web")


@pytest.mark.parametrize(
    ("settings", "token", "status"),
    [
        ({"tokens": ("reader=" + "r" * 40,), "quality_tokens": ()}, "r" * 40, 403),
        ({"tokens": ("reader=" + "r" * 40, "qa=" + "q" * 40), "quality_tokens": ("qa",)}, "r" * 40, 403),
        ({"tokens": ("reader=" + "r" * 40, "qa=" + "q" * 40), "quality_tokens": ("qa",)}, "q" * 40, 204),
        ({"quality_tokens": ()}, "", 204),
    ],
    ids=["none-named", "another-token", "the-token", "loopback"],
)
def test_the_quality_view_is_for_the_tokens_that_are_named(
    archive: Archive, settings: dict[str, object], token: str, status: int
) -> None:
    client = web_client(archive, **settings)
    client.base_url = "http://127.0.0.1"
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    assert client.get("/quality/dicom-web/studies", headers=headers).status_code == status


def test_the_quality_view_is_not_for_who_comes_from_elsewhere_without_a_token(archive: Archive) -> None:
    client = web_client(archive, allow_unauthenticated=True, allowed_hosts=("node",))
    client.base_url = "http://node"

    assert client.get("/dicom-web/studies").status_code == 204
    assert client.get("/quality/dicom-web/studies").status_code == 403
