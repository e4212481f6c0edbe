"""Many instances for benchmarks: CT studies with real-looking pixels, small studies with real-looking demographics.

Made fast enough that making them is not what a benchmark measures; the same arguments give the same bytes.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, SecondaryCaptureImageStorage

from conformance import phantoms

SLICES_PER_STUDY = 100

_FAMILY_NAMES = (
    "MARTIN",
    "BERNARD",
    "THOMAS",
    "PETIT",
    "ROBERT",
    "RICHARD",
    "DURAND",
    "DUBOIS",
    "MOREAU",
    "LAURENT",
    "SIMON",
    "MICHEL",
    "LEFEVRE",
    "LEROY",
    "ROUX",
    "DAVID",
    "BERTRAND",
    "MOREL",
    "FOURNIER",
    "GIRARD",
    "BONNET",
    "DUPONT",
    "LAMBERT",
    "FONTAINE",
    "ROUSSEAU",
    "VINCENT",
    "MULLER",
    "FAURE",
    "ANDRE",
    "MERCIER",
)
_GIVEN_NAMES = (
    "MARIE",
    "JEAN",
    "PIERRE",
    "MICHEL",
    "ANDRE",
    "PHILIPPE",
    "RENE",
    "LOUIS",
    "ALAIN",
    "JACQUES",
    "MARCEL",
    "DANIEL",
    "ROGER",
    "PAUL",
    "CLAUDE",
    "HENRI",
    "GEORGES",
    "NICOLAS",
    "CATHERINE",
    "NATHALIE",
    "ISABELLE",
    "SYLVIE",
    "SUZANNE",
    "JACQUELINE",
)
_MODALITIES = ("CT", "MR", "CR", "DX", "US", "MG", "NM", "PT", "XA", "RF")
_SOP_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage}
_BODY_PARTS = ("CHEST", "ABDOMEN", "HEAD", "SPINE", "KNEE")
_LONG_VRS = ("OB", "OW", "SQ", "UN", "UT")


@dataclass(frozen=True, slots=True)
class Instance:
    """One encoded instance, ready for C-STORE: `data` is its data set in `transfer_syntax`."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StudyNames:
    """What the small study of this number can be asked for by."""

    study_instance_uid: str
    patient_id: str
    accession_number: str


def ct_instances(n: int, *, first: int = 0, label: str = "corpus", size: int = 512) -> Iterator[Instance]:
    """Yield `n` different CT slices of `size` x `size` pixels, 100 to a study, from number `first` on.

    `label` is part of every UID: another label gives other instances of the same pixels.
    """
    template = phantoms.ct_slice(size=size)
    for number in range(first, first + n):
        study = number // SLICES_PER_STUDY
        template.StudyInstanceUID = phantoms.uid(label, study)
        template.SeriesInstanceUID = phantoms.uid(label, study, 1)
        template.SOPInstanceUID = phantoms.uid(label, study, 1, number)
        template.PatientID, template.PatientName = f"{label[:40]}-{study}", _name(_random(study))
        template.AccessionNumber, template.StudyID = f"C{study}", str(study)
        template.InstanceNumber = number % SLICES_PER_STUDY + 1
        template.PixelData = phantoms.chest(number, size=size).tobytes()
        data = phantoms.data_set_bytes(template)
        yield Instance(CTImageStorage, template.SOPInstanceUID, ExplicitVRLittleEndian, data)


def write_ct_files(folder: Path, n: int, *, first: int = 0) -> None:
    """Write `n` CT slices, from number `first` on, as Part 10 files into the folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, instance in enumerate(ct_instances(n, first=first), first):
        head = phantoms.part10_head(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax)
        (folder / f"{number:06d}.dcm").write_bytes(head + instance.data)


def small_study_names(number: int) -> StudyNames:
    """Return what identifies the numbered small study; three studies to a patient."""
    return StudyNames(str(phantoms.uid("small", number)), f"IPP{number // 3:08d}", f"ACC{number:09d}")


def small_studies(n: int, *, first: int = 0) -> Iterator[Instance]:
    """Yield `n` studies of one tiny instance each, encoded element by element: more than 5,000 a second."""
    for number in range(first, first + n):
        yield _small_study(number)


def _small_study(number: int) -> Instance:
    names = small_study_names(number)
    person, study = _random(number // 3), _random(~number)
    modality = _MODALITIES[number % len(_MODALITIES)]
    sop_class = str(_SOP_CLASSES.get(modality, SecondaryCaptureImageStorage))
    instance_uid = f"{names.study_instance_uid}.1.1"
    elements = (
        (0x00080016, "UI", sop_class),
        (0x00080018, "UI", instance_uid),
        (0x00080020, "DA", f"{study.randrange(2005, 2026)}{study.randrange(1, 13):02d}{study.randrange(1, 28):02d}"),
        (0x00080030, "TM", f"{study.randrange(7, 20):02d}{study.randrange(60):02d}{study.randrange(60):02d}"),
        (0x00080050, "SH", names.accession_number),
        (0x00080060, "CS", modality),
        (0x00080090, "PN", _name(_random(number % 50))),
        (0x00081030, "LO", f"{study.choice(_BODY_PARTS)} {modality}"),
        (0x00100010, "PN", _name(person)),
        (0x00100020, "LO", names.patient_id),
        (0x00100030, "DA", f"{person.randrange(1930, 2020)}{person.randrange(1, 13):02d}{person.randrange(1, 28):02d}"),
        (0x00100040, "CS", person.choice("MF")),
        (0x0020000D, "UI", names.study_instance_uid),
        (0x0020000E, "UI", f"{names.study_instance_uid}.1"),
        (0x00200010, "SH", str(number)),
        (0x00200011, "IS", "1"),
        (0x00200013, "IS", "1"),
    )
    data = b"".join(explicit_element(tag, vr, text.encode()) for tag, vr, text in elements) + _TINY_PIXELS
    return Instance(sop_class, instance_uid, ExplicitVRLittleEndian, data)


def explicit_element(tag: int, vr: str, value: bytes) -> bytes:
    """Return one element in Explicit VR Little Endian, padded to even length (PS3.5 6.2, 7.1.2)."""
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in _LONG_VRS:
        return head + struct.pack("<xxI", len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def _random(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same seed must give the same person


def _name(chosen_by: random.Random) -> str:
    return f"{chosen_by.choice(_FAMILY_NAMES)}^{chosen_by.choice(_GIVEN_NAMES)}"


_TINY_PIXELS = b"".join(
    (
        explicit_element(0x00280002, "US", struct.pack("<H", 1)),
        explicit_element(0x00280004, "CS", b"MONOCHROME2"),
        *(explicit_element(0x00280000 + n, "US", struct.pack("<H", 2)) for n in (0x10, 0x11)),
        *(explicit_element(0x00280100 + n, "US", struct.pack("<H", v)) for n, v in enumerate((16, 12, 11, 0))),
        explicit_element(0x7FE00010, "OW", bytes(8)),
    )
)
