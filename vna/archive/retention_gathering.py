"""Gathering what retention is decided by: the index's rows of patients, made into what `vna.retention` looks at.

Of an establishment the index knows nothing but the patient's issuer, so every visit of a patient counts for all of
their studies. Slice thickness is known where `index.extra_attributes` has `SliceThickness@series` or
`SliceThickness@instance`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import orjson

from vna.archive.retention_holds import HoldBook, holds_over
from vna.events import FactKind, HoldKind
from vna.index import Detail, FactRow, Gathered, Index, InstanceRow, SeriesRow, StudyRow
from vna.model import StudyUID
from vna.retention import (
    Code,
    Communicable,
    Examination,
    Fact,
    HoldFacts,
    Identity,
    InstanceFacts,
    Level,
    Profile,
    SeriesFacts,
    StudyFacts,
    Timeline,
    Verdict,
    communicable,
    evaluate,
)

PATIENTS_AT_ONCE: Final = 500

_IN_TEXTS: Final = frozenset(("study_description", "series_description", "institution"))
_IN_MORE: Final = frozenset(("body_part", "station", "procedure_code"))
_IN_VERSIONS: Final = frozenset(("sop_class", "source", "image_type"))
EVERYTHING: Final = _IN_TEXTS | _IN_MORE | _IN_VERSIONS
"""What costs more than the rest to gather, named as profiles do in `Profile.needs`."""
_SAYS_LEAST: Final = frozenset(("SR", "PR", "KO", "SEG", "DOC", "OT", "AU", "REG", "RWV", "PLAN", ""))
"""Modalities of what comes beside images (PS3.3 C.7.3.1.1.1)."""
_THICKNESS: Final = "SliceThickness"
_RECORD: Final = "medical_record"
_REJECTED: Final = "rejected"


class StudyCase(NamedTuple):
    """A study with all that evaluation looks at; `modality` is the one that says most of it.

    `patient` and `study_id` are the numbers of their rows.
    """

    patient: int
    study_id: int
    timeline: Timeline
    study: StudyFacts
    holds: tuple[HoldFacts, ...]
    modality: str

    def verdict(self, profile: Profile, on: date) -> Verdict:
        """Return what a profile says of it on a day."""
        return evaluate(self.timeline, self.study, self.holds, profile, on)

    def communicable(self, profile: Profile) -> Communicable | None:
        """Return from when on a profile has it communicated to anybody, if it is kept for history; None: not known."""
        return communicable(profile.communicable, self.timeline)


@dataclass(frozen=True, slots=True)
class Needs:
    """What is to be gathered beside what costs nothing; under holds of the kinds `suspending` time stands still."""

    keys: frozenset[str]
    parts: bool
    instances: bool
    suspending: frozenset[HoldKind]

    @classmethod
    def of(cls, *profiles: Profile) -> "Needs":
        """Return what these profiles ask for."""
        levels = {rule.level for profile in profiles for rule in profile.part_rules}
        return cls(
            keys=frozenset[str]().union(*(profile.needs for profile in profiles)),
            parts=bool(levels),
            instances=Level.INSTANCE in levels,
            suspending=frozenset[HoldKind]().union(*(profile.suspension.holds for profile in profiles)),
        )

    @property
    def details(self) -> frozenset[Detail]:
        """What the index is to give of each study."""
        asked = {
            Detail.TEXTS: self.parts or not self.keys.isdisjoint(_IN_TEXTS),
            Detail.MORE: self.parts or not self.keys.isdisjoint(_IN_MORE),
            Detail.INSTANCES: self.instances or not self.keys.isdisjoint(_IN_VERSIONS),
        }
        return frozenset(detail for detail, is_asked in asked.items() if is_asked)


class Gatherer:
    """Gathers cases from one index, with the holds as they are when the first of several is gathered."""

    def __init__(self, index: Index, needs: Needs) -> None:
        self._index, self._needs = index, needs

    @cached_property
    def _holds(self) -> HoldBook:
        return HoldBook(self._index.holds, self._needs.suspending)

    def all(self, *, after: int, upto: int) -> Iterator[list[StudyCase]]:
        """Go through the patients behind one, up to another, in order: the cases of some at a time."""
        while patients := self._index.retention.patients(after=after, upto=upto, most=PATIENTS_AT_ONCE):
            yield self.of(patients)[1]
            after = patients[-1]

    def of(self, patients: Sequence[int]) -> tuple[int, list[StudyCase]]:
        """Return the journal position, or an earlier one, and the cases of some patients as they are there."""
        book = self._holds
        position, cases = self._without_holds(patients)
        return position, [
            case._replace(holds=holds) if (holds := book.over(case.study.uid)) else case for case in cases
        ]

    def study(self, study: StudyUID, on: date) -> StudyCase | None:
        """Return the case of one study, with the holds that count on a day; None where it is not held."""
        _, cases = self._without_holds(self._index.retention.patients_of([study]))
        found = next((case for case in cases if case.study.uid == study), None)
        if found is None:
            return None
        return found._replace(holds=tuple(holds_over(self._index.holds, study, on, self._needs.suspending)))

    def _without_holds(self, patients: Sequence[int]) -> tuple[int, Iterator[StudyCase]]:
        gathered = self._index.retention.gather(patients, self._needs.details)
        return gathered.position, _Page(gathered, self._needs, self._thickness(gathered)).cases()

    def _thickness(self, gathered: Gathered) -> Mapping[int, float]:
        """Return slice thickness in mm where it is indexed, by the number of a version or of the record of a series."""
        if "slice_thickness" not in self._needs.keys:
            return {}
        asked = [each for each in self._index.extra_attributes if each.keyword == _THICKNESS]
        owners = [row.record_id for rows in gathered.series.values() for row in rows]
        owners += [row.version_id for rows in gathered.instances.values() for row in rows]
        found = self._index.retention.extra_values([each.setting for each in asked], owners)
        return {owner: number for owner, text in found.items() if (number := _number(text)) is not None}


class _Page:
    """Makes the cases of some patients."""

    def __init__(self, gathered: Gathered, needs: Needs, thickness: Mapping[int, float]) -> None:
        self._gathered, self._needs, self._thickness = gathered, needs, thickness
        self._is_plain = not needs.details

    def cases(self) -> Iterator[StudyCase]:
        """Go through the studies of all patients, without the holds over them."""
        by_patient: dict[int, list[StudyRow]] = {}
        for row in self._gathered.studies:
            by_patient.setdefault(row.patient, []).append(row)
        for patient, rows in by_patient.items():
            said = [_modalities(tuple(self._gathered.modalities.get(row.study_id, ()))) for row in rows]
            timeline = self._timeline(patient, rows, said)
            for row, modalities in zip(rows, said, strict=True):
                known = timeline if row.study_id not in self._gathered.in_conflict else _in_conflict(timeline)
                study = self._plain(row, modalities) if self._is_plain else self._study(row, modalities)
                yield StudyCase(patient, row.study_id, known, study, (), modalities.main)

    def _series_of(self, row: StudyRow) -> Sequence[SeriesRow]:
        return self._gathered.series.get(row.study_id, ())

    def _timeline(self, patient: int, rows: Sequence[StudyRow], said: Sequence["_Modalities"]) -> Timeline:
        examinations = [
            Examination(day, "", modalities.all, row.study_uid)
            for row, modalities in zip(rows, said, strict=True)
            if (day := _day(row.study_date)) is not None
        ]
        births = {day for row in rows if (day := _day(row.birth_date)) is not None}
        sex = next((row.sex for row in reversed(rows) if row.sex), "")
        facts = map(_fact, self._gathered.facts.get(patient, ()))
        return Timeline.of(facts, examinations, births=births, sex=sex)

    def _plain(self, row: StudyRow, modalities: "_Modalities") -> StudyFacts:
        """Return what a study says where no rule asks for any details: most profiles do without."""
        record_class = _REJECTED if row.is_rejected else _RECORD
        return StudyFacts(row.study_uid, _day(row.study_date), modalities=modalities.all, record_class=record_class)

    def _study(self, row: StudyRow, modalities: "_Modalities") -> StudyFacts:
        instances, rows = self._gathered.instances.get(row.study_id, ()), self._series_of(row)
        mores = [orjson.loads(each.more) for each in rows]
        return replace(
            self._plain(row, modalities),
            sop_classes=_set(tuple(each.sop_class_uid for each in instances)),
            body_parts=_set(tuple(more.get("BodyPartExamined", "") for more in mores)),
            procedure_codes=_codes(row.more),
            description=row.description or "",
            series_descriptions=_set(tuple(each.description or "" for each in rows)),
            stations=_set(tuple(more.get("StationName", "") for more in mores)),
            institutions=_set(tuple(each.institution or "" for each in rows)),
            sources=_set(tuple(each.source for each in instances)),
            series=tuple(self._series(*each, instances) for each in zip(rows, mores, strict=True))
            if self._needs.parts
            else (),
        )

    def _series(self, row: SeriesRow, more: Mapping[str, Any], instances: Sequence[InstanceRow]) -> SeriesFacts:
        within = [each for each in instances if each.series_id == row.series_id]
        said = {self._thickness.get(each.version_id) for each in within}
        said.discard(None)
        return SeriesFacts(
            uid=row.series_uid,
            modality=row.modality,
            description=row.description or "",
            body_part=more.get("BodyPartExamined", ""),
            station=more.get("StationName", ""),
            institution=row.institution or "",
            sop_classes=_set(tuple(each.sop_class_uid for each in within)),
            sources=_set(tuple(each.source for each in within)),
            slice_thickness=max(said) if said else self._thickness.get(row.record_id),  # type: ignore[type-var]
            instances=tuple(map(self._instance, within)) if self._needs.instances else (),
        )

    def _instance(self, row: InstanceRow) -> InstanceFacts:
        image_type = _set(tuple(str(orjson.loads(row.more).get("ImageType", "")).split("\\")))
        return InstanceFacts(row.sop_instance_uid, row.sop_class_uid, image_type, self._thickness.get(row.version_id))


@lru_cache(maxsize=2**16)
def _set(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(texts) - {""}


@lru_cache(maxsize=2**16)
def _day(text: str) -> date | None:
    """Return a date as DICOM or ISO 8601 has it, None where there is none, or no real one."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _fact(row: FactRow) -> Fact:
    source = f"{row.feed or 'unknown feed'}, {row.time[:10]}"
    day = date.fromisoformat(row.date)
    return Fact(FactKind(row.kind), day, row.establishment, row.code, row.system, source)


def _codes(more: str) -> tuple[Code, ...]:
    items: Iterable[Mapping[str, Any]] = orjson.loads(more).get("ProcedureCodeSequence", ())
    return tuple(Code(str(each.get("CodingSchemeDesignator", "")), str(each.get("CodeValue", ""))) for each in items)


class _Modalities(NamedTuple):
    """Those of the series of a study, and the one that says most of it."""

    all: frozenset[str]
    main: str


@lru_cache(maxsize=2**16)
def _modalities(said: tuple[str, ...]) -> _Modalities:
    main = next((each for each in said if each not in _SAYS_LEAST), said[0] if said else "")
    return _Modalities(_set(said), main)


def _in_conflict(timeline: Timeline) -> Timeline:
    return replace(timeline, identity=Identity.CONFLICT)


def _number(text: str) -> float | None:
    try:
        return float(text.split("\\")[0])
    except ValueError:
        return None
