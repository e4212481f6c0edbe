"""Rejection notes: Key Object Selection documents that say which instances are rejected, and why (IHE RAD TF-3 4.66).

The title of the document (PS3.16 CID 7010) says why. What it rejects stands twice in it: with its studies and series as
evidence (PS3.3 C.17.6.2), and as the references of its content tree (PS3.3 C.17.3.2.1). What only one of the two names
is not rejected.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vna.dicom.tree import Tree
from vna.model import InstanceKey, InstanceUID, RejectionReason, SeriesUID, StudyUID

KEY_OBJECT_SELECTION: Final = "1.2.840.10008.5.1.4.1.1.88.59"

_CONCEPT_NAME, _CODE_VALUE, _CODING_SCHEME = 0x0040A043, 0x00080100, 0x00080102
_EVIDENCE, _REFERENCED_SERIES, _REFERENCED_SOP = 0x0040A375, 0x00081115, 0x00081199
_STUDY_UID, _SERIES_UID, _SOP_UID = 0x0020000D, 0x0020000E, 0x00081155
_CONTENT: Final = 0x0040A730
_DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class RejectionNote:
    """What a rejection note says: why, which instances, and how many of those it names in one place alone."""

    reason: RejectionReason
    instances: tuple[InstanceKey, ...]
    unconfirmed: int


def rejection_note(document: Tree) -> RejectionNote | None:
    """Return what a Key Object Selection document rejects; None if its title is no reason to reject."""
    title = document.item(_CONCEPT_NAME)
    if title.text(_CODING_SCHEME) != "DCM":
        return None
    try:
        reason = RejectionReason.of_code(title.text(_CODE_VALUE))
    except ValueError:
        return None
    evidence = tuple(dict.fromkeys(_evidence(document)))
    referenced = set(_referenced(document, _DEEPEST))
    confirmed = tuple(key for key in evidence if key.instance in referenced)
    named = {key.instance for key in evidence} | referenced
    return RejectionNote(reason, confirmed, len(named - {key.instance for key in confirmed}))


def _evidence(document: Tree) -> Iterator[InstanceKey]:
    for study in document.items(_EVIDENCE):
        for series in study.items(_REFERENCED_SERIES):
            for instance in series.items(_REFERENCED_SOP):
                uids = study.text(_STUDY_UID), series.text(_SERIES_UID), instance.text(_SOP_UID)
                if all(uids):
                    yield InstanceKey(StudyUID(uids[0]), SeriesUID(uids[1]), InstanceUID(uids[2]))


def _referenced(item: Tree, depth: int) -> Iterator[str]:
    """Yield what the content items below one refer to."""
    for content in item.items(_CONTENT) if depth else ():
        for reference in content.items(_REFERENCED_SOP):
            yield reference.text(_SOP_UID)
        yield from _referenced(content, depth - 1)
