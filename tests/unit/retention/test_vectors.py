"""The test vectors of the retention law, against the profiles that come with the node."""

from dataclasses import replace

import pytest

from retention_facts import day, end, evaluate, fact, hold, patient, shipped, study, visited
from vna.events import FactKind, HoldKind
from vna.retention import Examination, Fact, StudyFacts, Timeline, communicable, read_profile, shipped_profiles

V1 = ("1950-01-01", "2006-03-15")


def _death(when: str) -> Fact:
    return fact(FactKind.DEATH, when)


TRANSFUSION = fact(FactKind.TRANSFUSION, "2004-01-10")
CLAIM = (fact(FactKind.CLAIM_OPENED, "2012-01-01", "C1"), fact(FactKind.CLAIM_CLOSED, "2013-02-04", "C1"))
FRENCH = {
    "V1": (visited(*V1), "2026-03-15"),
    "V2": (visited("2006-02-10", "2010-06-01"), "2034-02-10"),
    "V3": (visited("2006-02-10", "2015-06-01"), "2035-06-01"),
    "V4": (visited(*V1, _death("2009-05-20")), "2019-05-20"),
    "V5": (visited(*V1, _death("2018-05-20")), "2026-03-15"),
    "V6": (visited("2010-02-10", "2015-06-01", _death("2016-01-05")), "2026-01-05"),
    "V7": (visited(*V1, TRANSFUSION), "2036-03-15"),
    "V8": (visited(*V1, TRANSFUSION, _death("2007-02-02")), "2036-03-15"),
    "V9": (visited(*V1, *CLAIM), "2027-04-19"),
    "V10": (visited(*V1, CLAIM[0]), None),
    "V11": (visited("2000-02-29", "2000-05-01"), "2028-02-29"),
    "V12": (visited("1950-01-01", "2008-02-29"), "2028-02-29"),
    "V13": (visited(*V1, _death("2016-03-15")), "2026-03-15"),
    "V13b": (visited(*V1, _death("2016-03-14")), "2026-03-14"),
}


LASTING = {
    "death-25": (visited(*V1, _death("2009-05-20")), ("2034-05-20", "death")),
    "birth-120": (visited(*V1), ("2070-01-01", "birth")),
    "unknown": (visited(None, "2006-03-15"), None),
}
"""When what is kept for history may be communicated (Code du patrimoine L.213-2)."""


@pytest.mark.parametrize("name", LASTING)
def test_what_is_kept_for_history_is_closed_as_long_as_the_law_says(name: str) -> None:
    timeline, expected = LASTING[name]

    term = communicable(shipped("fr-csp-public").communicable, timeline)

    assert (term and (str(term.after), term.start_event)) == expected
    assert term is None or "L.213-2" in term.cite
    assert communicable(shipped("plain").communicable, timeline) is None


@pytest.mark.parametrize("name", FRENCH)
def test_a_french_record_is_kept_as_long_as_the_law_says(name: str) -> None:
    timeline, expected = FRENCH[name]

    assert end(timeline, shipped("fr-csp-public")) == expected


@pytest.mark.parametrize("modality", ["CT", "MG", "RTPLAN"])
@pytest.mark.parametrize("name", shipped_profiles())
def test_a_study_that_is_wholly_rejected_ends_when_another_one_would(name: str, modality: str) -> None:
    about = study("2000-03-15", modalities=frozenset((modality,)))
    rejected = replace(about, record_class="rejected")
    cases = [timeline for timeline, _ in FRENCH.values()] + [patient(None), patient("1995-01-01")]

    for timeline in cases:
        assert end(timeline, shipped(name), rejected) == end(timeline, shipped(name), about)


def test_v7b_the_site_may_count_a_transfusion_from_the_act() -> None:
    text = shipped_profiles()["fr-csp-public"].replace("transfusion_start: later_of_both", "transfusion_start: act")

    assert end(visited(*V1, TRANSFUSION), read_profile(text)) == "2034-01-10"


def test_v9_a_hold_for_a_claim_stops_time_as_the_claim_itself_does() -> None:
    over = hold("2012-01-01", "2013-02-03", kind=HoldKind.LIABILITY_CLAIM)

    verdict = evaluate(visited(*V1), shipped("fr-csp-public"), holds=(over,))

    assert verdict.retain_until == day("2027-04-19")


def test_a_claim_told_twice_stops_time_once() -> None:
    over = hold("2012-01-01", "2013-02-03", kind=HoldKind.LIABILITY_CLAIM)

    verdict = evaluate(visited(*V1, *CLAIM), shipped("fr-csp-public"), holds=(over,))

    assert verdict.retain_until == day("2027-04-19")


@pytest.mark.parametrize("known_by", ["visit", "image"])
def test_v14_an_external_x_ray_prolongs_all_studies_of_the_establishment(known_by: str) -> None:
    here, old = "750000001", study("2004-05-05", establishments=frozenset(("750000001",)))
    came = fact(FactKind.VISIT, "2006-03-15", establishment=here)
    x_ray = Examination(day("2011-01-10"), here, frozenset(("DX",)), "1.2.840.99.2")
    again = fact(FactKind.VISIT, "2011-01-10", establishment=here)
    timeline = (
        patient("1950-01-01", came, again) if known_by == "visit" else patient("1950-01-01", came, images=[x_ray])
    )

    assert end(timeline, shipped("fr-csp-public"), old) == "2031-01-10"


def test_v14_a_visit_elsewhere_prolongs_nothing_here() -> None:
    old = study("2004-05-05", establishments=frozenset(("750000001",)))
    timeline = visited("1950-01-01", "2006-03-15", fact(FactKind.VISIT, "2011-01-10", establishment="690000002"))

    assert end(timeline, shipped("fr-csp-public"), old) == "2026-03-15"


@pytest.mark.parametrize(
    ("born", "expected"), [("1950-01-01", "2026-05-04"), ("2008-07-01", "2036-07-01")], ids=["D1", "D2"]
)
def test_a_german_record_is_kept_as_long_as_the_law_says(born: str, expected: str) -> None:
    assert end(visited(born, "2016-05-04"), shipped("de"), study("2016-05-04")) == expected


@pytest.mark.parametrize(
    ("seen", "expected"), [("2021-03-01", "2033-07-01"), ("2026-03-01", "2034-07-01")], ids=["aged-12", "aged-17"]
)
def test_u1_a_british_child_is_kept_until_a_birthday(seen: str, expected: str) -> None:
    assert end(visited("2008-07-01", seen), shipped("uk-nhs")) == expected


@pytest.mark.parametrize(("returned", "expected"), [("2020-04-01", "2023-04-01"), (None, "2028-04-01")])
def test_m1_a_mammogram_is_kept_longer_where_none_followed(returned: str | None, expected: str) -> None:
    first = _mammogram("2018-04-01", "1.2.840.99.1")
    images = [first] + ([_mammogram(returned, "1.2.840.99.2")] if returned else [])
    timeline = Timeline.of((), images)
    about = StudyFacts("1.2.840.99.1", day("2018-04-01"), modalities=frozenset(("MG",)))

    assert end(timeline, shipped("us-mqsa"), about) == expected


def _mammogram(when: str, uid: str) -> Examination:
    return Examination(day(when), "", frozenset(("MG",)), uid)
