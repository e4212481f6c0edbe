"""The study browser shows what it is given with all markup escaped, says what is wrong, and needs no script."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from vna.console import FoundStudies, Study, StudyBrowser, StudySearch, console_routes
from vna.console.studies import PAGE_SIZE, parse_study_search
from vna.errors import OutOfResources
from vna.settings import HttpSettings
from vna.web import create_web_app
from web import ADDRESS

STUDY = Study(
    uid="1.2.3",
    patient_name="Lefèvre^Éloïse=李^美华",
    patient_id="4711",
    issuer="CHU & Co",
    birth_date="19580314",
    sex="F",
    date="20240514",
    time="141205",
    description="Scanner thoracique",
    accession_number="A1",
    modalities="CT\\SR",
    series="2",
    instances="1100",
)
ONE = FoundStudies((STUDY,), 1, more=False, within_days=None)


class Tags(HTMLParser):
    """Collects the elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _client(find: Callable[[StudySearch], FoundStudies], *, viewer: bool = True) -> TestClient:
    browser = StudyBrowser(find, "<VNA>", viewer)
    routes = console_routes(
        lambda: pytest.fail("the node is not asked"), {}, lambda _accept: (b"", "text/plain"), browser
    )
    return TestClient(create_web_app(routes, HttpSettings()), base_url=ADDRESS)


def _page(found: FoundStudies = ONE, query: str = "", *, viewer: bool = True) -> str:
    answer = _client(lambda _asked: found, viewer=viewer).get("/" + query)
    assert answer.status_code == 200
    return answer.text


def test_a_study_is_shown_with_its_links() -> None:
    page = _page()
    links = [attributes["href"] for tag, attributes in Tags(page).found if tag == "a"]

    for shown in (
        "Lefèvre, Éloïse (李 美华)",
        "4711",
        "of CHU &amp; Co",
        "1958-03-14",
        "2024-05-14, 14:12",
        "<b>CT</b><b>SR</b>",
        "1,100",
    ):
        assert shown in page
    assert {
        "viewer/viewer?StudyInstanceUIDs=1.2.3",
        "dicom-web/studies/1.2.3/metadata?accept=application/json",
        "dicom-web/studies/1.2.3?accept=application/zip",
        "?id=4711&issuer=CHU+%26+Co",
        "status",
    } <= set(links)
    assert 'src="dicom-web/studies/1.2.3/thumbnail"' in page


def test_without_a_viewer_nothing_links_to_it() -> None:
    assert "viewer/" not in _page(viewer=False)


@pytest.mark.parametrize("field", [name for name in Study.__dataclass_fields__ if name not in ("series", "instances")])
def test_no_value_becomes_markup(field: str) -> None:
    bad = "\"><script>alert(1)</script><img src=x onerror=y> ' & $"
    page = _page(replace(ONE, studies=(replace(STUDY, **{field: bad}),)))

    tags = Tags(page).found
    assert "script" not in [tag for tag, _ in tags]
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "<VNA>" not in page


def test_what_was_typed_is_shown_again_and_stays_text() -> None:
    typed = '"><script>'
    page = _page(query=f"?patient={typed}&description={typed}&modality={typed}")

    values = [attributes.get("value") for tag, attributes in Tags(page).found if tag == "input"]
    assert values.count(typed) == 3
    assert "<script" not in page


def test_a_page_holds_nothing_that_its_own_policy_forbids() -> None:
    answer = _client(lambda _asked: ONE).get("/")

    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "img-src 'self'", "style-src 'self'", "form-action 'self'"):
        assert rule in policy
    for tag, attributes in Tags(answer.text).found:
        assert tag not in ("script", "style", "iframe", "object")
        assert "style" not in attributes
        assert ":" not in (attributes.get("href") or attributes.get("src") or "").partition("?")[0]
    assert answer.headers["cache-control"] == "no-store"


def test_every_field_has_a_label() -> None:
    tags = [tag for tag, _ in Tags(_page()).found]

    assert tags.count("label") == tags.count("input") == 5


def test_pages_follow_each_other_with_the_same_search() -> None:
    found = FoundStudies((STUDY,) * PAGE_SIZE, 3 * PAGE_SIZE, more=False, within_days=None)
    page = _page(found, "?patient=Roux%26Co&page=2")

    links = {attributes.get("rel"): attributes["href"] for tag, attributes in Tags(page).found if tag == "a"}
    assert links["prev"] == "?patient=Roux%26Co&page=1"
    assert links["next"] == "?patient=Roux%26Co&page=3"
    assert f"Shown are {PAGE_SIZE + 1} to {2 * PAGE_SIZE}" in page


def test_the_last_page_has_no_next_one() -> None:
    found = FoundStudies((STUDY,), PAGE_SIZE + 1, more=False, within_days=None)

    assert 'rel="next"' not in _page(found, "?page=2")
    assert 'rel="prev"' not in _page(ONE)


@pytest.mark.parametrize(
    ("found", "query", "said"),
    [
        (FoundStudies((), 0, more=False, within_days=None), "", "The archive holds no study yet."),
        (FoundStudies((), 0, more=False, within_days=None), "?patient=x", "No study matches."),
        (ONE, "", "1 study."),
        (replace(ONE, count=1000, more=True), "?patient=x", "More than 1,000 studies; narrow the search to see others"),
        (replace(ONE, count=30, within_days=7), "", "30 studies of the last 7 days; narrow the search to see others"),
        (replace(ONE, count=30, within_days=0), "", "30 studies of today; narrow"),
        (replace(ONE, count=30, within_days=7), "?to=2020-01-31", "30 studies of the 7 days before 2020-01-31; narrow"),
        (replace(ONE, count=30, within_days=0), "?to=2020-01-31", "30 studies of 2020-01-31; narrow"),
        (FoundStudies((), 3, more=False, within_days=None), "?page=9", "3 studies. There is no page 9."),
    ],
)
def test_it_says_how_many_there_are(found: FoundStudies, query: str, said: str) -> None:
    assert said in _page(found, query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?from=31.1.2026", "The date &quot;from&quot; is none: write it as 2026-01-31."),
        ("?to=2026-02-30", "The date &quot;to&quot; is none"),
        ("?from=2026-02-02&to=2026-02-01", "The last date lies before the first one."),
        ("?page=0", "Pages are counted from 1"),
        ("?page=99999999", "Pages are counted from 1"),
        (f"?patient={'x' * 65}", "The patient has more than 64 characters"),
        ("?description=%00", "characters nobody can read"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(query: str, said: str) -> None:
    answer = _client(lambda _asked: ONE).get("/" + query)

    assert answer.status_code == 400
    assert said in answer.text


def test_a_search_the_archive_cannot_mean_and_an_index_that_is_away_are_said_too() -> None:
    def refused(_asked: StudySearch) -> FoundStudies:
        raise ValueError("several <values>")

    def away(_asked: StudySearch) -> FoundStudies:
        raise OutOfResources("the index is unreachable")

    answers = [_client(find).get("/") for find in (refused, away)]

    assert [answer.status_code for answer in answers] == [400, 503]
    assert "several &lt;values&gt;" in answers[0].text
    assert "the index is unreachable" in answers[1].text


def test_a_patient_of_an_issuer_can_be_narrowed_and_paged_without_being_lost() -> None:
    found = FoundStudies((STUDY,) * PAGE_SIZE, 60, more=False, within_days=None)

    page = _page(found, "?id=4711&issuer=CHU")

    typed = {tag["name"]: tag["value"] for name, tag in Tags(page).found if name == "input" and "value" in tag}
    assert (typed["id"], typed["issuer"]) == ("4711", "CHU")
    assert '"?id=4711&amp;issuer=CHU&amp;page=2"' in page
    assert 'name="issuer"' not in _page(found, "?patient=4711")


def test_a_search_is_read_from_the_address() -> None:
    typed = {"patient": " Roux ", "from": "2026-01-01", "to": "", "modality": "ct", "description": "a b", "page": "3"}

    assert parse_study_search(typed) == StudySearch("Roux", date(2026, 1, 1), None, "CT", "a b", 3)
    assert parse_study_search({"id": "47", "issuer": "B "}) == StudySearch(patient_id="47", issuer="B")
