"""The case that conditions look at: a study or a part of it, its patient's timeline, and what follows from both."""

from dataclasses import replace
from datetime import date

from vna.retention.facts import InstanceFacts, SeriesFacts, StudyFacts, Timeline


class Case:
    """A study, or a part of one described as if it were the study, among the visits and studies that count for it.

    `visits` and `examinations` are those that count for it; `last_visit` is the latest of them. `thickness` (mm) and
    `image_type` are of a part alone.
    """

    __slots__ = ("birth", "examinations", "image_type", "last_visit", "study", "thickness", "timeline", "visits")

    def __init__(self, timeline: Timeline, study: StudyFacts, *, everywhere: bool, alone: bool) -> None:
        """Take what is known; visits count everywhere, or where the study was made, or not at all (`alone`)."""
        self.timeline, self.study = timeline, study
        self.birth = timeline.birth_date
        self.thickness: float | None = None
        self.image_type: frozenset[str] = frozenset()
        visits, examinations = ((), ()) if alone else (timeline.visits, timeline.examinations)
        here = study.establishments
        if here and not everywhere:
            visits = tuple(each for each in visits if not each.establishment or each.establishment in here)
            examinations = tuple(each for each in examinations if not each.establishment or each.establishment in here)
        self.visits, self.examinations = visits, examinations
        last = study.study_date
        for visit in visits:
            if last is None or visit.date > last:
                last = visit.date
        for examination in examinations:
            if last is None or examination.date > last:
                last = examination.date
        self.last_visit: date | None = last

    def of_part(self, series: SeriesFacts, instance: InstanceFacts | None = None) -> "Case":
        """Return the case of a series of the study, or of an instance of that series."""
        case = Case.__new__(Case)
        case.timeline, case.birth, case.last_visit = self.timeline, self.birth, self.last_visit
        case.examinations, case.visits = self.examinations, self.visits
        case.study = replace(
            self.study,
            modalities=frozenset((series.modality,)),
            sop_classes=series.sop_classes if instance is None else frozenset((instance.sop_class,)),
            body_parts=frozenset((series.body_part,)),
            series_descriptions=frozenset((series.description,)),
            stations=frozenset((series.station,)),
            institutions=frozenset((series.institution,)),
            sources=series.sources or self.study.sources,
        )
        case.thickness = series.slice_thickness if instance is None else instance.slice_thickness
        case.image_type = frozenset() if instance is None else instance.image_type
        return case
