"""Eliminations up to their decision: what is listed, who decides in which order, and what leaves the list."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from eliminating import (
    PERSONS,
    PROPOSER,
    ROLES,
    SECOND_SERIES,
    VISA,
    Prepared,
    approve,
    approved,
    bring_into_force,
    now,
    opened,
    prepare,
    propose,
    series_of,
    store_study,
    studies_of,
    visit,
)
from storage_backends import Memory
from vna.archive import Archive, EliminationState, HoldTarget, HoldTerms, Statement, Visa, Wanted, told_elimination
from vna.archive.bordereau import list_of
from vna.archive.certificates import digest_of
from vna.errors import NotFound, NotPermitted, NotPlausible
from vna.events import EliminationItem, FactKind, HoldKind, PatientFact, StepDecision
from vna.model import Scope
from vna.retention import Blocker

FOR, AGAINST = StepDecision.FAVOURABLE, StepDecision.UNFAVOURABLE


CLOSED = """communicable:
  - {start: death, after: {years: 25}, cite: since death}
  - {start: birth, after: {years: 120}, cite: since birth}
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return an archive with three studies that are due by the profile in force."""
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def due(prepared: Prepared) -> list[str]:
    return prepared.due


@pytest.fixture
def archive(prepared: Prepared, tmp_path: Path) -> Iterator[Archive]:
    archive, _ = prepared.copied(tmp_path)
    yield archive
    archive.close()


def hold_study(archive: Archive, study: str) -> int:
    return archive.holds.place(HoldTarget(study=study), HoldTerms(HoldKind.INQUIRY, "asked for"), "Lawyer").number


def state_of(archive: Archive, number: int) -> EliminationState:
    return archive.eliminations.standing(number, now()).state


def test_a_proposal_lists_what_is_due_with_its_digest_and_counts(archive: Archive, due: list[str]) -> None:
    number = propose(archive)

    told = told_elimination(archive.eliminations.show(number, now()))
    about = told["bordereau"]
    assert sorted(item["study"] for item in told["items"]) == sorted(due)
    assert (about["patients"], about["studies"], about["instances"]) == (3, 3, 6)
    assert about["size"] == sum(item["size"] for item in told["items"]) > 0
    assert (about["establishments"], about["typology"], about["dates"]) == (["CHU"], {"CT": 3}, ["20100131"] * 2)
    assert about["rules"] == [{"id": "BASE", "cite": "five"}]
    assert told["state"] == "proposed"
    names = ("study", "series", "instance", "rules", "retain_until", "instances", "size")
    assert digest_of([[item[name] for name in names] for item in told["items"]]) == told["list_digest"]


def test_the_list_of_an_item_is_what_the_digest_says(archive: Archive, due: list[str]) -> None:
    item = EliminationItem(Scope(due[0]), ("BASE",), "2016-05-01", 2, 100)

    assert list_of([item]) == [[due[0], None, None, ["BASE"], "2016-05-01", 2, 100]]


def test_no_patient_is_named_in_what_is_told(archive: Archive, due: list[str]) -> None:
    told = str(told_elimination(archive.eliminations.show(propose(archive), now())))

    assert not any(f"'P{study}'" in told for study in (1, 2, 3))


def test_nothing_is_proposed_without_a_profile_in_force(tmp_path: Path) -> None:
    archive, _ = opened(tmp_path, Memory())

    with pytest.raises(NotPermitted, match="profile"):
        propose(archive)

    archive.close()


def test_what_is_not_due_is_not_listed(archive: Archive, due: list[str]) -> None:
    visit(archive, 2, now().date().isoformat())

    assert due[1] not in studies_of(archive, propose(archive))


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ({"modality": "MR"}, 0),
        ({"modality": "CT"}, 3),
        ({"establishment": "CHU"}, 3),
        ({"establishment": "elsewhere"}, 0),
        ({"before": date(2016, 5, 1)}, 0),
        ({"before": date(2016, 5, 2)}, 3),
        ({"limit": 2}, 2),
    ],
    ids=["other-modality", "modality", "establishment", "other-establishment", "before", "after", "limit"],
)
def test_a_proposal_is_of_what_is_wanted(
    archive: Archive, due: list[str], wanted: dict[str, object], listed: int
) -> None:
    if not listed:
        with pytest.raises(NotFound):
            propose(archive, **wanted)
    else:
        assert len(studies_of(archive, propose(archive, **wanted))) == listed


def test_what_is_held_is_left_out_with_its_hold(archive: Archive, due: list[str]) -> None:
    hold = hold_study(archive, due[0])

    number = propose(archive)

    assert due[0] not in studies_of(archive, number)
    (left_out,) = archive.eliminations.description(number)["excluded"]
    assert (left_out["study"], left_out["cause"], left_out["holds"]) == (due[0], "hold", [hold])


def test_what_is_listed_already_is_listed_once(archive: Archive, due: list[str]) -> None:
    first = propose(archive, limit=1)
    second = propose(archive)

    assert not set(studies_of(archive, first)) & set(studies_of(archive, second))
    with pytest.raises(NotFound):
        propose(archive)


def test_of_two_who_propose_at_once_one_does(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive._index.eliminations, "listed_studies", dict)
    propose(archive)

    with pytest.raises(NotPermitted, match="meanwhile"):
        propose(archive)


@pytest.mark.parametrize(
    ("role", "by", "visa"),
    [("director", "R. Manager", None), ("director", "P. Roposer", None), ("archives", "A. Archivist", VISA)],
    ids=["who-decided", "who-proposed", "out-of-turn"],
)
def test_of_two_who_decide_at_once_one_does(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, role: str, by: str, visa: Visa | None
) -> None:
    number = propose(archive)
    approve(archive, number, ["records_manager"])
    monkeypatch.setattr(archive.eliminations, "_check_turn", lambda *_: None)

    with pytest.raises(NotPermitted, match="as it stands now"):
        archive.eliminations.decide(number, role, FOR, Statement(by), visa)


def test_without_visits_a_person_has_to_take_it_on(archive: Archive) -> None:
    study = store_study(archive, 7)

    assert study not in studies_of(archive, propose(archive))
    number = propose(archive, accepted=frozenset({Blocker.BASIS}))

    assert studies_of(archive, number) == [study]
    assert archive.eliminations.standing(number, now()).elimination.accepted == ("basis",)


def test_by_an_unverified_profile_a_person_has_to_take_it_on(archive: Archive) -> None:
    bring_into_force(archive, version="2", verified=False)

    with pytest.raises(NotFound):
        propose(archive)

    assert len(studies_of(archive, propose(archive, accepted=frozenset({Blocker.UNVERIFIED})))) == 3


def test_a_hold_is_nothing_a_person_can_take_on(archive: Archive, due: list[str]) -> None:
    hold_study(archive, due[0])

    assert due[0] not in studies_of(archive, propose(archive, accepted=frozenset(Blocker)))


def test_a_rule_on_series_lists_series(archive: Archive) -> None:
    bring_into_force(archive, version="2", more=SECOND_SERIES, years=100)
    store_study(archive, 7)
    store_study(archive, 7, series=2)
    visit(archive, 7, "2011-05-01")

    (item,) = archive.eliminations.show(propose(archive), now()).items

    assert (item.scope, item.rules, item.instances) == (series_of(7, 2), ("SECOND",), 2)


def test_every_nth_item_is_kept_as_a_sample(archive: Archive) -> None:
    bring_into_force(archive, version="2", sample_every=2)

    items = archive.eliminations.show(propose(archive), now()).items

    assert [item.cause for item in items] == [None, "sample", None]


def test_all_roles_agree_in_order(archive: Archive, due: list[str]) -> None:
    number = propose(archive)
    seen = [state_of(archive, number)]

    for role in ROLES:
        approve(archive, number, [role])
        seen.append(state_of(archive, number))

    assert [str(state) for state in seen] == ["proposed", "opinions", "opinions", "approved"]


@pytest.mark.parametrize("role", ["director", "archives", "janitor"])
def test_a_role_out_of_turn_is_refused(archive: Archive, due: list[str], role: str) -> None:
    number = propose(archive)

    with pytest.raises(NotPermitted, match="next to decide"):
        archive.eliminations.decide(number, role, FOR, Statement("Somebody"), VISA)


@pytest.mark.parametrize("person", [PROPOSER, PERSONS["records_manager"], "r.  MANAGER"])
def test_nobody_has_a_part_in_it_twice(archive: Archive, due: list[str], person: str) -> None:
    number = propose(archive)
    approve(archive, number, ["records_manager"])

    with pytest.raises(NotPermitted, match="another"):
        archive.eliminations.decide(number, "director", FOR, Statement(person))

    assert state_of(archive, number) is EliminationState.OPINIONS


@pytest.mark.parametrize(
    "visa",
    [None, Visa("AD-1"), Visa("", date(2026, 1, 31)), Visa("AD-1", date(2999, 1, 1)), Visa("AD\n1", date(2026, 1, 1))],
    ids=["none", "no-date", "no-number", "future", "control"],
)
def test_a_visa_has_a_number_and_a_date(archive: Archive, due: list[str], visa: Visa | None) -> None:
    number = propose(archive)
    approve(archive, number, ROLES[:2])

    with pytest.raises(NotPlausible):
        archive.eliminations.decide(number, "archives", FOR, Statement("A. Archivist"), visa)

    assert state_of(archive, number) is EliminationState.OPINIONS


def test_the_signed_paper_has_to_be_held(archive: Archive, due: list[str]) -> None:
    number = propose(archive)
    approve(archive, number, ROLES[:2])

    visa = Visa("AD-1", date(2026, 1, 31), "1.2.3")
    with pytest.raises(NotFound, match="paper"):
        archive.eliminations.decide(number, "archives", FOR, Statement("A. Archivist"), visa)


def test_one_against_it_ends_it(archive: Archive, due: list[str]) -> None:
    number = propose(archive)

    archive.eliminations.decide(number, "records_manager", AGAINST, Statement("R. Manager", "too early"))

    assert state_of(archive, number) is EliminationState.REFUSED
    assert list(archive.eliminations.show(number, now()).comments.values()) == ["too early"]
    with pytest.raises(NotPermitted):
        approve(archive, number, ["director"])
    assert sorted(studies_of(archive, propose(archive))) == sorted(due)


def test_after_the_last_decision_it_waits(archive: Archive) -> None:
    bring_into_force(archive, version="2", wait_days=7)
    number = approved(archive)

    standing = archive.eliminations.standing(number, now())
    later = archive.eliminations.standing(number, now() + timedelta(days=7))

    assert (standing.state, later.state) == (EliminationState.WAITING, EliminationState.APPROVED)
    assert standing.waits_until is not None
    assert standing.waits_until - now() > timedelta(days=6, hours=23)
    assert [each.elimination.number for each in archive.eliminations.runnable(now())] == []
    assert [each.elimination.number for each in archive.eliminations.runnable(now() + timedelta(days=7))] == [number]


def test_items_are_kept_for_history(archive: Archive, due: list[str]) -> None:
    number = propose(archive)

    archive.eliminations.keep(number, [Scope(due[1])], "historical", Statement("A. Archivist", "of interest"))

    told = told_elimination(archive.eliminations.show(number, now()))
    (kept,) = [item for item in told["items"] if item["outcome"] == "kept"]
    assert (kept["study"], kept["cause"], kept["by"]) == (due[1], "historical", "A. Archivist")
    assert kept["comment"] == "of interest"
    assert due[1] not in studies_of(archive, number)


def test_what_is_kept_for_history_tells_from_when_on_it_may_be_communicated(archive: Archive, due: list[str]) -> None:
    bring_into_force(archive, version="2", more=CLOSED)
    issuer = archive.patients.named("P2", "")
    archive.patients.add(PatientFact(issuer, "P2", FactKind.DEATH, "2012-02-29", feed="test"), "admissions")
    number = propose(archive)
    for place, cause in enumerate(("sample", "historical", "other")):
        archive.eliminations.keep(number, [Scope(due[place])], cause, Statement("A. Archivist", "of interest"))

    told = told_elimination(archive.eliminations.show(number, now()))

    by_study = {item["study"]: item["communicable"] for item in told["items"]}
    assert [by_study[study] for study in due] == [
        {"after": "2070-01-01", "start_event": "birth", "cite": "since birth"},
        {"after": "2037-02-28", "start_event": "death", "cite": "since death"},
        None,
    ]
    assert "communicable" not in str(told_elimination(archive.eliminations.show(number, now()))["bordereau"])


@pytest.mark.parametrize("again", [True, False], ids=["kept-before", "not-listed"])
def test_only_what_stands_on_the_list_is_kept(archive: Archive, due: list[str], again: bool) -> None:
    number = propose(archive)
    scope = Scope(due[1]) if again else Scope("1.2.3")
    if again:
        archive.eliminations.keep(number, [scope], "historical", Statement("A. Archivist"))

    with pytest.raises(NotPermitted):
        archive.eliminations.keep(number, [scope], "historical", Statement("A. Archivist"))


def test_a_hold_after_freezing_takes_the_item_from_the_list(archive: Archive, due: list[str]) -> None:
    number = propose(archive)
    hold = hold_study(archive, due[2])

    approve(archive, number, ["records_manager"])

    (kept,) = [item for item in archive.eliminations.show(number, now()).items if item.kept_at]
    assert (kept.scope.study, kept.cause, kept.holds) == (due[2], "hold", (hold,))


@pytest.mark.parametrize(("series", "kept"), [(1, [False]), (2, [True])], ids=["another-series", "the-series"])
def test_a_hold_on_a_series_keeps_items_it_stands_over(archive: Archive, series: int, kept: list[bool]) -> None:
    bring_into_force(archive, version="2", more=SECOND_SERIES, years=100)
    store_study(archive, 7)
    store_study(archive, 7, series=2)
    visit(archive, 7, "2011-05-01")
    number, scope = propose(archive), series_of(7, series)
    target = HoldTarget(study=scope.study, series=scope.series or "")
    archive.holds.place(target, HoldTerms(HoldKind.INQUIRY, "asked for"), "Lawyer")

    archive.eliminations.release_held(number, now().date())

    assert [item.cause == "hold" for item in archive.eliminations.show(number, now()).items] == kept


def test_it_can_be_cancelled_until_something_went(archive: Archive, due: list[str]) -> None:
    number = approved(archive)

    archive.eliminations.cancel(number, Statement("D. Rector", "not yet"))

    assert state_of(archive, number) is EliminationState.CANCELLED
    with pytest.raises(NotPermitted):
        archive.eliminations.cancel(number, Statement("D. Rector"))


def test_what_nobody_proposed_is_not_there(archive: Archive) -> None:
    with pytest.raises(NotFound):
        archive.eliminations.decide(99, "director", FOR, Statement("D. Rector"))


def test_somebody_has_to_be_named(archive: Archive, due: list[str]) -> None:
    with pytest.raises(NotPlausible):
        archive.eliminations.propose(Wanted(), Statement("  "), now())
