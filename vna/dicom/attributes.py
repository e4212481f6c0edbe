"""The table of attributes the archive knows by name: everything that can be queried follows from it.

Index columns, C-FIND, QIDO-RS and the conformance statement derive from ATTRIBUTES; nothing else lists
attributes. It covers the keys of PS3.4 C.6.1.1 and C.6.2.1 and the optional ones clients ask for. Tags
and VRs come from pydicom's copy of PS3.6, so the table cannot disagree with the data dictionary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from pydicom.datadict import dictionary_VR, tag_for_keyword


class Level(StrEnum):
    """The levels of the Query/Retrieve models; values as in (0008,0052) Query/Retrieve Level."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


class Model(StrEnum):
    """The Query/Retrieve information models (PS3.4 C.6.1, C.6.2 and the retired C.6.3)."""

    PATIENT_ROOT = "patient-root"
    STUDY_ROOT = "study-root"
    PATIENT_STUDY_ONLY = "patient-study-only"

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of this model, from the top."""
        return _LEVELS[self]


_LEVELS = {
    Model.PATIENT_ROOT: (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE),
    Model.STUDY_ROOT: (Level.STUDY, Level.SERIES, Level.IMAGE),
    Model.PATIENT_STUDY_ONLY: (Level.PATIENT, Level.STUDY),
}


class Kind(StrEnum):
    """The key type of an attribute at its level (PS3.4 C.2.2.1)."""

    UNIQUE = "U"
    REQUIRED = "R"
    OPTIONAL = "O"


class Storage(StrEnum):
    """How the index keeps an attribute."""

    COLUMN = "column"
    """An indexed column of its own."""
    TERM = "term"
    """A reference into a dictionary of texts (names, descriptions), so that wild cards stay fast."""
    RETURN = "return"
    """Returned and matched, kept without an index."""
    COMPUTED = "computed"
    """Not kept: counted or collected when asked for."""
    SEQUENCE = "sequence"
    """Items of a sequence, kept without an index."""


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """One line of the data dictionary (PS3.6 clause 6) that belongs to no level of its own."""

    keyword: str
    tag: int
    vr: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of the information model: where it belongs and how it is kept.

    `items` are the attributes kept of each item of a sequence; empty unless `storage` is SEQUENCE.
    """

    keyword: str
    tag: int
    vr: str
    level: Level
    kind: Kind
    storage: Storage
    items: tuple[DictionaryEntry, ...] = ()


def entry(keyword: str) -> DictionaryEntry:
    """Return the data dictionary's line for a keyword; KeyError if it has none."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return DictionaryEntry(keyword, int(tag), dictionary_VR(tag))


_CODE = ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning", "LongCodeValue", "URNCodeValue")
_ENTITY = ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType")

_ITEM_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "OtherPatientIDsSequence": ("PatientID", "IssuerOfPatientID", "TypeOfPatientID"),
    "IssuerOfAccessionNumberSequence": _ENTITY,
    "ProcedureCodeSequence": _CODE,
    "RequestAttributesSequence": (
        "AccessionNumber",
        "StudyInstanceUID",
        "RequestedProcedureDescription",
        "ScheduledProcedureStepDescription",
        "ScheduledProcedureStepID",
        "RequestedProcedureID",
    ),
    "ConceptNameCodeSequence": _CODE,
}

_LAYOUT: Mapping[Level, Mapping[Storage, tuple[str, ...]]] = {
    Level.PATIENT: {
        Storage.COLUMN: ("PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
        Storage.TERM: ("PatientName",),
        Storage.RETURN: (
            "PatientBirthTime",
            "OtherPatientIDs",
            "OtherPatientNames",
            "EthnicGroup",
            "PatientSpeciesDescription",
            "PatientBreedDescription",
            "PatientComments",
        ),
        Storage.SEQUENCE: ("OtherPatientIDsSequence",),
        Storage.COMPUTED: (
            "NumberOfPatientRelatedStudies",
            "NumberOfPatientRelatedSeries",
            "NumberOfPatientRelatedInstances",
        ),
    },
    Level.STUDY: {
        Storage.COLUMN: ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"),
        Storage.TERM: ("StudyDescription", "ReferringPhysicianName", "NameOfPhysiciansReadingStudy"),
        Storage.RETURN: (
            "TimezoneOffsetFromUTC",
            "PhysiciansOfRecord",
            "AdmittingDiagnosesDescription",
            "PatientAge",
            "PatientSize",
            "PatientWeight",
            "Occupation",
            "AdditionalPatientHistory",
            "AdmissionID",
            "StudyComments",
        ),
        Storage.SEQUENCE: ("IssuerOfAccessionNumberSequence", "ProcedureCodeSequence"),
        Storage.COMPUTED: (
            "ModalitiesInStudy",
            "SOPClassesInStudy",
            "NumberOfStudyRelatedSeries",
            "NumberOfStudyRelatedInstances",
        ),
    },
    Level.SERIES: {
        Storage.COLUMN: ("SeriesInstanceUID", "Modality", "SeriesNumber"),
        Storage.TERM: ("SeriesDescription", "InstitutionName"),
        Storage.RETURN: (
            "SeriesDate",
            "SeriesTime",
            "BodyPartExamined",
            "Laterality",
            "PatientPosition",
            "ProtocolName",
            "FrameOfReferenceUID",
            "PerformedProcedureStepStartDate",
            "PerformedProcedureStepStartTime",
            "PerformedProcedureStepID",
            "PerformedProcedureStepDescription",
            "PerformingPhysicianName",
            "OperatorsName",
            "StationName",
            "InstitutionalDepartmentName",
            "Manufacturer",
            "ManufacturerModelName",
            "DeviceSerialNumber",
            "SoftwareVersions",
        ),
        Storage.SEQUENCE: ("RequestAttributesSequence",),
        Storage.COMPUTED: ("NumberOfSeriesRelatedInstances",),
    },
    Level.IMAGE: {
        Storage.COLUMN: ("SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
        Storage.RETURN: (
            "Rows",
            "Columns",
            "BitsAllocated",
            "NumberOfFrames",
            "ImageType",
            "PhotometricInterpretation",
            "AcquisitionNumber",
            "AcquisitionDate",
            "AcquisitionTime",
            "AcquisitionDateTime",
            "ContentDate",
            "ContentTime",
            "InstanceCreationDate",
            "InstanceCreationTime",
            "ContentLabel",
            "ContentDescription",
            "ContentCreatorName",
            "PresentationCreationDate",
            "PresentationCreationTime",
            "VerificationFlag",
            "CompletionFlag",
            "DocumentTitle",
            "MIMETypeOfEncapsulatedDocument",
        ),
        Storage.SEQUENCE: ("ConceptNameCodeSequence",),
        Storage.COMPUTED: ("AvailableTransferSyntaxUID",),
    },
}

_UNIQUE: Mapping[Level, str] = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}

_REQUIRED = frozenset(
    {
        "PatientName",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "Modality",
        "SeriesNumber",
        "InstanceNumber",
    }
)


def _kind(keyword: str) -> Kind:
    if keyword in _UNIQUE.values():
        return Kind.UNIQUE
    return Kind.REQUIRED if keyword in _REQUIRED else Kind.OPTIONAL


def _attribute(keyword: str, level: Level, storage: Storage) -> Attribute:
    line = entry(keyword)
    items = tuple(entry(item) for item in _ITEM_KEYWORDS.get(keyword, ()))
    return Attribute(keyword, line.tag, line.vr, level, _kind(keyword), storage, items)


ATTRIBUTES: tuple[Attribute, ...] = tuple(
    _attribute(keyword, level, storage)
    for level, by_storage in _LAYOUT.items()
    for storage, keywords in by_storage.items()
    for keyword in keywords
)
"""Every attribute, by level from the top, then by storage."""

BY_KEYWORD: Mapping[str, Attribute] = MappingProxyType({each.keyword: each for each in ATTRIBUTES})
BY_TAG: Mapping[int, Attribute] = MappingProxyType({each.tag: each for each in ATTRIBUTES})

_AT_LEVEL = {level: tuple(each for each in ATTRIBUTES if each.level is level) for level in Level}

OF_THE_ANSWER: Mapping[str, DictionaryEntry] = MappingProxyType(
    {
        keyword: entry(keyword)
        for keyword in (
            "SpecificCharacterSet",
            "QueryRetrieveLevel",
            "RetrieveAETitle",
            "InstanceAvailability",
            "StorageMediaFileSetID",
            "StorageMediaFileSetUID",
        )
    }
)
"""What may be asked for at every level and is answered by the edge, not kept (PS3.4 C.4.1.1.3)."""


def at_level(level: Level) -> tuple[Attribute, ...]:
    """Return the attributes of one level."""
    return _AT_LEVEL[level]


def unique_key(level: Level) -> Attribute:
    """Return the attribute that names an entity of this level (PS3.4 C.6.1.1)."""
    return BY_KEYWORD[_UNIQUE[level]]
