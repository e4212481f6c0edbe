"""Rejection notes and rejections where an arrival is recorded: what hides it, and what it rejects itself."""

from dataclasses import replace

from vna.events import Decision, Hidden, NoteRejected
from vna.index.entries import StoreEntry
from vna.index.hiding import Hiding
from vna.index.statements import Cursor
from vna.model import InstanceKey, Outcome, RejectedAgain

_APPLIED_AS = (Outcome.STORED, Outcome.NEW_VERSION, Outcome.ALREADY_STORED)
"""A note that is kept aside is not what is served under its UID, and a rendition says what was said before."""


def hidden_arrival(
    cursor: Cursor, hiding: Hiding, key: InstanceKey, again: RejectedAgain, *, is_note: bool
) -> Hidden | None:
    """Return which rejections stand over an arrival and what the archive does then; None if there are none.

    Args:
        again: the setting, which is not asked about a note.
    """
    numbers = hiding.over(cursor, key)
    if not numbers:
        return None
    if is_note:
        return Hidden(numbers, RejectedAgain.KEEP_HIDDEN)
    by_notes, replaceable = hiding.by_notes(cursor, numbers)
    return Hidden(numbers, again, by_notes=by_notes, replaceable=replaceable)


def due_note(cursor: Cursor, hiding: Hiding, entry: StoreEntry, decision: Decision) -> NoteRejected | None:
    """Return what a note that arrived rejects that is not rejected for the same reason; None if it is no note.

    Content that was applied before is not applied again: somebody may have restored what it rejected.
    """
    note = entry.note
    if note is None or decision.outcome not in _APPLIED_AS:
        return None
    if decision.outcome is Outcome.ALREADY_STORED and hiding.is_applied(cursor, note.note):
        return None
    new = tuple(key for key in note.instances if not hiding.over(cursor, key, note.reason))
    return replace(note, instances=new)
