"""What the list of an elimination says of each of its items: how much it is, when and where it was made, and of whom.

All versions of all instances count, shown or not: they go together.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from sqlalchemy import Engine, func, select

from vna.index import tables
from vna.index.rejections import within
from vna.model import Scope

_INSTITUTION = tables.term.alias()
_SERIES, _STUDY = tables.series_record.c, tables.study_record.c
_CONTENT = (
    select(
        _SERIES.Modality,
        _INSTITUTION.c.value,
        _SERIES.more,
        _STUDY.StudyDate,
        _STUDY.patient_id,
        func.count(),
        func.sum(tables.version.c.size),
    )
    .select_from(tables.version)
    .join(tables.series, tables.series.c.id == tables.version.c.series_id)
    .join(tables.study, tables.study.c.id == tables.version.c.study_id)
    .join(tables.series_record, _SERIES.id == tables.version.c.series_record_id)
    .join(tables.study_record, _STUDY.id == tables.version.c.study_record_id)
    .outerjoin(_INSTITUTION, _INSTITUTION.c.id == _SERIES.InstitutionName_term)
    .group_by(_SERIES.id, _STUDY.id, _INSTITUTION.c.value)
)


@dataclass(frozen=True, slots=True)
class ItemContent:
    """What an item holds; `size` is in bytes as received, `study_date` as DICOM has it, empty where none is given.

    `patients` are row numbers: they tell patients apart and name none.
    """

    instances: int
    size: int
    modalities: tuple[str, ...]
    study_date: str
    institutions: tuple[str, ...]
    departments: tuple[str, ...]
    patients: tuple[int, ...]


class ListingReader:
    """Answers from one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def content(self, scope: Scope) -> ItemContent:
        """Return what a study, series or instance holds; nothing of it held gives zeros."""
        with self._engine.connect() as connection:
            rows = connection.execute(_CONTENT.where(*within(scope))).all()
        dates = sorted({row.StudyDate for row in rows if row.StudyDate})
        return ItemContent(
            instances=sum(row[5] for row in rows),
            size=sum(int(row[6]) for row in rows),
            modalities=_texts(row.Modality for row in rows),
            study_date=dates[-1] if dates else "",
            institutions=_texts(row.value for row in rows),
            departments=_texts(orjson.loads(row.more).get("InstitutionalDepartmentName") for row in rows),
            patients=tuple(sorted({row.patient_id for row in rows})),
        )


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if isinstance(value, str) and value}))
