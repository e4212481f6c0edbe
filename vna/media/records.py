"""What a DICOMDIR says of each patient, study, series and instance (PS3.3 F.5): its directory records.

Keys are copied from the data sets. Real files lack keys that must have a value (a Study ID, say); such a
record gets a neutral one, as other programs do: it names a place on the medium and the file stays as it is.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.tag import BaseTag

from vna.dicom.encoding import DEFLATED_UIDS, encoding_of
from vna.dicom.part10 import find_data_set
from vna.dicom.scan import inflate
from vna.errors import CannotUnderstand

_BEHIND_ALL_KEYS: Final = 0x5000_0000
_INFLATED: Final = 4 * 2**20
_NEUTRAL_OF: Final = {"Modality": "OT", "CompletionFlag": "PARTIAL", "VerificationFlag": "UNVERIFIED"}
_NEUTRAL: Final = {"DA": "19000101", "TM": "000000", "IS": "0", "US": 0}
_BROKEN: Final = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OSError,
    OverflowError,
    NotImplementedError,
    EOFError,
)
"""What pydicom raises on values that are none of their VR, and on sequences that it cannot read."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a kind of record: those that must have a value, that may be empty, that may be absent.

    These are types 1, 2, and 1C or 3 (PS3.5 7.4).
    """

    required: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every key."""
        return self.required + self.present + self.optional


_CONTENT: Final = ("ContentDate", "ContentTime")
_IDENTIFIED: Final = Keys(("InstanceNumber", *_CONTENT, "ContentLabel"), ("ContentDescription", "ContentCreatorName"))
_DATED: Final = Keys(("InstanceNumber", *_CONTENT))

KEYS: Final[Mapping[str, Keys]] = {
    "PATIENT": Keys(("PatientID",), ("PatientName",)),
    "STUDY": Keys(("StudyDate", "StudyTime", "StudyInstanceUID", "StudyID"), ("StudyDescription", "AccessionNumber")),
    "SERIES": Keys(("Modality", "SeriesInstanceUID", "SeriesNumber")),
    "IMAGE": Keys(("InstanceNumber",)),
    "RT DOSE": Keys(("InstanceNumber", "DoseSummationType")),
    "RT STRUCTURE SET": Keys(("InstanceNumber", "StructureSetLabel"), ("StructureSetDate", "StructureSetTime")),
    "RT PLAN": Keys(("InstanceNumber", "RTPlanLabel"), ("RTPlanDate", "RTPlanTime")),
    "RT TREAT RECORD": Keys(("InstanceNumber",), ("TreatmentDate", "TreatmentTime")),
    "PRESENTATION": Keys(
        ("PresentationCreationDate", "PresentationCreationTime", "InstanceNumber", "ContentLabel"),
        ("ContentDescription", "ContentCreatorName"),
        ("ReferencedSeriesSequence", "BlendingSequence"),
    ),
    "WAVEFORM": _DATED,
    "RAW DATA": _DATED,
    "SR DOCUMENT": Keys(
        ("InstanceNumber", "CompletionFlag", "VerificationFlag", *_CONTENT, "ConceptNameCodeSequence"),
        optional=("VerificationDateTime", "ContentSequence"),
    ),
    "KEY OBJECT DOC": Keys(("InstanceNumber", *_CONTENT, "ConceptNameCodeSequence"), optional=("ContentSequence",)),
    "SPECTROSCOPY": Keys(
        (
            *("ImageType", *_CONTENT, "InstanceNumber", "NumberOfFrames", "Rows", "Columns"),
            *("DataPointRows", "DataPointColumns"),
        ),
        optional=("ReferencedImageEvidenceSequence",),
    ),
    "ENCAP DOC": Keys(
        ("InstanceNumber", "MIMETypeOfEncapsulatedDocument"),
        (*_CONTENT, "DocumentTitle", "ConceptNameCodeSequence"),
        ("HL7InstanceIdentifier",),
    ),
    "REGISTRATION": _IDENTIFIED,
    "FIDUCIAL": _IDENTIFIED,
    "VALUE MAP": _IDENTIFIED,
    "STEREOMETRIC": _IDENTIFIED,
    "MEASUREMENT": _IDENTIFIED,
    "SURFACE": _IDENTIFIED,
    "TRACT": _IDENTIFIED,
    "SURFACE SCAN": Keys(_CONTENT),
    "ASSESSMENT": Keys(("InstanceNumber", "InstanceCreationDate"), optional=("InstanceCreationTime",)),
    "ANNOTATION": _IDENTIFIED,
    "RADIOTHERAPY": Keys(
        ("InstanceNumber",),
        ("ContentDescription", "ContentCreatorName"),
        ("UserContentLabel", "UserContentLongLabel"),
    ),
}
"""The keys of each Directory Record Type this program writes (PS3.3 F.5.1 and following)."""

_CLASSES: Final = "1.2.840.10008.5.1.4.1.1."
_BY_ARC: Final[Mapping[str, str]] = {
    "4.2": "SPECTROSCOPY",
    "9": "WAVEFORM",
    "9.100": "PRESENTATION",
    "11": "PRESENTATION",
    "66": "RAW DATA",
    "66.1": "REGISTRATION",
    "66.2": "FIDUCIAL",
    "66.3": "REGISTRATION",
    "66.4": "IMAGE",
    "66.5": "SURFACE",
    "66.6": "TRACT",
    "66.7": "IMAGE",
    "66.8": "IMAGE",
    "67": "VALUE MAP",
    "68": "SURFACE SCAN",
    "77.1.5.3": "STEREOMETRIC",
    "78": "MEASUREMENT",
    "78.6": "SR DOCUMENT",
    "79.1": "SR DOCUMENT",
    "80": "MEASUREMENT",
    "88": "SR DOCUMENT",
    "88.59": "KEY OBJECT DOC",
    "90": "ASSESSMENT",
    "91": "ANNOTATION",
    "104": "ENCAP DOC",
    "131": "PRESENTATION",
    "481": "RADIOTHERAPY",
    "481.1": "IMAGE",
    "481.2": "RT DOSE",
    "481.3": "RT STRUCTURE SET",
    "481.4": "RT TREAT RECORD",
    "481.5": "RT PLAN",
    "481.6": "RT TREAT RECORD",
    "481.7": "RT TREAT RECORD",
    "481.8": "RT PLAN",
    "481.9": "RT TREAT RECORD",
}
"""Arcs of SOP Class UIDs, and the type of record of the instances below; what is in none is an IMAGE."""


def record_type(sop_class_uid: str) -> str:
    """Return the Directory Record Type (0004,1430) of instances of a SOP Class.

    >>> record_type("1.2.840.10008.5.1.4.1.1.88.11"), record_type("1.2.840.10008.5.1.4.1.1.2")
    ('SR DOCUMENT', 'IMAGE')
    """
    if not sop_class_uid.startswith(_CLASSES):
        return "IMAGE"
    arcs = sop_class_uid.removeprefix(_CLASSES).split(".")
    names = (".".join(arcs[:length]) for length in range(len(arcs), 0, -1))
    return next((_BY_ARC[name] for name in names if name in _BY_ARC), "IMAGE")


def read_keys(start: bytes, transfer_syntax: str) -> Dataset:
    """Return the elements of a file that records may need, from its beginning; as far as they can be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = start[find_data_set(start).length :]
            if transfer_syntax in DEFLATED_UIDS:
                data, _ = inflate(data, limit=_INFLATED)
            encoding = encoding_of(transfer_syntax)
            return read_dataset(BytesIO(data), not encoding.explicit, encoding.little_endian, stop_when=_is_behind)
        except (*_BROKEN, CannotUnderstand):
            return Dataset()


def record_of(kind: str, found: Dataset, given: Mapping[str, str]) -> bytes:
    """Return the keys of a directory record, encoded in Explicit VR Little Endian.

    Args:
        kind: the Directory Record Type.
        found: what `read_keys` found.
        given: values that count more than those found: UIDs, by keyword.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _encoded(_record(kind, found, given))
        except _BROKEN:
            return _encoded(_record(kind, Dataset(), given))


def _record(kind: str, found: Dataset, given: Mapping[str, str]) -> Dataset:
    keys = KEYS[kind]
    record = Dataset()
    if "SpecificCharacterSet" in found:
        record.SpecificCharacterSet = found.SpecificCharacterSet
    for keyword in keys.all:
        if keyword in given:
            setattr(record, keyword, given[keyword])
        elif keyword in found and found[keyword].VM:
            record[keyword] = found[keyword]
        elif keyword in keys.required:
            _set_neutral(record, keyword)
        elif keyword in keys.present:
            setattr(record, keyword, None)
    if "ContentSequence" in record:
        modifiers = [item for item in record.ContentSequence if item.get("RelationshipType") == "HAS CONCEPT MOD"]
        del record.ContentSequence
        if modifiers:
            record.ContentSequence = modifiers
    return record


def _set_neutral(record: Dataset, keyword: str) -> None:
    vr = dictionary_VR(keyword)
    if vr != "SQ":
        setattr(record, keyword, _NEUTRAL_OF.get(keyword, _NEUTRAL.get(vr, "UNKNOWN")))


def _encoded(record: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, record)
    return buffer.getvalue()


def _is_behind(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag >= _BEHIND_ALL_KEYS)
