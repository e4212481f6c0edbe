"""What an instance is to someone who looks at it, and which instance stands for a study or series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Final

from vna.dicom.encoding import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA
from vna.dicom.frames import VIDEO_UIDS
from vna.dicom.image_layout import COLUMNS, NUMBER_OF_FRAMES, ROWS
from vna.dicom.tree import Tree
from vna.dicom.tree_reading import tree_of
from vna.dicom.values import Bulk, StoredDataSet, bulk_chunks, read_values
from vna.index import HeldInstance

_WANTED_BULK: Final = frozenset(
    {0x00282000, 0x00283006, *range(0x00281201, 0x00281204), *range(0x00281221, 0x00281224)}
    | {group << 16 | 0x3000 for group in range(0x6000, 0x6020, 2)}
)
"""Values that pictures take although they may be long: ICC profiles, tables, overlays."""

_NOTED_BULK: Final = frozenset({FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA})
"""Values of which it is only noted that they are there."""

_MOST_BULK_BYTES: Final = 16 * 2**20
_MODALITY, _BURNED_IN, _DOCUMENT_TYPE = 0x00080060, 0x00280301, 0x00420012
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_STATES, _REPORTS, _DOCUMENTS = _STORAGE + "11.", _STORAGE + "88.", _STORAGE + "104."
_SAY_LESS: Final[Mapping[str, int]] = MappingProxyType(
    {
        _STORAGE + "7": 1,  # secondary captures, of one frame
        _STORAGE + "7.": 1,  # and of several
        _STORAGE + "30": 1,  # parametric maps
        _STORAGE + "481.": 2,  # radiotherapy
        _DOCUMENTS: 2,
        _STORAGE + "66": 3,  # raw data
        _STORAGE + "66.": 3,  # segmentations, registrations
        _STORAGE + "9.": 3,  # waveforms
        _REPORTS: 3,
        _STATES: 4,
    }
)
"""How much less than images the instances of other SOP Classes say of a study; a dot ends what a family begins with."""


class Kind(Enum):
    """What an instance is to someone who looks at it (PS3.18 8.7.2)."""

    IMAGE = "image"
    VIDEO = "video"
    REPORT = "report"
    DOCUMENT = "document"
    STATE = "presentation state"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Subject:
    """An instance with what its header says, pixels and documents left out. `frames` are 0 if it is no image."""

    held: HeldInstance
    header: Tree
    kind: Kind
    frames: int

    @property
    def word(self) -> str:
        """What it is, in short."""
        return "PDF" if self.document_type == "application/pdf" else self.header.text(_MODALITY)[:8] or "DICOM"

    @property
    def document_type(self) -> str:
        """The media type of an encapsulated document, empty if there is none."""
        return self.header.text(_DOCUMENT_TYPE).lower() if self.kind is Kind.DOCUMENT else ""

    @property
    def is_burned_in(self) -> bool:
        """Whether its pixels are said to show who the patient is (PS3.3 C.7.6.1)."""
        return self.header.text(_BURNED_IN) == "YES"


def subject_of(held: HeldInstance, stored: StoredDataSet) -> Subject:
    """Read what an instance is.

    Raises:
        CannotUnderstand: its header is broken inside.
        Damaged: stored bytes are missing or damaged.
    """
    header = tree_of(read_values(stored, resolve_unknown=True), partial(_wanted, stored))
    kind = _kind(held, header)
    frames = max(header.whole(NUMBER_OF_FRAMES, 1), 1) if kind is Kind.IMAGE else 0
    return Subject(held, header, kind, frames)


def representative(instances: Sequence[HeldInstance]) -> HeldInstance:
    """Return the instance that stands for a study or series: from the middle of its largest series of images."""
    least = min(map(_says_less, instances))
    by_series: dict[str, list[HeldInstance]] = {}
    for held in instances:
        if _says_less(held) == least:
            by_series.setdefault(held.key.series, []).append(held)
    largest = max(by_series.values(), key=len)
    return largest[len(largest) // 2]


def _says_less(held: HeldInstance) -> int:
    uid = held.sop_class_uid
    return max((score for known, score in _SAY_LESS.items() if uid == known or _is_below(uid, known)), default=0)


def _is_below(uid: str, family: str) -> bool:
    return family.endswith(".") and uid.startswith(family)


def _kind(held: HeldInstance, header: Tree) -> Kind:
    if held.sop_class_uid.startswith(_REPORTS):
        return Kind.REPORT
    if held.sop_class_uid.startswith(_STATES):
        return Kind.STATE
    if _DOCUMENT_TYPE in header:
        return Kind.DOCUMENT
    if held.transfer_syntax in VIDEO_UIDS:
        return Kind.VIDEO
    return Kind.IMAGE if header.whole(ROWS) and header.whole(COLUMNS) else Kind.OTHER


def _wanted(stored: StoredDataSet, bulk: Bulk) -> bytes | None:
    """Return a bulk value if a picture takes it."""
    if bulk.tag in _NOTED_BULK:
        return b""
    if bulk.tag not in _WANTED_BULK or bulk.size > _MOST_BULK_BYTES:
        return None
    return b"".join(bulk_chunks(bulk, stored.open_blob, little_endian=True))
