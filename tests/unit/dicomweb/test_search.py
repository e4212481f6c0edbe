"""The Search transaction over HTTP (PS3.18 10.6)."""

from collections.abc import Iterator, Mapping
from email import message_from_bytes
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from arrivals import PACS_B, Sender, arrival, description, key
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.dicom.describe import Description, Value
from vna.index import open_index
from web import ADDRESS, web_client

SERVICE = f"{ADDRESS}/dicom-web"
STUDY_RESULT = {
    *("00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "00081190", "00100010", "00100020"),
    *("00100030", "00100040", "0020000D", "00200010", "00201206", "00201208"),
}
"""PS3.18 table 10.6.3-3 but for Timezone Offset From UTC, which is there if it is known."""
NAMES = [
    *("PatientID", "PatientName", "StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "StudyDescription"),
    *("00400275.00401001", "limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching"),
    *("multiplevaluematching", "TimezoneOffsetFromUTC", "NumberOfStudyRelatedSeries"),
]
VALUES = ["", "*", '""', "1", "CT,PT", "20240101-", "1200-2359", "all", "true", "+0100", "A\\B", "M*", "é", "\0", "x y"]
REQUESTS: tuple[Mapping[str, str], ...] = (
    {"RequestedProcedureID": "RP1", "ScheduledProcedureStepID": "SPS1"},
    {"RequestedProcedureID": "RP2"},
)


def instance(**attributes: Value) -> Description:
    told = description(series={"RequestAttributesSequence": REQUESTS, "Modality": "CT"})
    return Description(told.patient, told.study, told.series, {"InstanceNumber": "1", **attributes})


def send(
    sender: Sender, uid: str, *, series: Mapping[str, Value] | None = None, number: int = 1, **study: Value
) -> None:
    patient = {keyword: study.pop(keyword) for keyword in list(study) if keyword.startswith("Patient")}
    at = key(uid, f"{uid}.{number}", f"{uid}.{number}.1")
    sender.send(arrival(f"{uid}.{number}", at), description(patient, study, series))


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    index = open_index(f"sqlite:///{tmp_path_factory.mktemp('search') / 'index.sqlite'}")
    sender = Sender(index)
    sender.send(arrival("1.1", key()), instance(Rows="512", Columns="512", ImageType="ORIGINAL\\PRIMARY"))
    send(sender, "1.2", PatientID="P2", PatientName="Müller^Jörg=山田^太郎", StudyDate="20240301", AccessionNumber="A2")
    send(sender, "1.2", number=2, series={"Modality": "PT"}, PatientID="P2", PatientName="Müller^Jörg=山田^太郎")
    send(sender, "1.3", PatientID="P3", PatientName="", AccessionNumber="", StudyDate="20240401", StudyTime="233000")
    sender.send(arrival("other", key("1.3", "1.3.1", "1.3.1.2"), source=PACS_B), description({"PatientID": "P9"}))
    zone = {"StudyDate": "20240501", "StudyTime": "233000", "TimezoneOffsetFromUTC": "+0000"}
    send(sender, "1.4", PatientID="P4", PatientName="Meyer^Anna Maria", AccessionNumber="A4", **zone)
    yield sender
    index.close()


@pytest.fixture(scope="module")
def client(sender: Sender, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    blobs, folder = BlobStore(Memory()), Path(tmp_path_factory.mktemp("spool"))
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    return web_client(Archive(sender.index, blobs, Spool(folder), room), max_search_results=50)


def search(client: TestClient, path: str, **headers: str) -> list[dict[str, Any]]:
    answer = client.get(f"/dicom-web{path}", headers=headers)
    assert answer.status_code in (200, 204), answer.text
    return answer.json() if answer.status_code == 200 else []


def uids(found: list[dict[str, Any]], tag: str = "0020000D") -> list[str]:
    return [result[tag]["Value"][0] for result in found]


def test_a_study_result_has_what_the_standard_demands(client: TestClient) -> None:
    (found,) = search(client, "/studies?StudyInstanceUID=1.1")

    assert set(found) == STUDY_RESULT
    assert list(found) == sorted(found)
    assert found["00080061"] == {"vr": "CS", "Value": ["CT"]}
    assert found["00201208"] == {"vr": "IS", "Value": [1]}
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Martin^Jean"}]}
    assert found["00080090"] == {"vr": "PN"}
    assert found["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}
    assert found["00081190"] == {"vr": "UR", "Value": [f"{SERVICE}/studies/1.1"]}


def test_results_of_a_study_tell_of_what_lies_below_it(client: TestClient) -> None:
    (series,) = search(client, "/studies/1.1/series")
    (image,) = search(client, "/studies/1.1/instances")

    assert {"00080060", "0008103E", "0020000E", "00200011", "00201209", "00400275"} <= set(series)
    assert "00100010" not in series
    assert series["00081190"]["Value"] == [f"{SERVICE}/studies/1.1/series/1.1.1"]
    assert image["00081190"]["Value"] == [f"{SERVICE}/studies/1.1/series/1.1.1/instances/1.1.1.1"]
    assert image["00080060"]["Value"] == ["CT"]
    assert image["00280010"] == {"vr": "US", "Value": [512]}
    assert "00280008" not in image


@pytest.mark.parametrize("path", ["/series", "/instances"])
def test_all_series_and_instances_tell_of_their_study_too(client: TestClient, path: str) -> None:
    found = search(client, path)

    assert STUDY_RESULT - {"00081190"} <= set(found[0])
    assert {result["0020000D"]["Value"][0]: result["00201206"]["Value"][0] for result in found}["1.2"] == 2
    assert found[-1]["00080061"]["Value"] == ["CT"]
    assert set(uids(found)) == {"1.1", "1.2", "1.3", "1.4"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["1.1", "1.2", "1.3", "1.4"]),
        ("PatientID=P2", ["1.2"]),
        ("00100020=P2", ["1.2"]),
        ("PatientName=martin*", ["1.1"]),
        ("PatientName=%E5%B1%B1%E7%94%B0*", ["1.2"]),
        ("StudyDate=20240201-20240331", ["1.2"]),
        ("StudyDate=20240301-", ["1.2", "1.3", "1.4"]),
        ("StudyInstanceUID=1.1,1.2", ["1.1", "1.2"]),
        ("StudyInstanceUID=1.1%5C1.2", ["1.1", "1.2"]),
        ("ModalitiesInStudy=PT", ["1.2"]),
        ("ModalitiesInStudy=PT,CT", ["1.1", "1.2", "1.3", "1.4"]),
        ("ModalitiesInStudy=PT,CT&multiplevaluematching=true", ["1.2"]),
        ("ModalitiesInStudy=PT%5CMR&multiplevaluematching=true", []),
        ("AccessionNumber=%22%22&emptyvaluematching=true", ["1.3"]),
        ("AccessionNumber=%22%22", []),
        ("PatientName=%22%22&emptyvaluematching=true", ["1.3"]),
        ("StudyDescription=%22%22&emptyvaluematching=true", []),
        ("ReferringPhysicianName=%22%22&emptyvaluematching=true&PatientID=P1", ["1.1"]),
        ("PatientName=muller", []),
        ("PatientName=muller&fuzzymatching=true", ["1.2"]),
        ("PatientName=jorg+mueller&fuzzymatching=true", ["1.2"]),
        ("PatientName=maria%5Emaier&fuzzymatching=true", ["1.4"]),
        ("PatientName=anna+anna&fuzzymatching=true", []),
        ("PatientID=P9", ["1.3"]),
        ("PatientID=", ["1.1", "1.2", "1.3", "1.4"]),
    ],
)
def test_studies_are_matched(client: TestClient, query: str, found: list[str]) -> None:
    assert uids(search(client, f"/studies?{query}")) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/studies/1.2/series", ["1.2.1", "1.2.2"]),
        ("/studies/1.2/series?Modality=PT", ["1.2.2"]),
        ("/series?Modality=PT", ["1.2.2"]),
        ("/series?PatientID=P2&Modality=CT", ["1.2.1"]),
        ("/series?RequestAttributesSequence.RequestedProcedureID=RP2", ["1.1.1"]),
        ("/series?00400275.00401001=RP1", ["1.1.1"]),
        ("/series?RequestAttributesSequence.RequestedProcedureID=RP2&00400275.00400009=SPS1", []),
        ("/studies/1.2/series/1.2.2/instances", ["1.2.2"]),
        ("/studies/1.2/series?StudyInstanceUID=1.1", []),
        ("/studies/1.9/series", []),
    ],
)
def test_series_and_instances_are_matched(client: TestClient, path: str, found: list[str]) -> None:
    assert uids(search(client, path), "0020000E") == found


def test_a_study_of_two_patients_is_shown_under_the_id_asked_for(client: TestClient) -> None:
    (asked,), (shown,) = (search(client, f"/studies?{key}") for key in ("PatientID=P9", "StudyInstanceUID=1.3"))

    assert (asked["00100020"]["Value"], shown["00100020"]["Value"]) == (["P9"], ["P3"])


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        ("includefield=StudyDescription", {"00081030"}, {"00101010"}),
        ("includefield=00081030,00101010", {"00081030", "00101010"}, set()),
        ("includefield=StudyDescription&includefield=PatientAge", {"00081030", "00101010"}, set()),
        ("includefield=all", {"00081030", "00201200", "00080062"}, {"00080060", "00101010"}),
        ("includefield=00081030%2C00080060", {"00081030"}, {"00080060"}),
        ("StudyDescription=CT*", {"00081030"}, set()),
    ],
)
def test_further_attributes_come_if_they_are_asked_for(
    client: TestClient, query: str, there: set[str], missing: set[str]
) -> None:
    """What lies below the level is left out (PS3.18 10.6.3.3.1); of `all` what has no value too."""
    found = search(client, f"/studies?PatientID=P1&{query}")[0]

    assert there <= set(found)
    assert not missing & set(found)


def test_of_a_sequence_only_the_attributes_asked_for_come(client: TestClient) -> None:
    (found,) = search(client, "/studies/1.1/series?includefield=RequestAttributesSequence.RequestedProcedureID")

    assert found["00400275"]["Value"] == [
        {"00401001": {"vr": "SH", "Value": ["RP1"]}},
        {"00401001": {"vr": "SH", "Value": ["RP2"]}},
    ]


def test_pages_follow_each_other_and_tell_how_much_is_left(client: TestClient) -> None:
    first, second, third = (client.get(f"/dicom-web/studies?limit=2&offset={offset}") for offset in (0, 2, 4))

    assert uids(first.json()) + uids(second.json()) == ["1.1", "1.2", "1.3", "1.4"]
    assert first.headers["Warning"] == f"299 {SERVICE}: There are 2 additional results that can be requested"
    assert "Warning" not in second.headers
    assert (third.status_code, third.content) == (204, b"")


def test_a_limit_of_none_tells_only_how_many_there_are(client: TestClient) -> None:
    answer = client.get("/dicom-web/studies?limit=0&StudyDate=20240301-")

    assert answer.status_code == 204
    assert "There are 3 additional results" in answer.headers["Warning"]


def test_the_most_results_of_the_server_go_before_the_limit_asked_for(sender: Sender, tmp_path: Path) -> None:
    blobs = BlobStore(Memory())
    archive = Archive(sender.index, blobs, Spool(tmp_path), Room(blobs, min_free_percent=0, min_free_bytes=0))

    answer = web_client(archive, max_search_results=3).get("/dicom-web/studies?limit=100")

    assert len(answer.json()) == 3
    assert "There are 1 additional results" in answer.headers["Warning"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("StudyDate=20240501", ["1.4"]),
        ("StudyDate=20240501&TimezoneOffsetFromUTC=%2B0000", ["1.4"]),
        ("StudyDate=20240501&TimezoneOffsetFromUTC=%2B0100", []),
        ("StudyDate=20240502&TimezoneOffsetFromUTC=%2B0100", ["1.4"]),
        ("StudyDate=20240502&TimezoneOffsetFromUTC=+0100", ["1.4"]),
        ("StudyDate=20240502-&StudyTime=0000-0100&00080201=%2B0100", ["1.4"]),
        ("StudyDate=20240401&TimezoneOffsetFromUTC=%2B0100", ["1.3"]),
    ],
)
def test_dates_are_meant_in_the_time_zone_of_the_query(client: TestClient, query: str, found: list[str]) -> None:
    """A study that does not say its zone is compared as it stands."""
    results = search(client, f"/studies?{query}")

    assert uids(results) == found


def test_date_and_time_ranges_together_are_one_range_of_moments(client: TestClient) -> None:
    assert uids(search(client, "/studies?StudyDate=20240401-20240501&StudyTime=2200-0100")) == ["1.3"]


@pytest.mark.parametrize(
    ("query", "warning"),
    [
        ("orderby=StudyDate", "Not supported and passed over: orderby."),
        ("includefield=PixelData", "Not supported and passed over: PixelData."),
        ("KVP=120", "Matching is not supported and was not performed for: KVP."),
        ("ReferencedStudySequence.ReferencedSOPInstanceUID=1.2", "ReferencedStudySequence.ReferencedSOPInstanceUID."),
        ("%0D%0AX=1", "Not supported and passed over: a parameter."),
        ("=1", "Not supported and passed over: a parameter."),
    ],
)
def test_what_is_not_supported_is_passed_over_with_a_warning(client: TestClient, query: str, warning: str) -> None:
    """PS3.18 8.3: the rest is answered as if it were not there."""
    answer = client.get(f"/dicom-web/studies?PatientID=P1&{query}")

    assert uids(answer.json()) == ["1.1"]
    assert answer.headers["Warning"].startswith(f"299 {SERVICE}: ")
    assert warning in answer.headers["Warning"]


@pytest.mark.parametrize("query", ["includefield=all", "accept=application/json", "InstanceAvailability=ONLINE"])
def test_what_is_supported_brings_no_warning(client: TestClient, query: str) -> None:
    answer = client.get(f"/dicom-web/studies?PatientID=P1&{query}")

    assert (answer.status_code, "Warning" in answer.headers) == (200, False)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/studies?limit=-1", "limit is a number"),
        ("/studies?offset=x", "offset is a number"),
        ("/studies?limit=1&limit=2", "limit is given twice"),
        ("/studies?fuzzymatching=maybe", "fuzzymatching is true or false"),
        ("/studies?StudyDate=2024-13-45", "StudyDate: not a date"),
        ("/studies?StudyTime=2200-0100", "ends before it starts"),
        ("/studies?StudyInstanceUID=1.2.x", "StudyInstanceUID: not a UID"),
        ("/studies?PatientId=1", "PatientID is one"),
        ("/studies?patientid=1", "PatientID is one"),
        ("/studies?0010001G=1", "no attribute"),
        ("/studies?includefield=00400275.", "no attribute"),
        ("/studies?OtherPatientIDsSequence.PatientId=1", "no attribute"),
        ("/studies?PatientID=1&00100020=1", "PatientID is given twice"),
        ("/studies?Modality=CT", "below what is searched for"),
        ("/series?RequestAttributesSequence=1", "a sequence"),
        ("/studies?PatientID.PatientName=1", "only a sequence"),
        ("/studies?includefield=Patientt", "no attribute"),
        ("/studies?TimezoneOffsetFromUTC=1", "not an offset"),
        ("/studies?PatientName=%FF", "UTF-8"),
        ("/studies/1.2.x/series", "study"),
        ("/studies?" + "&".join(f"x{n}=1" for n in range(501)), "more than 500"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(client: TestClient, path: str, words: str) -> None:
    answer = client.get(f"/dicom-web{path}")

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/dicom+json", "application/dicom+json"),
        ("application/json", "application/json"),
        ("*/*", "application/dicom+json"),
        ("application/*", "application/dicom+json"),
        ("text/html, application/dicom+json;q=0.9, */*;q=0.1", "application/dicom+json"),
        ("application/dicom+json;q=0, */*", "application/json"),
        ('multipart/related; type="application/dicom+xml"', "multipart/related"),
        ("multipart/related; type=application/dicom+xml, application/dicom+json;q=0.5", "multipart/related"),
    ],
)
def test_results_come_as_the_client_accepts_them(client: TestClient, accept: str, media_type: str) -> None:
    answer = client.get("/dicom-web/studies", headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0] == media_type
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("parameter", ["application/json", "application/dicom+json", "application/dicom%2Bjson"])
def test_the_accept_parameter_goes_before_the_header(client: TestClient, parameter: str) -> None:
    """PS3.18 8.3.3.1, with a plus sign encoded or not."""
    answer = client.get(f"/dicom-web/studies?accept={parameter}", headers={"Accept": "application/*"})

    assert answer.headers["Content-Type"] == parameter.replace("%2B", "+")


@pytest.mark.parametrize("accept", ["image/png", 'multipart/related; type="application/dicom"', "*/*;q=0"])
def test_other_media_types_are_not_acceptable(client: TestClient, accept: str) -> None:
    answer = client.get("/dicom-web/studies", headers={"Accept": accept})

    assert answer.status_code == 406
    assert "application/dicom+json" in answer.json()["detail"]


def test_as_xml_each_result_is_a_part(client: TestClient) -> None:
    answer = client.get("/dicom-web/studies", headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.content).get_payload()

    models = [ET.fromstring(part.get_payload(decode=True)) for part in parts]  # type: ignore[union-attr]
    names = [model.find("*[@keyword='PatientID']") for model in models]
    assert [name is not None and name[0].text for name in names] == ["P1", "P2", "P3", "P4"]


def test_long_answers_are_compressed_for_whom_that_suits(client: TestClient) -> None:
    path = "/dicom-web/instances?includefield=all"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    coded = client.get(path, headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert coded.headers.get("Content-Encoding", "none") == ("gzip" if len(plain.content) > 16 * 1024 else "none")
    assert orjson.loads(coded.content) == orjson.loads(plain.content)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        ["/studies", "/series", "/instances", "/studies/1.1/series", "/studies/1.2/series/1.2.1/instances"]
    ),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4),
)
def test_every_search_is_answered(client: TestClient, path: str, query: list[tuple[str, str]]) -> None:
    answer = client.get(f"/dicom-web{path}", params=query)

    assert answer.status_code in (200, 204, 400)
    assert answer.status_code != 200 or answer.json()
