"""What the archive takes and gives: SOP Classes, transfer syntaxes, and which syntax to accept.

The names come from pydicom's copy of PS3.6 Annex A, current and retired; classes registered after it was
made are added here. An unregistered transfer syntax is never accepted: its bytes could not be given to
anyone else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from pydicom._uid_dict import UID_dictionary

from vna.dicom.attributes import Model
from vna.dicom.encoding import (
    DEFLATED_UID,
    ENCAPSULATED_UNCOMPRESSED_UID,
    EXPLICIT_BE_UID,
    EXPLICIT_LE_UID,
    IMPLICIT_LE_UID,
)


class SyntaxGroup(Enum):
    """What a transfer syntax does to the pixels (PS3.5 Annex A), in the order we like them."""

    UNCOMPRESSED = 1
    DEFLATED = 2
    LOSSLESS = 3
    LOSSY = 4
    """May be lossy: some of these also carry lossless streams, and the UID does not say which."""
    VIDEO = 5
    REFERENCED = 6
    """The pixels are at a URL (JPIP): only the reference can be kept."""


_J = "1.2.840.10008.1.2.4."

_GROUPS: Mapping[SyntaxGroup, tuple[str, ...]] = {
    SyntaxGroup.UNCOMPRESSED: (
        EXPLICIT_LE_UID,
        IMPLICIT_LE_UID,
        EXPLICIT_BE_UID,
        ENCAPSULATED_UNCOMPRESSED_UID,
    ),
    SyntaxGroup.DEFLATED: (DEFLATED_UID,),
    SyntaxGroup.LOSSLESS: (
        *(_J + process for process in ("57", "58", "65", "66", "70", "80", "90", "92", "201", "202", "110")),
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.8.1",
    ),
    SyntaxGroup.LOSSY: (
        *(_J + process for process in ("50", "51", "52", "53", "54", "55", "56", "59", "60", "61", "62", "63", "64")),
        *(_J + process for process in ("81", "91", "93", "203", "111", "112")),
    ),
    SyntaxGroup.VIDEO: (
        *(_J + profile for profile in ("100", "101", "102", "103", "104", "105", "106", "107", "108")),
        *(_J + profile + ".1" for profile in ("100", "101", "102", "103", "104", "105", "106")),
    ),
    SyntaxGroup.REFERENCED: (_J + "94", _J + "95", _J + "204", _J + "205"),
}

TRANSFER_SYNTAXES: Mapping[str, SyntaxGroup] = MappingProxyType(
    {uid: group for group, uids in _GROUPS.items() for uid in uids}
)
"""Every transfer syntax data sets are stored in. Not those of PS3.22 streams, XML and MIME, which are none."""

_FIRST = (EXPLICIT_LE_UID, IMPLICIT_LE_UID)


def choose(offered: Sequence[str]) -> str | None:
    """Return the transfer syntax to accept of those offered in one presentation context, or None.

    Explicit then Implicit VR Little Endian, then whatever keeps every pixel in the sender's order; a
    syntax that may be lossy only if nothing else is offered, a mere reference last of all.
    """
    for uid in _FIRST:
        if uid in offered:
            return uid
    known = [uid for uid in offered if uid in TRANSFER_SYNTAXES]
    return min(known, key=_reluctance, default=None)


def _reluctance(uid: str) -> int:
    group = TRANSFER_SYNTAXES[uid]
    if group is SyntaxGroup.REFERENCED:
        return 2
    return 1 if group in (SyntaxGroup.LOSSY, SyntaxGroup.VIDEO) else 0


def is_compressed(uid: str) -> bool:
    """Return whether the pixels, or the whole data set, are compressed in this transfer syntax.

    A syntax not registered here counts as compressed: nothing is known of it but that it is encapsulated.
    """
    return TRANSFER_SYNTAXES.get(uid) is not SyntaxGroup.UNCOMPRESSED


class Operation(StrEnum):
    """The three Query/Retrieve services (PS3.4 C.4)."""

    FIND = "FIND"
    MOVE = "MOVE"
    GET = "GET"


@dataclass(frozen=True, slots=True)
class QueryRetrieveClass:
    """What a Query/Retrieve SOP Class asks for."""

    model: Model
    operation: Operation


_ROOT = "1.2.840.10008.5.1.4.1.2."

QUERY_RETRIEVE_CLASSES: Mapping[str, QueryRetrieveClass] = MappingProxyType(
    {
        f"{_ROOT}{arc}.{number}": QueryRetrieveClass(model, operation)
        for arc, model in ((1, Model.PATIENT_ROOT), (2, Model.STUDY_ROOT), (3, Model.PATIENT_STUDY_ONLY))
        for number, operation in ((1, Operation.FIND), (2, Operation.MOVE), (3, Operation.GET))
    }
)
"""The SOP Classes of PS3.4 C.6, by UID."""

STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model (PS3.4 J.3)."""

STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
"""Its one SOP Instance, which every request and report is about (PS3.4 J.3.5)."""

_NOT_STORED = frozenset(
    {
        "1.2.840.10008.1.3.10",  # Media Storage Directory: of media, PS3.10 8.6
        STORAGE_COMMITMENT,
        "1.2.840.10008.1.20.2",  # Storage Commitment Pull Model
    }
)

_REGISTERED_LATER = {
    "1.2.840.10008.5.1.4.1.1.9.100.1": "Waveform Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.9.100.2": "Waveform Acquisition Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage",
    "1.2.840.10008.5.1.4.1.1.66.8": "Height Map Segmentation Storage",
}

STORAGE_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        uid: name
        for uid, (name, kind, *_rest) in UID_dictionary.items()
        if kind == "SOP Class" and "Storage" in name and uid not in _NOT_STORED
    }
    | _REGISTERED_LATER
)
"""The name of every storage SOP Class, current and retired, by UID."""
