"""The holds of an archive at one moment, looked up for many studies at once.

That a hold stands over something when it is to go is decided in the transaction that would let it go
(`vna.index.holds.any_over`); this is for telling beforehand.
"""

from collections.abc import Set as AbstractSet
from datetime import date

from vna.events import HoldKind, HoldLevel
from vna.index import Hold, HoldReader
from vna.model import Scope, StudyUID
from vna.retention import HoldFacts


class HoldBook:
    """Holds by the study they cover: those that were not released, and released ones of kinds that suspend."""

    def __init__(self, reader: HoldReader, suspending: AbstractSet[HoldKind]) -> None:
        self._of_studies: dict[str, tuple[HoldFacts, ...]] = {}
        for one in reader.all():
            if one.released_at is None or one.kind in suspending:
                for study_uid, series_uid in sorted(reader.covered(one), key=str):
                    self._of_studies[study_uid] = (*self.over(study_uid), _facts(one, series_uid or ""))

    def over(self, study_uid: str) -> tuple[HoldFacts, ...]:
        """Return the holds over a study or series of it, whatever their dates, oldest first."""
        return self._of_studies.get(study_uid, ())


def holds_over(reader: HoldReader, study: StudyUID, on: date, suspending: AbstractSet[HoldKind]) -> list[HoldFacts]:
    """Return the holds that count for one study on a day, without looking at what else they cover.

    A hold by query that asks for a series of it counts for all of it.
    """
    standing = set(reader.over(Scope(study), on))
    found = []
    for one in reader.all():
        series = one.series if one.level is HoldLevel.SERIES else ""
        if one.number in standing or (one.kind in suspending and _covers(reader, one, study)):
            found.append(_facts(one, series))
    return found


def _covers(reader: HoldReader, one: Hold, study: StudyUID) -> bool:
    if one.level in (HoldLevel.STUDY, HoldLevel.SERIES):
        return one.study == study
    return any(each == study for each, _ in reader.covered(one))


def _facts(one: Hold, series_uid: str) -> HoldFacts:
    return HoldFacts(
        id=one.number,
        kind=one.kind,
        level=one.level,
        from_date=date.fromisoformat(one.from_date),
        until_date=date.fromisoformat(one.until_date) if one.until_date else None,
        released_on=date.fromisoformat(one.released_time[:10]) if one.released_time else None,
        series=series_uid,
    )
