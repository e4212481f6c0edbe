"""Data sets as files: Part 10 (PS3.10 7.1), in folders that a person can find their way in."""

import re
import unicodedata
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from sample_data.people import EVERYONE

IMPLEMENTATION = UID("2.25.161386929398126117541226416062934711529")
"""The Implementation Class UID of the files (PS3.7 D.3.3.2)."""


def write(folder: Path, ds: Dataset) -> Path:
    """Write a data set below a folder, as institution/patient/study/series/instance.dcm, and return where.

    The character set is that of the data set; what it cannot say is an error, not a question mark.
    """
    path = folder / _place(ds)
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = ds.file_meta
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.ImplementationClassUID, meta.ImplementationVersionName = IMPLEMENTATION, "VNA_SAMPLES"
    ds.save_as(path, enforce_file_format=True)
    return path


def _place(ds: Dataset) -> Path:
    institution = next(p.institution for p in EVERYONE if p.institution.name == ds.InstitutionName)
    study = f"{ds.StudyDate}-{_plain(ds.StudyDescription)}"
    series = f"{int(ds.SeriesNumber):03d}-{ds.Modality.lower()}-{_plain(ds.SeriesDescription)}"
    return Path(institution.folder, ds.PatientID, study, series, f"{int(ds.InstanceNumber):04d}.dcm")


def _plain(text: str) -> str:
    """Return a text as a file name: small letters without accents, digits and hyphens."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
