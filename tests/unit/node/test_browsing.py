"""The study browser's search finds what people type, in part and in any order, and shows the latest first."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from conformance import phantoms
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.console import PAGE_SIZE, StudySearch
from vna.index import open_index
from vna.node import browsing

TODAY = date(2026, 3, 1)
STUDIES = {
    1: ("Lefèvre-Nuñez^Éloïse", "4711", "20260301", "Scanner thoracique injecté", "CT"),
    2: ("Martin^Jean", "AB/12", "20260225", "Thorax PA", "CR"),
    3: ("Martin^Jeanne", "4712", "20250612", "IRM cérébrale", "MR"),
    4: ("山田^太郎=ヤマダ^タロウ", "99", "19990101", "", "CT"),
    5: ("", "MARTINET", "20260301", "50% + contrôle", "US"),
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = _archive(tmp_path_factory.mktemp("browsing"))
    sending = Sending(archive)
    for number, (name, patient_id, day, description, modality) in STUDIES.items():
        ds = phantoms.ct_slice(study=number, size=16)
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.PatientName, ds.PatientID, ds.StudyDate = name, patient_id, day
        ds.StudyDescription, ds.Modality, ds.StudyTime = description, modality, f"0{number}0000"
        sending.store(ds)
    yield archive
    archive.close()


def _archive(folder: Path) -> Archive:
    blobs = BlobStore(Memory())
    index = open_index(f"sqlite:///{folder / 'index.sqlite'}")
    return Archive(index, blobs, Spool(folder), Room(blobs, min_free_percent=0, min_free_bytes=0))


NUMBERS = {str(phantoms.ct_slice(study=number, size=16).StudyInstanceUID): number for number in STUDIES}


def found(archive: Archive, asked: StudySearch) -> list[int]:
    return [NUMBERS[study.uid] for study in browsing.study_search(archive, lambda: TODAY)(asked).studies]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (StudySearch(patient="martin"), [2, 3]),
        (StudySearch(patient="jean martin"), [2, 3]),
        (StudySearch(patient="Jeanne, Martin"), [2, 3]),
        (StudySearch(patient="lefevre eloise"), [1]),
        (StudySearch(patient="NUNEZ"), [1]),
        (StudySearch(patient="山田"), [4]),
        (StudySearch(patient="47"), [1, 3]),
        (StudySearch(patient="4712"), [3]),
        (StudySearch(patient="AB/12"), [2]),
        (StudySearch(patient="MARTINET"), [5]),
        (StudySearch(patient="nobody"), []),
        (StudySearch(patient="%"), []),
        (StudySearch(modality="CT"), [1, 4]),
        (StudySearch(description="thora"), [1, 2]),
        (StudySearch(description="INJECTE scanner"), [1]),
        (StudySearch(description="cerebrale"), [3]),
        (StudySearch(description="controle 50%"), [5]),
        (StudySearch(first_date=date(2026, 2, 1)), [5, 1, 2]),
        (StudySearch(last_date=date(2025, 12, 31)), [3, 4]),
        (StudySearch(first_date=date(2025, 6, 12), last_date=date(2025, 6, 12)), [3]),
        (StudySearch(patient="martin", modality="MR"), [3]),
        (StudySearch(), [5, 1, 2, 3, 4]),
    ],
    ids=lambda value: repr(value) if isinstance(value, StudySearch) else None,
)
def test_what_is_typed_finds_its_studies_latest_first(archive: Archive, asked: StudySearch, numbers: list[int]) -> None:
    assert found(archive, asked) == numbers


def test_a_study_is_told_as_the_index_has_it(archive: Archive) -> None:
    (study,) = browsing.study_search(archive)(StudySearch(patient="lefevre")).studies

    assert (study.patient_name, study.patient_id, study.date) == STUDIES[1][:3]
    assert (study.modalities, study.series, study.instances) == ("CT", "1", "1")


def test_a_patient_id_is_that_of_its_issuer_alone(tmp_path: Path) -> None:
    archive = _archive(tmp_path)
    sending, search = Sending(archive), browsing.study_search(archive, lambda: TODAY)
    for study, (issuer, name) in enumerate((("NORTH", "Nord^A"), ("SOUTH", "Sud^B"), ("", "Rien^C")), start=1):
        ds = phantoms.ct_slice(study=study, size=16)
        ds.PatientID, ds.IssuerOfPatientID, ds.PatientName = "7", issuer, name
        sending.store(ds)

    north = search(StudySearch(patient_id="7", issuer="NORTH")).studies
    neither = search(StudySearch(patient_id="7")).studies
    south = search(StudySearch(issuer="SOUTH", patient="sud")).studies
    nobody = search(StudySearch(patient_id="7", issuer="NORTH", patient="sud")).studies

    archive.close()
    assert [(study.patient_name, study.issuer) for study in north] == [("Nord^A", "NORTH")]
    assert [(study.patient_name, study.issuer) for study in neither] == [("Rien^C", "")]
    assert [study.patient_name for study in south] == ["Sud^B"]
    assert not nobody


def test_with_enough_of_today_nothing_older_is_looked_for(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "PAGE_SIZE", 2)

    assert found(archive, StudySearch()) == [5, 1]
    assert browsing.study_search(archive, lambda: TODAY)(StudySearch()).within_days == 0


def test_days_are_added_until_there_are_enough(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "PAGE_SIZE", 3)

    shown = browsing.study_search(archive, lambda: TODAY)(StudySearch())

    assert ([NUMBERS[study.uid] for study in shown.studies], shown.within_days) == ([5, 1, 2], 7)


def test_pages_are_cut_behind_the_sorting(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "PAGE_SIZE", 2)

    pages = [found(archive, StudySearch(last_date=TODAY, page=page)) for page in (1, 2, 3, 4)]

    assert pages == [[5, 1], [2, 3], [4], []]


@pytest.mark.parametrize(
    ("asked", "numbers", "days"),
    [
        (StudySearch(first_date=date(1990, 1, 1)), [5, 1], 0),
        (StudySearch(last_date=date(2026, 2, 28)), [2, 3], 366),
        (StudySearch(first_date=date(2026, 2, 26), last_date=date(2026, 3, 1)), [5, 1], None),
    ],
)
def test_of_too_many_the_latest_are_looked_for(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, asked: StudySearch, numbers: list[int], days: int | None
) -> None:
    monkeypatch.setattr(browsing, "MOST", 2)
    monkeypatch.setattr(browsing, "PAGE_SIZE", 2)

    shown = browsing.study_search(archive, lambda: TODAY)(asked)

    assert ([NUMBERS[study.uid] for study in shown.studies], shown.within_days) == (numbers, days)


def test_of_too_many_it_is_said_that_there_are_more(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "MOST", 2)

    shown = browsing.study_search(archive, lambda: date(2100, 1, 1))(StudySearch(first_date=date(1990, 1, 1)))

    assert (shown.count, shown.more, shown.within_days) == (2, True, None)


@pytest.mark.parametrize("text", ["a\\b*", "==", "^^", "*", "?", "a" * 64, "%_'\"", "=a=b=c=d"])
def test_no_text_breaks_the_search(archive: Archive, text: str) -> None:
    for asked in (StudySearch(patient=text), StudySearch(description=text), StudySearch(modality=text)):
        assert len(found(archive, asked)) <= PAGE_SIZE
