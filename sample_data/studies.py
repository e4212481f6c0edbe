"""Studies and series, and what every kind of object says about patient, study, series and equipment."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from sample_data.identity import Seed
from sample_data.people import Patient


@dataclass(frozen=True, slots=True)
class Equipment:
    """What made the objects of a series (PS3.3 C.7.5.1)."""

    manufacturer: str
    model: str
    serial: str
    software: str
    station: str

    def describe(self, ds: Dataset) -> None:
        """Fill in the General Equipment module, but for the institution."""
        ds.Manufacturer, ds.ManufacturerModelName = self.manufacturer, self.model
        ds.DeviceSerialNumber, ds.SoftwareVersions, ds.StationName = self.serial, self.software, self.station


@dataclass(frozen=True, slots=True)
class Study:
    """One study: of whom, when, what, and in which character set it is written (PS3.3 C.12.1.1.2).

    `name` is what UIDs and random numbers follow from; it differs between studies.
    """

    seed: Seed
    name: str
    patient: Patient
    when: datetime
    description: str
    accession: str
    charset: tuple[str, ...]
    referring: str = ""

    @property
    def uid(self) -> UID:
        """Its Study Instance UID."""
        return self.seed.uid("study", self.name)

    @property
    def frame_of_reference(self) -> UID:
        """The Frame of Reference UID of the images in it that share one."""
        return self.seed.uid("frame of reference", self.name)

    def describe(self, ds: Dataset) -> None:
        """Fill in Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1) and the character set."""
        if self.charset:
            ds.SpecificCharacterSet = list(self.charset) if len(self.charset) > 1 else self.charset[0]
        self.patient.describe(ds)
        ds.StudyInstanceUID, ds.StudyID = self.uid, self.accession[-4:]
        ds.StudyDate, ds.StudyTime = date(self.when), time(self.when)
        ds.AccessionNumber, ds.StudyDescription = self.accession, self.description
        ds.ReferringPhysicianName = self.referring
        age = (self.when - datetime.strptime(self.patient.birth_date, "%Y%m%d").replace(tzinfo=self.when.tzinfo)).days
        ds.PatientAge = f"{age * 100 // 36525:03d}Y"


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a study. `minutes` is how long after the start of the study it begins."""

    study: Study
    number: int
    modality: str
    description: str
    equipment: Equipment
    minutes: int = 0

    @property
    def uid(self) -> UID:
        """Its Series Instance UID."""
        return self.study.seed.uid("series", self.study.name, self.number)

    @property
    def when(self) -> datetime:
        """When it begins."""
        return self.study.when + timedelta(minutes=self.minutes)

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers of this series, the same at every call."""
        return self.study.seed.rng("series", self.study.name, self.number)

    def instance_uid(self, number: int) -> UID:
        """Return the SOP Instance UID of the numbered instance."""
        return self.study.seed.uid("instance", self.study.name, self.number, number)

    def new_instance(self, sop_class: UID, number: int) -> Dataset:
        """Return a data set in Explicit VR Little Endian with everything but what is particular to its kind."""
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = sop_class, self.instance_uid(number)
        self.describe(ds)
        made = self.when + timedelta(seconds=number)
        ds.InstanceNumber = number
        ds.InstanceCreationDate, ds.InstanceCreationTime = date(made), time(made)
        ds.ContentDate, ds.ContentTime = date(made), time(made)
        return ds

    def describe(self, ds: Dataset) -> None:
        """Fill in patient, study, series and equipment (PS3.3 C.7.3.1, C.7.5.1)."""
        self.study.describe(ds)
        ds.Modality, ds.SeriesDescription = self.modality, self.description
        ds.SeriesInstanceUID, ds.SeriesNumber = self.uid, self.number
        ds.SeriesDate, ds.SeriesTime = date(self.when), time(self.when)
        self.equipment.describe(ds)
        ds.InstitutionName = self.study.patient.institution.name
        ds.InstitutionAddress = self.study.patient.institution.address


def date(moment: datetime) -> str:
    """Return a moment's date as a DA value (PS3.5 6.2)."""
    return moment.strftime("%Y%m%d")


def time(moment: datetime) -> str:
    """Return a moment's time of day as a TM value (PS3.5 6.2)."""
    return moment.strftime("%H%M%S")


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return an item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def item(**attributes: object) -> Dataset:
    """Return an item of a sequence with these attributes, by keyword; a data set or a list of them is a sequence."""
    ds = Dataset()
    for keyword, value in attributes.items():
        if isinstance(value, Dataset):
            value = [value]
        setattr(ds, keyword, Sequence(value) if isinstance(value, list) and _all_items(value) else value)
    return ds


def describe_pixels(ds: Dataset, pixels: NDArray[np.generic], *, stored_bits: int) -> None:
    """Fill in the Image Pixel module (PS3.3 C.7.6.3) of one frame: (rows, columns) or (rows, columns, 3)."""
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = pixels.dtype.itemsize * 8, stored_bits, stored_bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.tobytes()
    ds.add_new("PixelData", "OB" if pixels.dtype.itemsize == 1 else "OW", data + b"\0" * (len(data) % 2))


def _all_items(values: list[object]) -> bool:
    return bool(values) and all(isinstance(value, Dataset) for value in values)
