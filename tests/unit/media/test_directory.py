"""A DICOMDIR names every instance, with keys of the right kind, and other readers can follow it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence
from pydicom.uid import (
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RTPlanStorage,
    RTStructureSetStorage,
    TwelveLeadECGWaveformStorage,
)

from conformance import oddities, phantoms
from storage_backends import MemoryContent
from vna.archive import HeldInstance
from vna.dicom.describe import key_of
from vna.dicom.scan import scan
from vna.media import MediaDirectory
from vna.media.records import read_keys, record_type
from vna.transfer.dicomdir import read_dicomdir
from vna.transfer.layout import MEDIA, Layout
from vna.transfer.selection import Selected


def _written(folder: Path, *data_sets: Dataset) -> FileDataset:
    """Write files and their DICOMDIR, and return what pydicom reads of it."""
    directory, layout = MediaDirectory(), Layout(MEDIA)
    for order, ds in enumerate(data_sets):
        data, syntax = phantoms.data_set_bytes(ds), str(ds.file_meta.TransferSyntaxUID)
        sop_class, key = key_of(scan(MemoryContent(data).buffer(), syntax))
        held = HeldInstance(1, key, sop_class, syntax, len(data), 1, "00")
        values = {"PatientID": str(ds.get("PatientID", "")), "PatientName": str(ds.get("PatientName", ""))}
        path = layout.path(Selected(held, True, values))
        file = phantoms.part10(ds)
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file)
        directory.add(order, path, held, file)
    (folder / "DICOMDIR").write_bytes(directory.to_bytes())
    return dcmread(folder / "DICOMDIR")


def _records(directory: Dataset, kind: str) -> list[Dataset]:
    return [record for record in directory.DirectoryRecordSequence if record.DirectoryRecordType == kind]


def test_pydicom_follows_it_to_every_instance(tmp_path: Path) -> None:
    data_sets = [*phantoms.every_image().values(), phantoms.ct_slice(number=2, size=16)]
    _written(tmp_path, *data_sets)

    found = FileSet(tmp_path / "DICOMDIR")

    assert {one.SOPInstanceUID for one in found} == {ds.SOPInstanceUID for ds in data_sets}
    assert all(one.load().SOPInstanceUID == one.SOPInstanceUID for one in found)
    found._stage["t"].cleanup()  # it has made ready to call the files otherwise


def test_offsets_lead_from_record_to_record(tmp_path: Path) -> None:
    slices = [phantoms.ct_slice(study=study, number=number, size=8) for study in (1, 2) for number in (1, 2, 3)]
    directory = _written(tmp_path, *slices)
    at = {record.seq_item_tell: record for record in directory.DirectoryRecordSequence}

    def level(offset: int) -> list[Dataset]:
        found = []
        while offset:
            found.append(at[offset])
            offset = at[offset].OffsetOfTheNextDirectoryRecord
        return found

    patients = level(directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity)
    studies = [study for patient in patients for study in level(patient.OffsetOfReferencedLowerLevelDirectoryEntity)]
    series = [each for study in studies for each in level(study.OffsetOfReferencedLowerLevelDirectoryEntity)]
    images = [image for each in series for image in level(each.OffsetOfReferencedLowerLevelDirectoryEntity)]

    assert at[directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity] is patients[-1]
    assert {study.StudyInstanceUID for study in studies} == {ds.StudyInstanceUID for ds in slices}
    assert [image.ReferencedSOPInstanceUIDInFile for image in images] == [ds.SOPInstanceUID for ds in slices]
    assert len(at) == len(patients) + len(studies) + len(series) + len(images)


def test_our_own_reader_finds_the_same_files(tmp_path: Path) -> None:
    _written(tmp_path, phantoms.ct_slice(size=8), phantoms.mr_slice())

    assert all((tmp_path.joinpath(*file_id)).is_file() for file_id in read_dicomdir(tmp_path / "DICOMDIR"))


@pytest.mark.parametrize("charset", oddities.PATIENT_NAMES)
def test_names_keep_their_character_set(tmp_path: Path, charset: str) -> None:
    directory = _written(tmp_path, oddities.in_character_set(charset))

    (patient,) = _records(directory, "PATIENT")
    assert str(patient.PatientName) == oddities.PATIENT_NAMES[charset]


def test_what_must_have_a_value_gets_one_and_what_may_be_empty_is_there(tmp_path: Path) -> None:
    ds = phantoms.ct_slice(size=8)
    for keyword in ("PatientID", "StudyDate", "StudyTime", "StudyID", "SeriesNumber", "InstanceNumber"):
        setattr(ds, keyword, None)
    for keyword in ("StudyDescription", "AccessionNumber"):
        if keyword in ds:
            delattr(ds, keyword)

    directory = _written(tmp_path, ds)

    (patient,), (study,), (series,), (image,) = (
        _records(directory, kind) for kind in ("PATIENT", "STUDY", "SERIES", "IMAGE")
    )
    required = [patient.PatientID, study.StudyDate, study.StudyTime, study.StudyID, image.InstanceNumber]
    assert all(value not in ("", None) for value in (*required, series.SeriesNumber))
    assert (study.StudyDescription, study.AccessionNumber) == ("", "")


def _document(sop_class: str, modality: str, **keys: object) -> Dataset:
    ds = oddities.structured_report()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.Modality = modality
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds


def _modified_report() -> Dataset:
    modifier, finding = Dataset(), Dataset()
    modifier.RelationshipType, finding.RelationshipType = "HAS CONCEPT MOD", "CONTAINS"
    modifier.ValueType = finding.ValueType = "TEXT"
    ds = oddities.structured_report()
    ds.ContentSequence = Sequence([modifier, finding])
    return ds


@pytest.mark.parametrize(
    ("ds", "kind", "keys"),
    [
        (oddities.structured_report(), "SR DOCUMENT", {"CompletionFlag": "COMPLETE"}),
        (
            oddities.encapsulated_pdf(study=40, size=1000),
            "ENCAP DOC",
            {"MIMETypeOfEncapsulatedDocument": "application/pdf"},
        ),
        (
            _document(RTPlanStorage, "RTPLAN", RTPlanLabel="boost"),
            "RT PLAN",
            {"RTPlanLabel": "boost", "RTPlanDate": ""},
        ),
        (
            _document(RTStructureSetStorage, "RTSTRUCT", StructureSetLabel="organs"),
            "RT STRUCTURE SET",
            {"StructureSetLabel": "organs"},
        ),
        (
            _document(GrayscaleSoftcopyPresentationStateStorage, "PR", ContentLabel="GREY"),
            "PRESENTATION",
            {"ContentLabel": "GREY", "PresentationCreationDate": "19000101"},
        ),
        (_document(KeyObjectSelectionDocumentStorage, "KO"), "KEY OBJECT DOC", {"ContentDate": "20240101"}),
        (_document(TwelveLeadECGWaveformStorage, "ECG"), "WAVEFORM", {"ContentDate": "20240101"}),
    ],
    ids=["sr", "pdf", "rtplan", "rtstruct", "pr", "ko", "ecg"],
)
def test_each_kind_of_instance_has_its_kind_of_record(
    tmp_path: Path, ds: Dataset, kind: str, keys: Mapping[str, str]
) -> None:
    (record,) = _records(_written(tmp_path, ds), kind)

    assert {keyword: str(record[keyword].value) for keyword in keys} == keys


def test_of_a_report_only_what_modifies_its_title_is_listed(tmp_path: Path) -> None:
    (record,) = _records(_written(tmp_path, _modified_report()), "SR DOCUMENT")

    assert [item.RelationshipType for item in record.ContentSequence] == ["HAS CONCEPT MOD"]


def test_a_header_that_cannot_be_read_is_still_listed(tmp_path: Path) -> None:
    ds = phantoms.ct_slice(size=8)
    data = phantoms.data_set_bytes(ds)
    _, key = key_of(scan(MemoryContent(data).buffer(), "1.2.840.10008.1.2.1"))
    held = HeldInstance(1, key, ds.SOPClassUID, "1.2.840.10008.1.2.1", len(data), 1, "00")
    directory = MediaDirectory()

    directory.add(0, "DICOM/P/S/E/I", held, b"no DICOM at all")
    (tmp_path / "DICOMDIR").write_bytes(directory.to_bytes())

    (image,) = _records(dcmread(tmp_path / "DICOMDIR"), "IMAGE")
    assert image.ReferencedSOPInstanceUIDInFile == ds.SOPInstanceUID


@pytest.mark.parametrize(
    ("arc", "kind"),
    {
        "2": "IMAGE",
        "4.1": "IMAGE",
        "4.2": "SPECTROSCOPY",
        "66": "RAW DATA",
        "66.4": "IMAGE",
        "88.59": "KEY OBJECT DOC",
        "481.1": "IMAGE",
        "481.10": "RADIOTHERAPY",
        "481.8": "RT PLAN",
        "9.1.1": "WAVEFORM",
        "104.1": "ENCAP DOC",
    }.items(),
)
def test_the_record_follows_from_the_sop_class(arc: str, kind: str) -> None:
    assert record_type(f"1.2.840.10008.5.1.4.1.1.{arc}") == kind


def test_a_header_that_cannot_be_read_to_its_keys_is_no_error() -> None:
    head = phantoms.part10(phantoms.ct_slice(size=16))
    head = head[: len(head) - len(phantoms.data_set_bytes(phantoms.ct_slice(size=16)))]
    broken = b"\x08\x00\x12\x21UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff\x08\x00"

    assert len(read_keys(head + broken, "1.2.840.10008.1.2.1")) == 0
