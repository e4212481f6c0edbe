"""The objects of one run: recognisable, and of this run alone.

Every UID lies under one root (2.25 and a random UUID, PS3.5 B.2), every Patient ID begins with one label, every patient
is called CONFORMANCE. Studies are numbered; study n has the UID root.n, its series root.n.m, its instances root.n.m.k.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from conformance import kinds, oddities, phantoms
from conformance.codestreams import compressed_image
from conformance.corpus import Instance
from conformance.notes import rejection_note
from conformance.oddities import code

KINDS: Mapping[str, Callable[[], Dataset]] = MappingProxyType(
    {
        "ct": lambda: phantoms.ct_slice(size=64),
        "mr": phantoms.mr_slice,
        "cr": phantoms.cr_image,
        "mg": kinds.mammogram,
        "us-multiframe": lambda: phantoms.us_multiframe(frames=2),
        "enhanced-ct": kinds.enhanced_ct,
        "segmentation": lambda: kinds.segmentation(phantoms.ct_slice(size=64)),
        "sr": oddities.structured_report,
        "pdf": oddities.encapsulated_pdf,
        "rt-structure-set": lambda: kinds.structure_set(phantoms.ct_slice(size=64)),
        "ecg": kinds.ecg,
        "whole-slide": kinds.whole_slide,
    }
)
"""One phantom of each kind of object, in Explicit VR Little Endian."""

SYNTAXES: Mapping[str, Callable[[], Dataset]] = MappingProxyType(
    {
        "implicit": lambda: phantoms.in_syntax(phantoms.ct_slice(size=64), ImplicitVRLittleEndian),
        "big-endian": lambda: phantoms.in_syntax(phantoms.ct_slice(size=64), ExplicitVRBigEndian),
        "deflated": lambda: phantoms.in_syntax(oddities.structured_report(), DeflatedExplicitVRLittleEndian),
        "rle": lambda: phantoms.rle_multiframe(frames=2),
        "jpeg-baseline": lambda: phantoms.jpeg_multiframe(frames=2),
        "jpeg-lossless": lambda: compressed_image("1.2.840.10008.1.2.4.70", study=1),
        "jpeg-ls": lambda: compressed_image("1.2.840.10008.1.2.4.80", study=1),
        "jpeg-2000-lossless": lambda: compressed_image("1.2.840.10008.1.2.4.90", study=1),
        "jpeg-2000": lambda: compressed_image("1.2.840.10008.1.2.4.91", study=1),
    }
)
"""One phantom in each transfer syntax beside Explicit VR Little Endian."""

ODDITIES: Mapping[str, Callable[[], Dataset]] = MappingProxyType(
    {
        "private-elements": lambda: oddities.private_bulk(size=3000),
        "nested-sequences": lambda: oddities.nested(16),
        "undefined-lengths": oddities.undefined_lengths,
    }
)
"""Data sets off the beaten track."""

QUERIED: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        f"query-{study}-{series}-{number}": (study, series, number)
        for study, series, number in (
            (1, 1, 1),
            (1, 1, 2),
            (1, 1, 3),
            (1, 2, 1),
            (1, 2, 2),
            (2, 1, 1),
            (3, 1, 1),
            (4, 1, 1),
            (5, 1, 1),
            (6, 1, 1),
        )
    }
)
"""The instances that queries are made of, as numbers of study, series and instance."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "ISO_IR 100": "CONFORMANCE^Müller",
        "ISO_IR 192": "CONFORMANCE^Wang=王^小東",
        "\\ISO 2022 IR 87": "CONFORMANCE^Yamada=山田^太郎",
    }
)
"""The patients of studies 4 to 6, by the Specific Character Set of their names."""

REJECTED: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {"rejected": (19, 1, 1), "not-rejected": (19, 1, 2), "rejection-note": (19, 2, 1)}
)
"""Two images of one study, and the note that rejects the first of them, as numbers of study, series and instance."""

_FIRST_KIND = 20


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the study of a query is like; the Patient ID is the run's label and `patient`."""

    patient: str
    name: str
    modality: str
    date: str
    time: str
    charset: str = ""


STUDIES: Mapping[int, StudyFacts] = MappingProxyType(
    {
        1: StudyFacts("A", "CONFORMANCE^CHECK", "CT", "20240115", "101530"),
        2: StudyFacts("A", "CONFORMANCE^CHECK", "MR", "20240220", "233000"),
        3: StudyFacts("B", "CONFORMANCE^OTHER", "CR", "20231231", "080000"),
    }
    | {
        4 + n: StudyFacts("CDE"[n], name, "OT", "20240301", "120000", charset)
        for n, (charset, name) in enumerate(NAMES.items())
    }
)
"""The studies that queries are made of."""


class TestObjects:
    """Makes the objects of one run; the same run gives the same bytes."""

    __test__ = False  # not a class of tests

    def __init__(self, run: uuid.UUID) -> None:
        self.root = f"2.25.{run.int}"
        self.label = f"CFM{run.hex[:8].upper()}"
        self.instance = cache(self._instance)
        """Returns the encoded instance of a name; ValueError if there is none."""

    def uid(self, *numbers: int) -> str:
        """Return the UID of a study, series or instance, by numbers from the study on."""
        return ".".join(map(str, (self.root, *numbers)))

    def patient_id(self, study: int) -> str:
        """Return the Patient ID of a study that queries are made of."""
        return f"{self.label}-{STUDIES[study].patient}"

    def accession_number(self, study: int) -> str:
        """Return the Accession Number of a study."""
        return f"{self.label}-{study}"

    def numbers(self, name: str) -> tuple[int, int, int]:
        """Return the numbers of study, series and instance by the name of an object.

        Raises:
            ValueError: there is none of this name.
        """
        known = QUERIED.get(name) or REJECTED.get(name)
        return known or (_FIRST_KIND + _OTHERS.index(name), 1, 1)

    def anonymous(self, text: str) -> str:
        """Return a text without what is of this run alone, so that two runs say the same."""
        return text.replace(self.root, "RUN").replace(self.label, "RUN").replace(self.label.lower(), "run")

    def of_study(self, study: int, *, series: int = 1, number: int = 1) -> Dataset:
        """Return a data set of one of the studies that queries are made of."""
        facts = STUDIES[study]
        ds = oddities.secondary_capture(study=study, number=number)
        self._identify(ds, (study, series, number))
        if facts.charset:
            ds.SpecificCharacterSet = facts.charset.split("\\")
        ds.PatientName, ds.PatientID = facts.name, self.patient_id(study)
        ds.Modality, ds.SeriesNumber, ds.InstanceNumber = facts.modality, series, number
        ds.StudyDate, ds.StudyTime, ds.StudyID = facts.date, facts.time, f"{study}"
        ds.StudyDescription, ds.SeriesDescription = f"CONFORMANCE CHECK {study}", f"CHECK SERIES {series}"
        ds.ReferringPhysicianName = "REFERRER^ONE" if study == 1 else "REFERRER^TWO"
        ds.ProcedureCodeSequence = [code(f"CHECK{study}", "99CHECK", f"Check {study}")]
        request = Dataset()
        request.RequestedProcedureID, request.ScheduledProcedureStepID = f"RP{study}-{series}", f"SPS{study}-{series}"
        ds.RequestAttributesSequence = [request]
        return ds

    def _instance(self, name: str) -> Instance:
        numbers = self.numbers(name)
        if name in QUERIED:
            study, series, number = numbers
            return oddities.encoded(self.of_study(study, series=series, number=number))
        ds = self._of_rejection(name) if name in REJECTED else _MAKERS[name]()
        self._identify(ds, numbers)
        return oddities.encoded(ds)

    def _of_rejection(self, name: str) -> Dataset:
        image = phantoms.ct_slice(size=64)
        if name != "rejection-note":
            return image
        self._identify(image, REJECTED["rejected"])
        return rejection_note([image])

    def _identify(self, ds: Dataset, numbers: tuple[int, int, int]) -> None:
        study, series, _number = numbers
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = (
            "CONFORMANCE^KINDS",
            f"{self.label}K",
            "19700101",
            "O",
        )
        ds.StudyInstanceUID, ds.SeriesInstanceUID = self.uid(study), self.uid(study, series)
        ds.SOPInstanceUID = UID(self.uid(*numbers))
        ds.AccessionNumber, ds.StudyID = self.accession_number(study), str(study)


_MAKERS = {
    **KINDS,
    **{f"syntax-{name}": make for name, make in SYNTAXES.items()},
    **{f"odd-{name}": make for name, make in ODDITIES.items()},
}
_OTHERS = tuple(_MAKERS)
