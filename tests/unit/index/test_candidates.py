"""Whatever way leads to the rows, a query finds what matching says, on every database."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.synthetic_index import build_index
from conformance.synthetic_studies import synthetic_study
from databases import prepared_database
from vna.dicom.attributes import BY_KEYWORD, Level, Model
from vna.dicom.describe import Value
from vna.dicom.keys import parse_key
from vna.dicom.query import Query
from vna.index import Index, candidates, open_index

STUDIES = 150
SOME = [synthetic_study(number, of=STUDIES) for number in range(0, STUDIES, 7)]
RETURNED = {
    Level.PATIENT: ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    Level.STUDY: ("StudyInstanceUID", "StudyDate", "StudyDescription", "ModalitiesInStudy", "AccessionNumber"),
    Level.SERIES: ("SeriesInstanceUID", "Modality", "SeriesDescription", "BodyPartExamined"),
    Level.IMAGE: ("SOPInstanceUID", "InstanceNumber", "Rows"),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    url = f"sqlite:///{tmp_path_factory.mktemp('candidates') / 'index.sqlite'}"
    if request.param == "postgresql":
        url = prepared_database(request.getfixturevalue("postgresql_server"))
    build_index(url, STUDIES)
    opened = open_index(url)
    yield opened
    opened.close()


def query_of(level: Level, keys: Mapping[str, str]) -> Query:
    depth = list(Level).index(level)
    returned = [keyword for each in list(Level)[: depth + 1] for keyword in RETURNED[each]]
    parsed = {keyword: parse_key(keys.get(keyword, ""), BY_KEYWORD[keyword].vr) for keyword in {*returned, *keys}}
    return Query(level, Model.STUDY_ROOT, parsed)


def found(index: Index, query: Query) -> list[tuple[Value, ...]]:
    return sorted(tuple(values[name] for name in sorted(values)) for values in index.finder.find(query))


def wild(text: str, cut: tuple[int, int], form: str) -> str:
    """Return a part of a text as a wild card of a form, in which `_` stands for it."""
    low, high = sorted((cut[0] % len(text), cut[1] % len(text)))
    return form.replace("_", text[low : high + 1].replace("=", "^") or text)


FORMS = st.sampled_from(["_*", "*_*", "*_", "?_*", "_?*", "*_*_*", "_"])
CUTS = st.tuples(st.integers(0, 30), st.integers(0, 30))


@st.composite
def a_key(draw: st.DrawFn) -> dict[str, str]:
    study = draw(st.sampled_from(SOME))
    name, form, cut = study.patient_name, draw(FORMS), draw(CUTS)
    return draw(
        st.sampled_from(
            [
                {"PatientName": wild(name, cut, form)},
                {"PatientName": name},
                {"PatientName": name.lower()},
                {"StudyDescription": wild(study.description, cut, form)},
                {"StudyDescription": study.description},
                {"PatientID": study.patient_id},
                {"PatientID": wild(study.patient_id, cut, form)},
                {"AccessionNumber": study.accession_number},
                {"StudyInstanceUID": f"{study.uid}\\{SOME[0].uid}"},
                {"StudyDate": f"{study.date}-"},
                {"StudyDate": f"-{study.date}"},
                {"StudyDate": f"{SOME[3].date}-{SOME[9].date}"},
                {"PatientBirthDate": study.birth_date},
                {"PatientSex": study.sex},
                {"ModalitiesInStudy": study.modality},
                {"ModalitiesInStudy": "C*"},
                {"ModalitiesInStudy": "CT\\MR"},
                {"ReferringPhysicianName": wild(study.physician, cut, form)},
            ]
        )
    )


@pytest.mark.parametrize("way", ["walking", "by-index", "too-many-to-list"])
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(keys=st.tuples(a_key(), a_key()), level=st.sampled_from(Level))
def test_a_query_finds_what_matching_says(
    index: Index, way: str, keys: tuple[dict[str, str], dict[str, str]], level: Level
) -> None:
    asked = {k: v for k, v in (keys[0] | keys[1]).items() if level is not Level.PATIENT or k.startswith("Patient")}
    query = query_of(level, asked)
    every = index.finder.find(replace(query, keys={keyword: parse_key("", "LO") for keyword in query.keys}))
    expected = sorted(tuple(values[name] for name in sorted(values)) for values in every if query.accepts(values))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_SAMPLE", 20 if way == "walking" else 1)
        patch.setattr(candidates.Candidates, "_pays", lambda _candidates, _walk: way == "walking")
        if way == "too-many-to-list":
            patch.setattr(candidates, "_MOST_LISTED", 2)
            patch.setattr(candidates, "_MOST_JOINED", 2)
        patch.setattr(candidates, "PAGE", 7)
        assert found(index, query) == expected


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows each walk has looked at, step by step."""
    walked: list[int] = []
    step = candidates._Walk.step

    def watched(walk: candidates._Walk, *arguments: object) -> object:
        result = step(walk, *arguments)  # type: ignore[arg-type]
        walked.append(walk.passed)
        return result

    monkeypatch.setattr(candidates._Walk, "step", watched)
    return walked


def test_the_first_matches_of_many_come_without_going_through_all(
    index: Index, monkeypatch: pytest.MonkeyPatch, walked: list[int]
) -> None:
    monkeypatch.setattr(candidates, "_SAMPLE", 20)

    next(index.finder.find(query_of(Level.STUDY, {"StudyDescription": "*T*"})))

    assert len(walked) == 1


@pytest.mark.parametrize("keys", [{}, {"ModalitiesInStudy": "CT\\MR\\CR\\DX\\US"}], ids=["listed", "joined"])
def test_all_since_a_day_long_after_the_first_is_not_listed(
    index: Index, monkeypatch: pytest.MonkeyPatch, walked: list[int], keys: Mapping[str, str]
) -> None:
    for name, number in (("_SAMPLE", 10), ("_MOST_LISTED", 20), ("_MOST_JOINED", 20)):
        monkeypatch.setattr(candidates, name, number)
    since = synthetic_study(STUDIES // 2, of=STUDIES).date

    first = next(index.finder.find(query_of(Level.STUDY, {"StudyDate": f"{since}-", **keys})))

    assert first["StudyDate"] >= since
    assert len(walked) == 2  # the oldest ten, and the first ten of those that match
    assert walked[1] <= 10
