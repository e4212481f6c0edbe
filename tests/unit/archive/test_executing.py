"""Carrying out eliminations: what goes and what stays at that moment, the quota, and going on after a stop."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import select

from conformance import phantoms
from databases import connected
from eliminating import (
    SECOND_SERIES,
    Prepared,
    approve,
    approved,
    bring_into_force,
    equip,
    now,
    prepare,
    propose,
    series_of,
    store_study,
    studies_of,
    visit,
)
from storage_backends import Memory, MemoryDocuments, StoreUnavailable
from vna.archive import (
    Archive,
    EliminationState,
    HoldTarget,
    HoldTerms,
    Notary,
    Statement,
    check_certificate,
)
from vna.errors import Damaged, NotFound, NotPermitted
from vna.events import EliminationItem, FactKind, HoldKind, PatientFact
from vna.index import Index, Spared, SparedFor
from vna.index.retention_tables import retention
from vna.model import Scope

STUDY = phantoms.uid("study", 1)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return an archive with three studies that are due by the profile in force."""
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def due(prepared: Prepared) -> list[str]:
    return prepared.due


@pytest.fixture
def both(prepared: Prepared, tmp_path: Path) -> Iterator[tuple[Archive, Index]]:
    archive, index = prepared.copied(tmp_path)
    yield archive, index
    archive.close()


@pytest.fixture
def archive(both: tuple[Archive, Index]) -> Archive:
    return both[0]


@pytest.fixture
def index(both: tuple[Archive, Index]) -> Index:
    return both[1]


@pytest.fixture
def notary(archive: Archive, index: Index) -> Notary:
    return equip(archive, index, MemoryDocuments())


def held_studies(archive: Archive) -> int:
    return archive.counts().studies


def test_what_all_agreed_to_goes_and_is_certified(archive: Archive, notary: Notary, due: list[str]) -> None:
    store_study(archive, 9)
    number = approved(archive)

    run = archive.executor.run(number, "Operator", now())

    assert (run.eliminated, run.kept, run.waits_for) == (3, 0, {})
    assert run.standing.state is EliminationState.CERTIFIED
    assert held_studies(archive) == 1
    data = archive.executor.certificate(number, now())
    assert check_certificate(data, notary.key().public) == []
    certificate = json.loads(data)
    assert sorted(listed[0] for listed in certificate["list"]) == sorted(due)
    assert certificate["totals"]["objects"] == 6
    assert {each["role"] for each in certificate["approvals"]} == {"records_manager", "director", "archives"}
    assert {each["place"] for each in certificate["places"]} >= {"journal", "index", "derived"}


def test_nothing_that_was_computed_of_what_went_stays(archive: Archive, index: Index, notary: Notary) -> None:
    archive.retention.follow(Event(), now().date())
    archive.executor.run(approved(archive), "Operator", now())

    archive.retention.follow(Event(), now().date())

    with connected(index.url) as connection:
        assert connection.execute(select(retention)).all() == []


def test_nothing_goes_before_all_have_agreed(archive: Archive, notary: Notary) -> None:
    number = propose(archive)
    approve(archive, number, ["records_manager", "director"])

    with pytest.raises(NotPermitted, match="opinions"):
        archive.executor.run(number, "Operator", now())

    assert held_studies(archive) == 3


def test_nothing_goes_in_the_waiting_time(archive: Archive, notary: Notary) -> None:
    bring_into_force(archive, version="2", wait_days=7)
    number = approved(archive)

    with pytest.raises(NotPermitted, match="waiting until"):
        archive.executor.run(number, "Operator", now())
    spared = archive.executor.run(number, "Operator", now() + timedelta(days=8))

    assert (spared.eliminated, held_studies(archive)) == (0, 3)  # the index asks the clock itself


def test_who_came_again_meanwhile_is_kept(archive: Archive, notary: Notary, due: list[str]) -> None:
    number = approved(archive)
    visit(archive, 1, now().date().isoformat())

    run = archive.executor.run(number, "Operator", now())

    assert (run.eliminated, run.kept) == (2, 1)
    (kept,) = [item for item in archive.eliminations.show(number, now()).items if item.kept_at]
    assert (kept.scope.study, kept.cause) == (due[0], "not-due")
    certificate = json.loads(archive.executor.certificate(number, now()))
    assert [each["cause"] for each in certificate["kept"]] == ["not-due"]


def test_a_hold_at_the_last_moment_keeps(archive: Archive, notary: Notary, due: list[str]) -> None:
    number = approved(archive)
    hold = archive.holds.place(HoldTarget(study=due[0]), HoldTerms(HoldKind.INQUIRY, "asked for"), "Lawyer").number

    run = archive.executor.run(number, "Operator", now())

    assert (run.eliminated, run.kept) == (2, 1)
    (kept,) = [item for item in archive.eliminations.show(number, now()).items if item.kept_at]
    assert (kept.scope.study, kept.cause, kept.holds) == (due[0], "hold", (hold,))
    assert held_studies(archive) == 1


def _nothing(_archive: Archive) -> int:
    return 0


def _visit(archive: Archive, _before: int = 0) -> int:
    issuer = archive.patients.named("P1", "")
    return (
        archive.patients.add(PatientFact(issuer, "P1", FactKind.VISIT, "2011-06-01", feed="test"), "clerk").number or 0
    )


def _hold(archive: Archive, _before: int = 0) -> int:
    return archive.holds.place(HoldTarget(study="1.2.3"), HoldTerms(HoldKind.INQUIRY, "asked for"), "Lawyer").number


def _profile(archive: Archive, _before: int) -> None:
    bring_into_force(archive, version="2")


def _withdraw(archive: Archive, fact: int) -> None:
    archive.patients.withdraw(fact, "clerk", "a mistake")


def _release(archive: Archive, hold: int) -> None:
    archive.holds.release(hold, "Judge", "the case is closed")


@pytest.mark.parametrize(
    ("before", "change", "said"),
    [
        (_nothing, _visit, "a fact of its patient"),
        (_visit, _withdraw, "a fact of its patient"),
        (_nothing, _hold, "a hold"),
        (_hold, _release, "a hold"),
        (_nothing, _profile, "the profile in force"),
    ],
)
def test_what_changes_after_it_was_evaluated_is_looked_at_again(
    both: tuple[Archive, Index],
    notary: Notary,
    before: Callable[[Archive], int],
    change: Callable[[Archive, int], object],
    said: str,
) -> None:
    archive, index = both
    made = before(archive)
    number = approved(archive)
    listed = next(item for item in archive.eliminations.show(number, now()).items if item.scope.study == STUDY)
    item = EliminationItem(listed.scope, listed.rules, listed.retain_until, listed.instances, listed.size)
    evaluated_at = index.reader.position()
    change(archive, made)

    spared = archive.destruction.eliminate(number, item, evaluated_at=evaluated_at, actor="Operator")

    assert spared == Spared(SparedFor.CHANGED, f"{said} has changed since it was evaluated")
    assert held_studies(archive) == 3


def test_it_is_certified_when_every_place_has_attested(
    archive: Archive, notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = approved(archive)

    def no_answer(_store: object, _name: str) -> None:
        raise StoreUnavailable("the disk is not there")

    with monkeypatch.context() as away:
        away.setattr(Memory, "delete", no_answer)
        first = archive.executor.run(number, "Operator", now())
        with pytest.raises(NotFound):
            archive.executor.certificate(number, now())
    again = archive.executor.run(number, "Operator", now())

    assert (first.eliminated, list(first.waits_for)) == (3, ["store:main"])
    assert first.standing.state is EliminationState.DESTROYING
    assert again.standing.state is EliminationState.CERTIFIED
    assert check_certificate(archive.executor.certificate(number, now()), notary.key().public) == []


def test_an_elimination_without_anything_left_is_cancelled(archive: Archive, notary: Notary, due: list[str]) -> None:
    number = approved(archive)
    archive.eliminations.keep(number, [Scope(study) for study in due], "historical", Statement("A. Archivist"))

    run = archive.executor.run(number, "Operator", now())

    assert (run.eliminated, run.standing.state) == (0, EliminationState.CANCELLED)
    with pytest.raises(NotFound):
        archive.executor.certificate(number, now())


def test_no_more_objects_go_in_a_day_than_the_profile_says(archive: Archive, notary: Notary) -> None:
    bring_into_force(archive, version="2", max_per_day=3)
    number = approved(archive)
    standing = archive.eliminations.standing(number, now())
    foreseen = [archive.elimination_preview.preview(standing, now(), limit=9, gone_before=gone) for gone in (0, 1, 2)]
    assert [(len(preview.going), preview.left) for preview in foreseen] == [(1, 2), (1, 2), (0, 3)]

    first = archive.executor.run(number, "Operator", now())
    again = archive.executor.run(number, "Operator", now())

    assert (first.eliminated, again.eliminated) == (1, 0)
    assert again.standing.state is EliminationState.EXECUTING
    assert held_studies(archive) == 2


def test_a_run_that_was_stopped_is_gone_on_with(archive: Archive, notary: Notary) -> None:
    number = approved(archive)
    stopped = Event()
    stopped.set()

    runs = [
        archive.executor.run(number, "Operator", now(), stopping=stopped),
        archive.executor.run(number, "Operator", now(), limit=1),
        archive.executor.run(number, "Operator", now()),
    ]

    assert [run.eliminated for run in runs] == [0, 1, 2]
    assert [run.standing.state.value for run in runs] == ["approved", "executing", "certified"]
    objects = json.loads(archive.executor.certificate(number, now()))["totals"]["objects"]
    assert objects == 6


def test_a_preview_says_what_the_run_does(archive: Archive, notary: Notary, due: list[str]) -> None:
    number = approved(archive)
    visit(archive, 2, now().date().isoformat())

    preview = archive.elimination_preview.preview(archive.eliminations.standing(number, now()), now(), limit=10)
    run = archive.executor.run(number, "Operator", now())

    assert {item.scope.study for item in preview.going} == {due[0], due[2]}
    assert [(kept.scope.study, kept.cause) for kept in preview.kept] == [(due[1], "not-due")]
    assert preview.left == 0
    assert (run.eliminated, run.kept) == (len(preview.going), len(preview.kept))


def test_a_series_goes_alone(archive: Archive, notary: Notary) -> None:
    bring_into_force(archive, version="2", more=SECOND_SERIES, years=100)
    store_study(archive, 7)
    store_study(archive, 7, series=2)
    visit(archive, 7, "2011-05-01")
    number = approved(archive)

    run = archive.executor.run(number, "Operator", now())

    assert run.standing.state is EliminationState.CERTIFIED
    assert (archive.counts().series, archive.counts().instances) == (4, 8)
    (destroyed,) = json.loads(archive.executor.certificate(number, now()))["destroyed"]
    assert {each["series"] for each in destroyed["objects"]} == {series_of(7, 2).series}


def test_a_certificate_cut_short_before_its_event_is_recorded_as_it_stands(
    archive: Archive, notary: Notary, index: Index
) -> None:
    number = approved(archive)
    submit = index.committer.submit

    def dying(entry):
        if getattr(getattr(entry, "event", None), "kind", "") == "elimination-certified":
            raise KeyboardInterrupt
        return submit(entry)

    index.committer.submit = dying
    with pytest.raises(KeyboardInterrupt):
        archive.executor.run(number, "Operator", now())
    index.committer.submit = submit
    left = notary.kept(number)

    run = archive.executor.run(number, "Operator", now())

    assert run.standing.state is EliminationState.CERTIFIED
    assert archive.executor.certificate(number, now()) == left


def test_a_certificate_that_was_exchanged_is_not_given_out(archive: Archive, notary: Notary) -> None:
    number = approved(archive)
    archive.executor.run(number, "Operator", now())
    name = next(iter(notary.documents.names("certificates/")))
    data = notary.documents.read(name)
    notary.documents.delete(name)
    notary.documents.create_exclusively(name, data.replace(b"Operator", b"Anybody!") + b" ")

    with pytest.raises(Damaged):
        archive.executor.certificate(number, now())


def test_what_came_in_again_is_proposed_again(archive: Archive, notary: Notary) -> None:
    first = propose(archive, limit=1)
    approve(archive, first)
    archive.executor.run(first, "Operator", now())

    second = propose(archive)

    assert len(studies_of(archive, second)) == 2
    assert not set(studies_of(archive, second)) & set(studies_of(archive, first, standing=False))
