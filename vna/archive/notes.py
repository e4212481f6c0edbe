"""Rejection notes that arrive: what each rejects, by what the profile in force says of its reason.

The note is recorded in the transaction that stores it, so that there is none which is stored and not applied.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from storage_backends import Content
from vna.dicom.encoding import DEFLATED_UIDS, EXPLICIT_LE_UID
from vna.dicom.recipe import cut
from vna.dicom.rejection_notes import KEY_OBJECT_SELECTION, rejection_note
from vna.dicom.scan import Scan, inflate
from vna.dicom.scan import scan as scan_data_set
from vna.dicom.tree import Tree
from vna.dicom.tree_reading import tree_of
from vna.dicom.values import StoredDataSet, read_values
from vna.errors import CannotUnderstand
from vna.events import NoteRejected
from vna.model import InstanceKey
from vna.retention import NotePolicy, Profile
from vna.retention.policies import DEFAULT_NOTES

log = logging.getLogger(__name__)

Policies = Callable[[], Mapping[str, NotePolicy]]
"""Gives what notes do, by the code value of their title (scheme DCM)."""

LONGEST_NOTE: Final = 64 * 2**20
"""Bytes; a Key Object Selection document of a million references is shorter."""


def policies_of(in_force: Callable[[], Profile | None]) -> Policies:
    """Return what notes do by the profile in force, and by the usual ones where there is none."""

    def policies() -> Mapping[str, NotePolicy]:
        profile = in_force()
        return DEFAULT_NOTES if profile is None else profile.rejection_notes

    return policies


class NoteReader:
    """Reads what arrives as a rejection note."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def read(self, sop_class_uid: str, key: InstanceKey, scanned: Scan, content: Content) -> NoteRejected | None:
        """Return what an arrival rejects; None if it is no rejection note, or such are ignored.

        Raises:
            CannotUnderstand: it is a Key Object Selection document that is broken inside, or too long to be one.
            OutOfResources: the profile in force cannot be read now.
        """
        if sop_class_uid != KEY_OBJECT_SELECTION:
            return None
        if content.size > LONGEST_NOTE:
            raise CannotUnderstand(f"a Key Object Selection document of more than {LONGEST_NOTE} bytes")
        note = rejection_note(_tree(scanned, content))
        if note is None:
            return None
        policy = self._policies()[note.reason.code]
        log.info(
            "rejection note study=%s instance=%s code=%s names=%d policy=%s",
            key.study,
            key.instance,
            note.reason.code,
            len(note.instances),
            policy,
        )
        if note.unconfirmed:
            log.warning(
                "rejection note names instances as evidence or in its content alone, which are not rejected "
                "study=%s instance=%s instances=%d",
                key.study,
                key.instance,
                note.unconfirmed,
            )
        if policy is NotePolicy.IGNORE:
            return None
        named = tuple(instance for instance in note.instances if instance != key)
        return NoteRejected(key, note.reason, policy is NotePolicy.REPLACE, named)


def _tree(scanned: Scan, content: Content) -> Tree:
    """Return the document, long values left out."""
    data, syntax = bytes(content.buffer()), scanned.transfer_syntax
    if syntax in DEFLATED_UIDS:
        data, syntax = inflate(data, limit=LONGEST_NOTE)[0], EXPLICIT_LE_UID
        scanned = scan_data_set(data, syntax)
    pieces = cut(scanned, len(data))
    names = [str(number) for number in range(len(pieces.bulk))]
    sizes = {name: value.length for name, value in zip(names, pieces.bulk, strict=True)}
    stored = StoredDataSet(syntax, pieces.header, pieces.recipe(names), sizes, lambda _name: iter(()))
    return tree_of(read_values(stored, resolve_unknown=True), lambda _bulk: None)
