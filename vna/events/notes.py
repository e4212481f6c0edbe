"""Rejection notes (IHE RAD TF-3 4.66): what the note that arrived rejects, recorded with its storage."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from vna.model import InstanceKey, InstanceUID, RejectionReason, SeriesUID, StudyUID


@dataclass(frozen=True, slots=True)
class NoteRejected:
    """A rejection note was kept: it and the instances it names are hidden from here on, also those that come later.

    The rejection is known by the position of this event. What an earlier rejection for the same reason hides already
    is not named. `replaceable`: other content that comes under the same UIDs from the same source is taken as the
    corrected one, and shown.
    """

    kind: ClassVar[str] = "note-rejected"
    schema_version: ClassVar[int] = 1

    note: InstanceKey
    reason: RejectionReason
    replaceable: bool
    instances: tuple[InstanceKey, ...]


def note_body(event: NoteRejected) -> dict[str, Any]:
    """Return the CBOR-ready body: instances by study and series, whose UIDs so stand once."""
    return {
        "note": [event.note.study, event.note.series, event.note.instance],
        "reason": event.reason.code,
        "replaceable": event.replaceable,
        "instances": _tree(event.instances),
    }


def note_event(body: dict[str, Any]) -> NoteRejected:
    """Return the event a body stands for.

    Raises:
        KeyError, TypeError, ValueError: it is no such body.
    """
    instances = tuple(
        _key(study, series, instance)
        for study, of_study in body["instances"]
        for series, of_series in of_study
        for instance in of_series
    )
    return NoteRejected(
        _key(*body["note"]), RejectionReason.of_code(body["reason"]), bool(body["replaceable"]), instances
    )


def _tree(instances: Iterable[InstanceKey]) -> list[Any]:
    studies: dict[str, dict[str, list[str]]] = {}
    for key in instances:
        studies.setdefault(key.study, {}).setdefault(key.series, []).append(key.instance)
    return [[study, [[series, uids] for series, uids in of_study.items()]] for study, of_study in studies.items()]


def _key(study: str, series: str, instance: str) -> InstanceKey:
    return InstanceKey(StudyUID(study), SeriesUID(series), InstanceUID(instance))
