"""Finding: what SQL narrows and matching decides, on every database."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

import pytest

from arrivals import PACS_A, PACS_B, Sender, arrival, description, digest_of, key
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import Value
from vna.dicom.matching import ListOfUID, Matcher, Range, SingleValue, Universal, WildCard
from vna.dicom.query import Query
from vna.index import open_index
from vna.model import Source

_NUMBERS = count(1)


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


def find(sender: Sender, level: Level = Level.STUDY, **keys: Matcher) -> list[dict[str, Value]]:
    return list(sender.index.finder.find(Query(level, Model.STUDY_ROOT, keys)))


def study(sender: Sender, *, patient: Mapping[str, Value] | None = None, **attributes: Value) -> str:
    uid = f"1.9.{next(_NUMBERS)}"
    sender.send(arrival(uid, key(uid, f"{uid}.1", f"{uid}.1.1")), description(patient, attributes))
    return uid


UID = {"StudyInstanceUID": Universal()}


def uids(found: list[dict[str, Value]]) -> list[Value]:
    return [each["StudyInstanceUID"] for each in found]


def test_return_keys_come_back_from_every_level_above(sender: Sender) -> None:
    study(sender)

    (found,) = find(
        sender,
        Level.IMAGE,
        PatientName=Universal(),
        StudyDescription=Universal(),
        Modality=Universal(),
        InstanceNumber=Universal(),
    )

    assert found == {
        "PatientName": "Martin^Jean",
        "StudyDescription": "CT Thorax",
        "Modality": "CT",
        "InstanceNumber": "1",
    }


@pytest.mark.parametrize("level", [Level.PATIENT, Level.STUDY])
def test_the_issuer_that_a_peer_is_registered_with_can_be_asked_for(sender: Sender, level: Level) -> None:
    """Two hospitals gave one ID: their images do not say which of them, but the peers they come from do."""
    for number, issuer in enumerate(("HOSPITAL A", "HOSPITAL B", "")):
        uid, source = f"1.9.{number}", Source(f"PACS_{number}", issuer)
        sender.send(arrival(uid, key(uid, f"{uid}.1", f"{uid}.1.1"), source=source))
    keys = {"PatientID": SingleValue("P1"), "IssuerOfPatientID": Universal()}

    def issuers(**more: Matcher) -> list[Value]:
        found = sender.index.finder.find(Query(level, Model.PATIENT_ROOT, {**keys, **more}))
        return sorted(each["IssuerOfPatientID"] for each in found)

    assert issuers() == ["", "HOSPITAL A", "HOSPITAL B"]
    assert issuers(IssuerOfPatientID=SingleValue("HOSPITAL B")) == ["HOSPITAL B"]


def test_a_day_in_the_zone_of_the_query_is_found_and_nothing_else_is_told(sender: Sender) -> None:
    late = study(sender, StudyDate="20240229", StudyTime="233000", TimezoneOffsetFromUTC="+0000")
    study(sender, StudyDate="20240229", StudyTime="120000", TimezoneOffsetFromUTC="+0000")

    for level in (Level.STUDY, Level.SERIES):
        keys = {**UID, "StudyDate": SingleValue("20240301")}
        found = list(sender.index.finder.find(Query(level, Model.STUDY_ROOT, keys, relational=True, offset=60)))

        assert found == [{"StudyInstanceUID": late, "StudyDate": "20240229"}]


@pytest.mark.parametrize(
    ("keyword", "matcher"),
    [
        ("PatientName", WildCard("dupont^*")),
        ("PatientName", SingleValue("DUPONT^ANNE")),
        ("StudyDescription", WildCard("MR*")),
        ("StudyDate", Range("20250101", None)),
        ("StudyDate", SingleValue("20250607")),
        ("AccessionNumber", SingleValue("B2")),
        ("AccessionNumber", WildCard("?2")),
        ("StudyTime", Range("1300", "1359")),
        ("PatientAge", SingleValue("052Y")),
    ],
)
def test_a_key_finds_the_study_that_matches_and_no_other(sender: Sender, keyword: str, matcher: Matcher) -> None:
    study(sender)
    wanted = study(
        sender,
        patient={"PatientID": "P2", "PatientName": "Dupont^Anne"},
        StudyDescription="MR Knee",
        StudyDate="20250607",
        StudyTime="1312",
        AccessionNumber="B2",
        PatientAge="052Y",
    )

    assert uids(find(sender, **UID, **{keyword: matcher})) == [wanted]


def test_an_ideographic_group_is_found_by_wild_card(sender: Sender) -> None:
    wanted = study(sender, patient={"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"})
    study(sender)

    assert uids(find(sender, **UID, PatientName=WildCard("山田*"))) == [wanted]


def test_counts_and_modalities_are_computed(sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key(series="1.1.2", instance="1.1.2.1")), description(series={"Modality": "SR"}))
    sender.send(arrival("c", key(instance="1.1.1.2")))

    (found,) = find(
        sender,
        ModalitiesInStudy=SingleValue("SR"),
        NumberOfStudyRelatedSeries=Universal(),
        NumberOfStudyRelatedInstances=Universal(),
        SOPClassesInStudy=Universal(),
    )

    assert found["ModalitiesInStudy"] == "CT\\SR"
    assert (found["NumberOfStudyRelatedSeries"], found["NumberOfStudyRelatedInstances"]) == ("2", "3")


def test_a_patient_whom_only_what_lies_aside_names_has_the_counts_of_the_studies_found(sender: Sender) -> None:
    sender.send(arrival("a"), description({"PatientID": "P1"}))
    other = replace(arrival("b", source=PACS_B), same_content={digest_of("a"): False})
    sender.send(other, description({"PatientID": "P2"}))
    counted = [f"NumberOfPatientRelated{each}" for each in ("Studies", "Series", "Instances")]

    for patient in ("P1", "P2"):
        (found,) = find(sender, Level.PATIENT, PatientID=SingleValue(patient), **dict.fromkeys(counted, Universal()))
        assert [found[each] for each in counted] == ["1", "1", "1"]


def test_counts_of_the_levels_above_come_at_every_level(sender: Sender) -> None:
    """They belong to the patient, study or series of each match, not to whatever has its row number."""
    study(sender, patient={"PatientID": "P1"})
    for number, place in enumerate((("1.1.1", "1.1.1.1"), ("1.1.2", "1.1.2.1"), ("1.1.2", "1.1.2.2"))):
        sender.send(arrival(f"counted {number}", key("1.1", *place)))
    counted = ("NumberOfPatientRelatedStudies", "NumberOfStudyRelatedSeries", "ModalitiesInStudy")
    asked = dict.fromkeys(counted, Universal())
    wanted = {"NumberOfPatientRelatedStudies": "2", "NumberOfStudyRelatedSeries": "2", "ModalitiesInStudy": "CT"}

    (of_study,) = find(sender, Level.STUDY, **asked, StudyInstanceUID=SingleValue("1.1"))
    of_series = find(sender, Level.SERIES, **asked, StudyInstanceUID=SingleValue("1.1"))
    of_images = find(
        sender,
        Level.IMAGE,
        **asked,
        StudyInstanceUID=SingleValue("1.1"),
        NumberOfSeriesRelatedInstances=Universal(),
    )

    assert [each | wanted for each in (of_study, *of_series, *of_images)] == [of_study, *of_series, *of_images]
    assert [each["NumberOfSeriesRelatedInstances"] for each in of_images] == ["1", "2", "2"]


def test_a_study_of_two_patients_is_found_by_either_id_once(sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key(instance="1.1.1.2")), description({"PatientID": "P9"}))

    for patient_id in ("P1", "P9"):
        (found,) = find(sender, **UID, PatientID=SingleValue(patient_id))
        assert found == {"StudyInstanceUID": "1.1", "PatientID": patient_id}
    assert len(find(sender, **UID, PatientID=Universal())) == 1
    assert sender.index.reader.counts().flags == 1


def test_one_patient_id_of_two_issuers_is_two_patients(sender: Sender) -> None:
    sender.send(arrival("a", source=PACS_A))
    sender.send(arrival("b", key("1.2", "1.2.1", "1.2.1.1"), source=PACS_B))

    assert len(find(sender, Level.PATIENT, PatientID=SingleValue("P1"))) == 2


def test_a_version_kept_aside_is_not_found(sender: Sender) -> None:
    sender.send(arrival("a"))
    other = replace(arrival("b", source=PACS_B), same_content={digest_of("a"): False})
    sender.send(other)

    assert len(find(sender, Level.IMAGE, SOPInstanceUID=Universal())) == 1


def test_more_studies_than_a_window_are_all_found(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vna.index.candidates._SAMPLE", 3)
    monkeypatch.setattr("vna.index.candidates.PAGE", 2)
    sent = [study(sender) for _ in range(8)]

    assert uids(find(sender, **UID)) == sent


@pytest.mark.parametrize("sample", [2, 3, 4])
def test_a_patient_whose_studies_do_not_fit_in_a_window_is_found_by_the_last(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, sample: int
) -> None:
    monkeypatch.setattr("vna.index.candidates._SAMPLE", sample)
    monkeypatch.setattr("vna.index.candidates.Candidates._pays", lambda _candidates, _walk: True)
    for patient_id, name in (("P0", "A"), ("P1", "A"), ("P1", "A"), ("P1", "A"), ("P1", "B"), ("P2", "C")):
        study(sender, patient={"PatientID": patient_id, "PatientName": name})

    (found,) = find(sender, Level.PATIENT, PatientID=Universal(), PatientName=WildCard("*B"))

    assert found == {"PatientID": "P1", "PatientName": "B"}


def test_instances_come_by_series_and_instance_number(sender: Sender) -> None:
    for number in ("10", "9", "", "1"):
        at = key(instance=f"1.1.1.{number or 'x'}".replace("x", "99"))
        described = replace(description(), instance={"InstanceNumber": number} if number else {})
        sender.send(arrival(number, at), described)

    query = Query(Level.STUDY, Model.STUDY_ROOT, {"StudyInstanceUID": ListOfUID(("1.1", "1.2"))})

    assert [held.key.instance for held in sender.index.finder.instances(query)] == [
        "1.1.1.1",
        "1.1.1.9",
        "1.1.1.10",
        "1.1.1.99",
    ]
