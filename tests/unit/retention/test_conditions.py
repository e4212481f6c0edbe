"""Conditions: one rule per criterion, on the study it names and on one it does not."""

import pytest

from retention_facts import day, evaluate, fact, patient, study
from vna.events import FactKind
from vna.retention import Code, Examination, InstanceFacts, Profile, SeriesFacts, StudyFacts, Timeline, read_profile

PLAIN = patient("1950-01-01", fact(FactKind.VISIT, "2001-01-01"))
OF_STUDIES = [
    ("modality: [MR, CT]", {"modalities": frozenset(("CT", "SR"))}, {"modalities": frozenset(("US",))}),
    ("sop_class: 1.2.3", {"sop_classes": frozenset(("1.2.3",))}, {"sop_classes": frozenset(("1.2.4",))}),
    ("body_part: [BREAST]", {"body_parts": frozenset(("breast",))}, {"body_parts": frozenset(("CHEST",))}),
    (
        "procedure_code: {system: LN, values: [30746-2]}",
        {"procedure_codes": (Code("LN", "30746-2"),)},
        {"procedure_codes": (Code("X", "30746-2"),)},
    ),
    (
        "procedure_code: {system: LN, prefixes: [307]}",
        {"procedure_codes": (Code("LN", "30746-2"),)},
        {"procedure_codes": (Code("LN", "1"),)},
    ),
    ("study_description: '*thorax*'", {"description": "TDM Thorax"}, {"description": "TDM crâne"}),
    (
        "series_description: ['loc?', scout]",
        {"series_descriptions": frozenset(("Scout",))},
        {"series_descriptions": frozenset(("locus",))},
    ),
    ("station: CT0*", {"stations": frozenset(("CT01",))}, {"stations": frozenset(("MR01",))}),
    ("source: PACS_*", {"sources": frozenset(("PACS_A",))}, {"sources": frozenset(("OTHER",))}),
    ("institution: '*nord*'", {"institutions": frozenset(("CH Nord",))}, {"institutions": frozenset(("CH Sud",))}),
    ("establishment: '750000001'", {"establishments": frozenset(("750000001",))}, {}),
    ("record_class: teaching", {"record_class": "teaching"}, {}),
    (
        "study_date: {from: 2000-01-01, before: 2001-01-01}",
        {"study_date": day("2000-12-31")},
        {"study_date": day("2001-01-01")},
    ),
    ("age_at_study: {below: 18}", {"study_date": day("1967-12-31")}, {"study_date": day("1968-01-01")}),
    ("not: {modality: US}", {"modalities": frozenset(("CT",))}, {"modalities": frozenset(("US",))}),
    ("any: [{modality: US}, {station: A}]", {"stations": frozenset(("A",))}, {}),
    ("{modality: CT, station: A}", {"stations": frozenset(("A",))}, {"stations": frozenset(("B",))}),
]
OF_PATIENTS = [
    ("sex: F", Timeline.of(sex="F"), Timeline.of(sex="M")),
    ("birth_date: known", patient("1950-01-01"), patient(None)),
    ("birth_date: unknown", patient(None), patient("1950-01-01")),
    ("deceased: true", patient(None, fact(FactKind.DEATH, "2001-01-01")), PLAIN),
    ("deceased: false", PLAIN, patient(None, fact(FactKind.DEATH, "2001-01-01"))),
    (
        "death_before: {start: study_date, years: 1}",
        patient(None, fact(FactKind.DEATH, "1990-12-31")),
        patient(None, fact(FactKind.DEATH, "1991-01-01")),
    ),
    (
        "event: transfusion",
        patient(None, fact(FactKind.TRANSFUSION, "2001-01-01")),
        patient(None, fact(FactKind.FLAG, "2001-01-01", "implant")),
    ),
    (
        "event: [implant]",
        patient(None, fact(FactKind.FLAG, "2001-01-01", "implant")),
        patient(None, fact(FactKind.TRANSFUSION, "2001-01-01")),
    ),
    (
        "diagnosis: {system: CIM-10, prefixes: [C50]}",
        patient(None, fact(FactKind.DIAGNOSIS, "2001-01-01", "C50.9", system="CIM-10")),
        patient(None, fact(FactKind.DIAGNOSIS, "2001-01-01", "I10", system="CIM-10")),
    ),
    (
        "diagnosis: [C50.9, I10]",
        patient(None, fact(FactKind.DIAGNOSIS, "2001-01-01", "I10", system="CIM-10")),
        patient(None, fact(FactKind.DIAGNOSIS, "2001-01-01", "I11", system="CIM-10")),
    ),
    ("age_at_last_visit: {min: 51, below: 52}", PLAIN, patient("1960-01-01", fact(FactKind.VISIT, "2001-01-01"))),
    (
        "later_examination: {months: 6}",
        Timeline.of((), [Examination(day("1990-07-01"), "", frozenset(("CT",)))]),
        Timeline.of((), [Examination(day("1990-07-02"), "", frozenset(("CT",)))]),
    ),
    (
        "later_examination: {modality: MR, years: 1}",
        Timeline.of((), [Examination(day("1990-07-01"), "", frozenset(("MR",)))]),
        Timeline.of((), [Examination(day("1990-07-01"), "", frozenset(("CT",)))]),
    ),
]


def profile_with(when: str, level: str = "study") -> Profile:
    """Return a profile with one rule that asks for something, and one on whole studies."""
    if not when.startswith("{"):
        when = "{" + when + "}"
    return read_profile(
        "profile: test\nversion: '1'\nrules:\n"
        f"- {{id: IT, level: {level}, when: {when}, start: study_date, keep: {{years: 1}}, cite: policy}}\n"
        "- {id: ALL, when: {study_date: {from: 1900-01-01}}, start: study_date, keep: {years: 9}, cite: policy}\n"
    )


def _applies(when: str, timeline: Timeline, about: StudyFacts) -> bool:
    return "IT" in evaluate(timeline, profile_with(when), about).counting


@pytest.mark.parametrize(("when", "yes", "no"), OF_STUDIES, ids=[each[0] for each in OF_STUDIES])
def test_a_rule_applies_to_studies_that_fit(when: str, yes: dict[str, object], no: dict[str, object]) -> None:
    assert _applies(when, PLAIN, study(**yes))
    assert not _applies(when, PLAIN, study(**no))


@pytest.mark.parametrize(("when", "yes", "no"), OF_PATIENTS, ids=[each[0] for each in OF_PATIENTS])
def test_a_rule_applies_to_patients_that_fit(when: str, yes: Timeline, no: Timeline) -> None:
    assert _applies(when, yes, study())
    assert not _applies(when, no, study())


def test_an_age_that_nobody_knows_fits_no_rule() -> None:
    assert not _applies("age_at_study: {below: 200}", patient(None), study())


@pytest.mark.parametrize("thickness", [None, 1.25, 5.0])
def test_only_slices_that_are_known_to_be_thin_are_thin(thickness: float | None) -> None:
    thin = SeriesFacts("1.1", "CT", slice_thickness=thickness)
    about = study(series=(thin, SeriesFacts("1.2", "CT", slice_thickness=5.0)))

    assert not evaluate(PLAIN, profile_with("slice_thickness: {below: 1.25}", "series"), about).parts


def test_a_rule_may_name_instances_by_their_image_type() -> None:
    instances = (InstanceFacts("1.1.1", image_type=frozenset(("LOCALIZER",))), InstanceFacts("1.1.2"))

    verdict = evaluate(
        PLAIN,
        profile_with("image_type: LOCALIZER", "instance"),
        study(series=(SeriesFacts("1.1", "CT", instances=instances),)),
    )

    assert [(part.series_uid, part.instance_uid) for part in verdict.parts] == [("1.1", "1.1.1")]


def test_what_rules_ask_for_is_told_so_that_nothing_else_is_gathered() -> None:
    assert profile_with("station: A").needs == {"station", "study_date"}
