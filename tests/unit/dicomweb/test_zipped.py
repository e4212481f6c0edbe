"""Studies as ZIP: every file as it came, with a DICOMDIR that readers follow, whatever the size."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from pydicom import Dataset, dcmread
from starlette.testclient import TestClient

from conformance import oddities, phantoms
from image_kinds import EXPLICIT_LE, IMPLICIT_LE
from sending import Sending
from vna.media import zipping

ZIP = {"Accept": "application/zip"}


def unzipped(content: bytes, folder: Path) -> Path:
    """Unpack a ZIP, which is tested on the way."""
    with ZipFile(BytesIO(content)) as opened:
        assert opened.testzip() is None
        opened.extractall(folder)
    return folder


def records(folder: Path) -> list[tuple[Dataset, Path]]:
    """Return the records of instances of a DICOMDIR, each with the file it names."""
    found = dcmread(folder / "DICOMDIR").DirectoryRecordSequence
    return [(record, folder.joinpath(*record.ReferencedFileID)) for record in found if "ReferencedFileID" in record]


def test_a_study_unpacks_to_a_file_set(web: TestClient, sending: Sending, tmp_path: Path) -> None:
    sent = [*phantoms.ct_series(3, size=32), oddities.structured_report(), phantoms.rle_multiframe()]
    for ds in sent:
        ds.StudyInstanceUID, ds.PatientID = sent[0].StudyInstanceUID, sent[0].PatientID
        sending.store(ds)

    answer = web.get(f"/dicom-web/studies/{sent[0].StudyInstanceUID}", headers=ZIP)

    folder = unzipped(answer.content, tmp_path / "unzipped")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{sent[0].StudyInstanceUID}.zip"'
    found = {record.ReferencedSOPInstanceUIDInFile: file for record, file in records(folder)}
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(sent) + 1
    for ds in sent:
        data = found[ds.SOPInstanceUID].read_bytes()
        assert data.endswith(phantoms.data_set_bytes(ds))
        assert dcmread(BytesIO(data)).file_meta.TransferSyntaxUID == ds.file_meta.TransferSyntaxUID


def test_files_are_as_they_came_unless_a_transfer_syntax_is_named(
    web: TestClient, sending: Sending, tmp_path: Path
) -> None:
    ds = phantoms.in_syntax(phantoms.ct_slice(size=32), IMPLICIT_LE)
    sending.store(ds)
    series = f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"

    for accept, syntax in (
        ("application/zip", IMPLICIT_LE),
        (f"application/zip; transfer-syntax={EXPLICIT_LE}", EXPLICIT_LE),
    ):
        folder = unzipped(web.get(series, headers={"Accept": accept}).content, tmp_path / syntax)
        ((record, file),) = records(folder)
        assert record.ReferencedTransferSyntaxUIDInFile == syntax
        assert file.read_bytes().endswith(phantoms.data_set_bytes(ds, syntax))


def test_members_beyond_four_gigabytes_are_announced(
    web: TestClient, sending: Sending, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipping, "_ZIP64_FROM", 10)
    ds = phantoms.ct_slice(size=32)
    sending.store(ds)

    answer = web.get(f"/dicom-web/studies/{ds.StudyInstanceUID}", headers=ZIP)

    assert answer.content[4:6] == b"\x2d\x00"  # version 4.5 is needed to unpack it: ZIP64
    assert len(records(unzipped(answer.content, tmp_path / "unzipped"))) == 1
