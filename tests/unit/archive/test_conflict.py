"""The nine instances that disagree with each other, in their order, from one source (DESIGN section 2)."""

from pathlib import Path

import pytest

from sending import MODALITY, by_study
from shared_samples import SAMPLES, needs_samples
from storage_backends import MemoryContent
from vna.archive import Archive, Arrived
from vna.dicom.attributes import Level, Model
from vna.dicom.matching import SingleValue, Universal
from vna.dicom.part10 import find_data_set
from vna.dicom.query import Query
from vna.model import Outcome

# What 07 says is what 00 said, in Implicit VR: by then 03 is served, so it is the sender's newest word.
EXPECTED = {
    "00-first": (Outcome.STORED, 1),
    "01-same-uid-same-bytes": (Outcome.ALREADY_STORED, 1),
    "02-same-uid-other-header": (Outcome.NEW_VERSION, 2),
    "03-same-uid-other-pixels": (Outcome.NEW_VERSION, 3),
    "04-same-study-other-patient-id": (Outcome.STORED, 1),
    "05-same-series-uid-other-study": (Outcome.STORED, 1),
    "06-same-patient-id-other-issuer": (Outcome.STORED, 1),
    "07-same-uid-other-transfer-syntax": (Outcome.NEW_VERSION, 4),
    "08-same-study-other-study-date": (Outcome.STORED, 1),
}


def _files() -> list[Path]:
    return sorted((SAMPLES / "synthetic" / "conflict").iterdir())


def _store_all(archive: Archive) -> dict[str, tuple[Outcome, int]]:
    session = archive.session(MODALITY, "test")
    answers = {}
    for file in _files():
        raw = file.read_bytes()
        head = find_data_set(raw)
        content = MemoryContent(raw).part(head.length, len(raw) - head.length)
        stored = session.store(Arrived(content, head.transfer_syntax))
        answers[file.stem] = (stored.outcome, stored.version)
    return answers


@needs_samples
def test_each_of_the_nine_becomes_what_the_design_says(archive: Archive) -> None:
    assert _store_all(archive) == EXPECTED


@needs_samples
def test_nothing_of_the_nine_is_lost(archive: Archive) -> None:
    _store_all(archive)

    findings = list(archive.verify())

    assert [finding.problem for finding in findings] == [None] * 8
    assert len({finding.held.digest for finding in findings}) == 8


@needs_samples
@pytest.mark.parametrize("patient_id", ["SYN-CONFLICT", "SYN-OTHER"])
def test_the_study_of_two_patients_is_found_by_either_id(archive: Archive, patient_id: str) -> None:
    _store_all(archive)
    keys = {"PatientID": SingleValue(patient_id), "StudyInstanceUID": Universal(), "StudyDate": Universal()}

    found = list(archive.find(Query(Level.STUDY, Model.STUDY_ROOT, keys)))

    uids = [each["StudyInstanceUID"] for each in found]
    assert len(uids) == len(set(uids))
    assert any(str(uid).endswith("23324703") for uid in uids)


@needs_samples
def test_the_study_shows_the_date_of_its_earliest_live_instance(archive: Archive) -> None:
    _store_all(archive)
    (uid,) = [f.held.key.study for f in archive.verify() if f.held.version == 4]

    (found,) = by_study(archive, uid, "StudyDate", "NumberOfStudyRelatedInstances")

    assert found["StudyDate"] == "20200102"
    assert found["NumberOfStudyRelatedInstances"] == "3"
