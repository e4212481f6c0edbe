"""A study is reported quiet once for what came in, by whoever keeps house, and none is forgotten."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from conformance.phantoms import ct_slice
from databases import index_url, postgresql_server
from journals import SealedArchive
from rebuilding import rows_of
from storage_backends import MemoryDocuments
from vna.archive import QuietStudies, Rebuilder, Spool
from vna.events import StudyQuiet
from vna.index import open_index, open_replay

__all__ = ["index_url", "postgresql_server"]

QUIET_S = 60
GOING_ON = Event()


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def archive(index_url: str, tmp_path: Path) -> Iterator[SealedArchive]:
    with closing(SealedArchive(index_url, Spool(tmp_path / "spool"), MemoryDocuments())) as archive:
        yield archive


def watch(url: str, clock: Clock) -> QuietStudies:
    return QuietStudies(open_index(url), QUIET_S, clock=clock)


@pytest.fixture
def quiet(index_url: str, clock: Clock) -> Iterator[QuietStudies]:
    with closing(watch(index_url, clock)) as quiet:
        yield quiet


def pass_by(quiet: QuietStudies, clock: Clock, seconds: float) -> int:
    clock.now += seconds
    return quiet.report(GOING_ON)


def study(number: int) -> str:
    return str(ct_slice(study=number, size=16).StudyInstanceUID)


def reports(archive: SealedArchive) -> list[tuple[str, int, int]]:
    journal = archive.index.journal
    events = (link.event.record().event for link in journal.links(after=0, upto=journal.mark().position))
    return [(e.study, e.arrivals_upto, e.settled_upto) for e in events if isinstance(e, StudyQuiet)]


def test_a_study_is_quiet_that_long_after_its_last_arrival(
    archive: SealedArchive, quiet: QuietStudies, clock: Clock
) -> None:
    archive.store(1)
    assert pass_by(quiet, clock, 0) == 0
    archive.store(2)
    assert pass_by(quiet, clock, 59) == 0
    assert pass_by(quiet, clock, 59) == 0

    assert pass_by(quiet, clock, 1) == 1
    assert pass_by(quiet, clock, 3600) == 0
    assert reports(archive) == [(study(1), 2, 2)]


def test_what_comes_in_later_is_reported_anew_also_what_was_held_already(
    archive: SealedArchive, quiet: QuietStudies, clock: Clock
) -> None:
    archive.store(1)
    pass_by(quiet, clock, 0)
    pass_by(quiet, clock, 60)
    archive.store(1)
    pass_by(quiet, clock, 0)

    assert pass_by(quiet, clock, 60) == 1
    assert reports(archive) == [(study(1), 1, 1), (study(1), 3, 3)]


def test_a_report_says_up_to_where_all_is_reported(archive: SealedArchive, quiet: QuietStudies, clock: Clock) -> None:
    archive.store(1, study=1)
    archive.store(1, 2, study=2)
    archive.store(2, study=1)
    pass_by(quiet, clock, 0)
    archive.store(1, study=3)
    pass_by(quiet, clock, 30)

    assert pass_by(quiet, clock, 30) == 2
    assert pass_by(quiet, clock, 30) == 1
    assert reports(archive) == [(study(1), 4, 1), (study(2), 3, 4), (study(3), 5, 7)]


def test_after_a_restart_none_is_forgotten_and_none_reported_twice(
    archive: SealedArchive, quiet: QuietStudies, clock: Clock, index_url: str
) -> None:
    archive.store(1, study=1)
    pass_by(quiet, clock, 0)
    archive.store(1, study=2)
    archive.store(2, study=1)
    pass_by(quiet, clock, 30)
    archive.store(1, study=3)
    with closing(watch(index_url, clock)) as successor:
        assert pass_by(successor, clock, 0) == 0
        assert pass_by(successor, clock, 60) == 3
    with closing(watch(index_url, clock)) as third:
        assert pass_by(third, clock, 0) == 0
        assert pass_by(third, clock, 60) == 0

    assert sorted(each[:2] for each in reports(archive)) == sorted([(study(1), 3), (study(2), 2), (study(3), 4)])


def test_whoever_begins_anew_reads_from_where_all_is_reported(
    archive: SealedArchive, quiet: QuietStudies, clock: Clock, index_url: str
) -> None:
    archive.store(*range(1, 6))
    pass_by(quiet, clock, 0)
    pass_by(quiet, clock, 60)
    with closing(open_index(index_url)) as index:
        assert index.quiet.settled_upto() == 5


def test_two_that_keep_house_at_once_report_each_study_once(
    archive: SealedArchive, quiet: QuietStudies, clock: Clock, index_url: str
) -> None:
    archive.store(1, study=1)
    archive.store(1, study=2)
    with closing(watch(index_url, clock)) as other:
        pass_by(quiet, clock, 0)
        pass_by(other, clock, 0)

        assert (pass_by(quiet, clock, 60), pass_by(other, clock, 0)) == (2, 0)
    assert len(reports(archive)) == 2


def test_a_stop_in_between_leaves_the_rest_for_later(
    archive: SealedArchive, quiet: QuietStudies, clock: Clock, index_url: str
) -> None:
    stopping = Event()
    stopping.set()
    archive.store(1)
    pass_by(quiet, clock, 0)
    clock.now += 60

    assert quiet.report(stopping) == 0
    assert quiet.report(GOING_ON) == 1


def test_the_reports_are_rebuilt(
    archive: SealedArchive, quiet: QuietStudies, clock: Clock, index_url: str, tmp_path: Path
) -> None:
    for _ in range(2):
        archive.store(1, study=1)
        archive.store(1, study=2)
        pass_by(quiet, clock, 0)
        pass_by(quiet, clock, 60)
    archive.sealer.seal()
    onto = f"sqlite:///{tmp_path / 'new.sqlite'}"

    with closing(open_replay(onto)) as replayer:
        Rebuilder(replayer, archive.blobs).from_journal(archive.journal, 0, lambda _position: None)

    assert rows_of(onto)["quiet"] == rows_of(index_url)["quiet"]
    assert len(rows_of(onto)["quiet"]) == 2
