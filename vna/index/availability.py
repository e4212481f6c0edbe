"""How soon what a query finds can be retrieved, and from whom, by where studies lie (PS3.4 C.4.1.1.3).

Of a patient it is said of the study that takes longest (PS3.3 C.4.23.1.1). An instance that came in after its study
was moved is where it came in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, select

from vna.dicom.attributes import Level
from vna.dicom.describe import Value
from vna.index import tables
from vna.index.placement_reading import Placing
from vna.index.statements import Cursor, one_of
from vna.index.tier_tables import placement

AVAILABILITY: Final = "InstanceAvailability"
RETRIEVE_AE: Final = "RetrieveAETitle"
_SOONEST_FIRST: Final = ("ONLINE", "NEARLINE", "OFFLINE")

Soon = Callable[[Sequence[Placing]], tuple[str, str]]
"""Gives Instance Availability and Retrieve AE Title, empty for the node's own, of a study that is placed so."""

_STUDIES_OF: Mapping[Level, Select[Any]] = {
    Level.PATIENT: select(tables.study_record.c.patient_id, tables.study.c.id)
    .join(tables.study, tables.study.c.id == tables.study_record.c.study_id)
    .where(one_of(tables.study_record.c.patient_id, "ids"), tables.study.c.record_id == tables.study_record.c.id),
    Level.SERIES: select(tables.series.c.id, tables.series.c.study_id).where(one_of(tables.series.c.id, "ids")),
    Level.IMAGE: select(tables.version.c.id, tables.version.c.study_id).where(one_of(tables.version.c.id, "ids")),
}
_PLACED = select(placement.c.study_id, placement.c.store, placement.c.kept, placement.c.upto, placement.c.copies).where(
    one_of(placement.c.study_id, "ids")
)


def add_availability(cursor: Cursor, level: Level, rows: Iterable[tuple[int, dict[str, Value]]], soon: Soon) -> None:
    """Put Instance Availability into the values of entities, and Retrieve AE Title where it is not the node's own.

    Args:
        rows: each with the row number of its entity: of a patient, study, series or version.
    """
    by_id: dict[int, list[dict[str, Value]]] = {}
    for entity_id, values in rows:
        by_id.setdefault(entity_id, []).append(values)
    studies = _studies(cursor, level, list(by_id))
    placings = _placings(cursor, sorted({study for each in studies.values() for study in each}))
    for entity_id, every in by_id.items():
        found = [_of_entity(level, entity_id, placings.get(study, ())) for study in studies.get(entity_id, ())]
        availability, title = max(map(soon, found), key=_slowness, default=soon(()))
        for values in every:
            values[AVAILABILITY] = availability
            if title:
                values[RETRIEVE_AE] = title


def _slowness(told: tuple[str, str]) -> int:
    return _SOONEST_FIRST.index(told[0])


def _of_entity(level: Level, entity_id: int, placings: Sequence[Placing]) -> Sequence[Placing]:
    if level is not Level.IMAGE:
        return placings
    return [placing for placing in placings if placing.kept or entity_id <= placing.upto]


def _studies(cursor: Cursor, level: Level, ids: list[int]) -> dict[int, list[int]]:
    if level is Level.STUDY:
        return {each: [each] for each in ids}
    found: dict[int, list[int]] = {}
    for owner, study in cursor.all(_STUDIES_OF[level], {"ids": cursor.several(ids)}):
        found.setdefault(owner, []).append(study)
    return found


def _placings(cursor: Cursor, studies: list[int]) -> dict[int, list[Placing]]:
    found: dict[int, list[Placing]] = {}
    for study, store, kept, upto, copies in cursor.all(_PLACED, {"ids": cursor.several(studies)}):
        found.setdefault(study, []).append(Placing(store, bool(kept), upto, copies))
    return found
