"""Patients, studies and profiles for tests of retention, said in few words; dates are ISO 8601."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import cache

from vna.events import FactKind, HoldKind, HoldLevel
from vna.retention import (
    Examination,
    Fact,
    HoldFacts,
    Profile,
    StudyFacts,
    Timeline,
    Verdict,
    read_profile,
    shipped_profiles,
)
from vna.retention import evaluate as _evaluate

STUDY = "1.2.840.99.1"
LONG_AGO = "1990-01-01"


def day(text: str) -> date:
    """Return a date."""
    return date.fromisoformat(text)


@cache
def shipped(name: str) -> Profile:
    """Return a profile that comes with the node, as if somebody had verified it."""
    text = shipped_profiles()[name]
    return read_profile(text.replace('{by: "", on: ""}', '{by: "A. Reader", on: 2025-01-15}'))


def fact(kind: FactKind, when: str, code: str = "", *, system: str = "", establishment: str = "") -> Fact:
    """Return a fact of a patient that somebody told at the command line."""
    return Fact(kind, day(when), establishment, code, system, "cli")


def patient(born: str | None, *facts: Fact, images: Iterable[Examination] = ()) -> Timeline:
    """Return what is known of somebody, who has had images made."""
    return Timeline.of(facts, images, births=[day(born)] if born else [])


def visited(born: str | None, visit: str, *facts: Fact) -> Timeline:
    """Return what is known of somebody who came on a day."""
    return patient(born, fact(FactKind.VISIT, visit), *facts)


def study(when: str | None = LONG_AGO, **said: object) -> StudyFacts:
    """Return a CT study of a day."""
    plain = StudyFacts(STUDY, day(when) if when else None, modalities=frozenset(("CT",)))
    return replace(plain, **said)  # type: ignore[arg-type]


def hold(start: str, end: str | None = None, *, kind: HoldKind = HoldKind.INQUIRY, series: str = "") -> HoldFacts:
    """Return a hold over the study, or a series of it."""
    level = HoldLevel.SERIES if series else HoldLevel.STUDY
    return HoldFacts(7, kind, level, day(start), day(end) if end else None, series=series)


def evaluate(
    timeline: Timeline,
    profile: Profile,
    about: StudyFacts | None = None,
    *,
    on: str = "2026-11-22",
    holds: tuple[HoldFacts, ...] = (),
) -> Verdict:
    """Return the verdict on a study."""
    return _evaluate(timeline, about or study(), holds, profile, day(on))


def end(timeline: Timeline, profile: Profile, about: StudyFacts | None = None) -> str | None:
    """Return until when a study must be kept."""
    found = evaluate(timeline, profile, about).retain_until
    return found.isoformat() if found else None
