"""Corpora for benchmarks: quick to make, different where they must be, valid DICOM."""

import time
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.filereader import read_dataset

from conformance import corpus


def test_a_small_study_holds_what_its_names_say() -> None:
    (instance,) = corpus.small_studies(1, first=12_345)

    ds = read_dataset(BytesIO(instance.data), is_implicit_VR=False, is_little_endian=True)

    names = corpus.small_study_names(12_345)
    assert (ds.StudyInstanceUID, ds.PatientID) == (names.study_instance_uid, names.patient_id)
    assert (ds.AccessionNumber, ds.SOPInstanceUID) == (names.accession_number, instance.sop_instance_uid)
    assert len(ds.PixelData) == 8


def test_small_studies_are_made_faster_than_any_server_takes_them() -> None:
    begin = time.process_time()

    made = list(corpus.small_studies(2_000))

    assert len({instance.sop_instance_uid for instance in made}) == 2_000
    assert (time.process_time() - begin) < 2_000 / 2_500  # on a quiet machine four times as fast


def test_three_studies_share_a_patient_and_its_demographics() -> None:
    studies = [
        read_dataset(BytesIO(instance.data), is_implicit_VR=False, is_little_endian=True)
        for instance in corpus.small_studies(4)
    ]

    people = [(ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex) for ds in studies]
    assert people[0] == people[1] == people[2] != people[3]


def test_ct_slices_differ_and_a_hundred_make_a_study() -> None:
    made = list(corpus.ct_instances(3, first=98))

    studies = [
        read_dataset(BytesIO(instance.data), is_implicit_VR=False, is_little_endian=True).StudyInstanceUID
        for instance in made
    ]
    assert studies[0] == studies[1] != studies[2]
    assert len({instance.data[-524_288:] for instance in made}) == 3


def test_files_are_part_10_files_of_the_same_slices(tmp_path: Path) -> None:
    corpus.write_ct_files(tmp_path / "new", 2)

    files = [dcmread(path) for path in sorted((tmp_path / "new").iterdir())]
    assert [ds.SOPInstanceUID for ds in files] == [one.sop_instance_uid for one in corpus.ct_instances(2)]
    assert all(ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID for ds in files)
