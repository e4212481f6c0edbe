"""Pages of matches: in the order of the journal whichever way leads to them, on every database."""

from collections.abc import Iterator

import pytest

from arrivals import Sender, arrival, description, key
from vna.dicom.attributes import Level, Model
from vna.dicom.keys import Rules, parse_key
from vna.dicom.matching import Empty, EveryOf, FuzzyName, Matcher, Range, SingleValue, Universal, WildCard
from vna.dicom.query import Query
from vna.index import Page, open_index


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


def send(sender: Sender, number: int, **study: str) -> str:
    uid = f"1.9.{number}"
    patient = {"PatientID": f"P{number}", "PatientName": study.pop("PatientName", f"NAME^{number}")}
    sender.send(arrival(f"{uid}{study}", key(uid, f"{uid}.1", f"{uid}.1.1")), description(patient, study))
    return uid


def page(sender: Sender, offset: int = 0, limit: int = 100, level: Level = Level.STUDY, **keys: Matcher) -> Page:
    query = Query(level, Model.STUDY_ROOT, {"StudyInstanceUID": Universal(), **keys}, relational=True)
    return sender.index.finder.page(query, offset=offset, limit=limit)


def uids(found: Page) -> list[object]:
    return [match["StudyInstanceUID"] for match in found.matches]


EVERY_WAY: dict[str, dict[str, Matcher]] = {
    "all": {},
    "walk": {"StudyDescription": WildCard("*Thorax")},
    "index": {"PatientName": WildCard("NAME*")},
    "computed": {"ModalitiesInStudy": SingleValue("CT")},
    "range": {"StudyDate": Range("20240101", "20240131")},
}


@pytest.fixture(params=[True, False], ids=["by-index", "by-walking"])
def sampled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no walk pay once it has passed a row, or let the whole archive fit into its first step."""
    monkeypatch.setattr("vna.index.candidates.PAGE", 3)
    if request.param:
        monkeypatch.setattr("vna.index.candidates._SAMPLE", 2)
        monkeypatch.setattr("vna.index.candidates._ONE_IN", 0)


@pytest.mark.usefixtures("sampled")
def test_pages_put_together_are_all_matches_in_order(sender: Sender) -> None:
    other = arrival("other", key("1.8", "1.8.1", "1.8.1.1"))
    different = {"StudyDescription": "other", "StudyDate": "20230101"}
    sender.send(other, description({"PatientName": "OTHER"}, different, {"Modality": "MR"}))
    sent = [send(sender, number) for number in range(11)]

    for name, keys in EVERY_WAY.items():
        wanted = sent if keys else ["1.8", *sent]
        for size in (3, 12):
            pages = [page(sender, offset, size, **keys) for offset in range(0, len(wanted), size)]
            left = [max(0, len(wanted) - given) for given in range(size, len(wanted) + size, size)]

            assert [uid for each in pages for uid in uids(each)] == wanted, (name, size)
            assert [(each.behind, each.exact) for each in pages] == [(number, True) for number in left], (name, size)


@pytest.mark.usefixtures("sampled")
def test_a_study_shown_with_a_later_record_keeps_its_place(sender: Sender) -> None:
    first, second = send(sender, 1), send(sender, 2)
    at = key(first, f"{first}.1", f"{first}.1.2")
    sender.send(arrival("later", at), description({"PatientName": "NAME^NEW"}))
    sender.reject(first, f"{first}.1", f"{first}.1.1")

    assert uids(page(sender)) == uids(page(sender, PatientName=WildCard("NAME*"))) == [first, second]


@pytest.mark.usefixtures("sampled")
def test_what_arrives_between_two_pages_shifts_nothing(sender: Sender) -> None:
    sent = [send(sender, number) for number in range(4)]
    before = page(sender, 0, 2, PatientName=WildCard("NAME*"))
    sent.append(send(sender, 4))

    assert uids(before) + uids(page(sender, 2, 10, PatientName=WildCard("NAME*"))) == sent


def test_where_much_comes_behind_a_page_it_says_that_there_is_more(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vna.index.candidates.PAGE", 1)
    monkeypatch.setattr("vna.index.paging._LOOKS", 2)
    monkeypatch.setattr("vna.index.paging._MOST_COUNTED", 3)
    for number in range(6):
        send(sender, number)

    every, some = page(sender, limit=1), page(sender, limit=1, PatientName=WildCard("NAME*"))

    assert (every.behind, every.exact) == (3, False)
    assert (some.behind, some.exact) == (2, False)


@pytest.mark.parametrize("level", [Level.STUDY, Level.SERIES, Level.IMAGE])
def test_what_was_rejected_is_on_no_page_and_counted_nowhere(sender: Sender, level: Level) -> None:
    sent = [send(sender, number) for number in range(4)]
    sender.reject(sent[1])

    found, last = page(sender, 0, 1, level), page(sender, 2, 1, level)

    assert (found.behind, uids(last)) == (2, [sent[3]])


def test_behind_the_last_match_there_is_nothing(sender: Sender) -> None:
    send(sender, 1)

    assert (
        page(sender, offset=5)
        == page(sender, offset=10**12)
        == page(sender, offset=5, PatientID=SingleValue("P1"))
        == Page([], 0, exact=True)
    )


BY_NAME_OR_NOTHING: list[tuple[str, Matcher, list[str]]] = [
    ("AccessionNumber", Empty(), ["1.9.2"]),
    ("PatientName", Empty(), ["1.9.3"]),
    ("ReferringPhysicianName", Empty(), ["1.9.1", "1.9.2", "1.9.3"]),
    ("ModalitiesInStudy", Empty(), []),
    ("PatientAge", Empty(), ["1.9.2", "1.9.3"]),
    ("PatientName", FuzzyName("maier jörg"), ["1.9.1"]),
    ("PatientName", FuzzyName("jorg=yamada"), []),
    ("PatientName", FuzzyName("jorg=山*"), ["1.9.1"]),
    ("PatientName", FuzzyName("m?ier"), ["1.9.1"]),
    ("PatientName", FuzzyName("dup"), ["1.9.2"]),
]


@pytest.mark.usefixtures("sampled")
def test_studies_are_found_by_name_and_by_what_is_missing(sender: Sender) -> None:
    send(sender, 1, PatientName="Meier^Joerg=山田^太郎", PatientAge="050Y")
    send(sender, 2, PatientName="DUPOND^JEAN", AccessionNumber="")
    send(sender, 3, PatientName="")

    for keyword, matcher, found in BY_NAME_OR_NOTHING:
        assert uids(page(sender, **{keyword: matcher})) == found, (keyword, matcher)


@pytest.mark.usefixtures("sampled")
def test_names_that_came_after_a_fuzzy_search_are_found_by_the_next(sender: Sender) -> None:
    for number in range(3):
        send(sender, number)
    before = page(sender, PatientName=FuzzyName("dupond"))
    send(sender, 3, PatientName="DUPOND^ANNE")

    assert uids(before) == []
    assert uids(page(sender, PatientName=FuzzyName("dupont"))) == ["1.9.3"]


def test_every_value_asked_for_has_to_be_there(sender: Sender) -> None:
    for number, modality in enumerate(("CT", "PT", "CT")):
        at = key("1.1", f"1.1.{number}", f"1.1.{number}.1") if number < 2 else key("1.2", "1.2.1", "1.2.1.1")
        sender.send(arrival(str(number), at), description(series={"Modality": modality}))
    rules = Rules(every_value=True)

    assert parse_key("CT\\PT", "CS", rules) == EveryOf(frozenset({"CT", "PT"}))
    assert uids(page(sender, ModalitiesInStudy=parse_key("CT\\PT", "CS", rules))) == ["1.1"]
    assert uids(page(sender, ModalitiesInStudy=parse_key("CT\\PT", "CS"))) == ["1.1", "1.2"]


def test_what_lies_in_another_day_of_the_zone_asked_for_is_not_counted(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vna.index.candidates._SAMPLE", 3)
    for number, time in enumerate(("1200", "2330", "1300", "2345", "1400")):
        send(sender, number, StudyDate="20240301", StudyTime=time, TimezoneOffsetFromUTC="+0000")
    keys = dict.fromkeys(("StudyInstanceUID", "StudyTime", "TimezoneOffsetFromUTC"), Universal())
    query = Query(Level.STUDY, Model.STUDY_ROOT, {**keys, "StudyDate": Range("20240301", "20240301")}, offset=60)

    found = sender.index.finder.page(query, offset=0, limit=1)

    assert (uids(found), found.behind) == (["1.9.0"], 2)
    assert uids(sender.index.finder.page(query, offset=1, limit=5)) == ["1.9.2", "1.9.4"]
