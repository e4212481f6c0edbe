"""Of several housekeepers one is elected, a duty outlives its failures, and another node takes over."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from databases import new_database, postgresql_server
from journals import SealedArchive
from storage_backends import FilesystemDocuments
from vna.archive import Sealer, Spool
from vna.errors import OutOfResources, VnaError
from vna.index import Election, open_index
from vna.journal import SealedJournal, make_key, verify
from vna.metrics import Metrics
from vna.node.housekeeper import Duty, Housekeeper
from vna.node.sealing import sealing

__all__ = ["postgresql_server"]

_PATIENCE_S = 30
_TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 7761505"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Who else is connected just asks, and goes."""


@pytest.fixture
def url(postgresql_server: str) -> str:
    return new_database(postgresql_server)


@pytest.fixture
def one(url: str) -> Iterator[Election]:
    with closing(Election(url)) as election:
        yield election


@pytest.fixture
def other(url: str) -> Iterator[Election]:
    with closing(Election(url)) as election:
        yield election


def cut_off(url: str) -> None:
    """End the session of whoever is elected, as the death of its node does."""
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(_TERMINATE).fetchall() == [(True,)]


def test_one_of_two_is_elected_and_stays_so(one: Election, other: Election) -> None:
    assert [one.is_elected(), other.is_elected(), one.is_elected(), other.is_elected()] == [True, False, True, False]


def test_who_gives_the_office_back_is_followed_by_another(one: Election, other: Election) -> None:
    one.is_elected()
    one.close()

    assert (other.is_elected(), one.is_elected()) == (True, False)


def test_who_loses_the_connection_is_followed_by_another(one: Election, other: Election, url: str) -> None:
    one.is_elected()
    cut_off(url)

    assert (other.is_elected(), one.is_elected(), other.is_elected()) == (True, False, True)


def test_who_lost_the_connection_can_be_elected_again(one: Election, url: str) -> None:
    one.is_elected()
    cut_off(url)

    assert (one.is_elected(), one.is_elected()) == (False, True)


def test_without_a_database_nobody_is_elected() -> None:
    with closing(Election("postgresql://nobody@127.0.0.1:1/nothing")) as election:
        assert not election.is_elected()


def test_nodes_of_two_databases_are_elected_each(one: Election, postgresql_server: str) -> None:
    with closing(Election(new_database(postgresql_server))) as elsewhere:
        assert one.is_elected()
        assert elsewhere.is_elected()


def test_the_owner_of_a_data_folder_is_elected(tmp_path: Path) -> None:
    with closing(Election(f"sqlite:///{tmp_path / 'index.sqlite'}")) as election:
        assert election.is_elected()


def test_the_second_housekeeper_takes_over_and_nothing_is_sealed_twice(
    one: Election, other: Election, url: str, tmp_path: Path
) -> None:
    documents = FilesystemDocuments(tmp_path / "store")
    archive, key = SealedArchive(url, Spool(tmp_path / "spool"), documents), make_key(tmp_path / "key.pem")
    sealed = {"one": threading.Semaphore(0), "other": threading.Semaphore(0)}

    def keeper(name: str, election: Election, every_s: float) -> None:
        sealer = Sealer(open_index(url), SealedJournal(documents), note=lambda _mark: sealed[name].release())
        stack.callback(sealer.close)
        housekeeper = Housekeeper([sealing(sealer, key, every_s, Metrics())], is_elected=election.is_elected)
        housekeeper.start()
        stack.callback(housekeeper.stop)

    with closing(archive), ExitStack() as stack:
        archive.store(1)
        keeper("one", one, 0.1)
        assert sealed["one"].acquire(timeout=_PATIENCE_S)
        keeper("other", other, 0.01)
        archive.store(2)
        assert sealed["one"].acquire(timeout=_PATIENCE_S)
        assert not sealed["other"].acquire(blocking=False)
        cut_off(url)
        archive.store(3)
        assert sealed["other"].acquire(timeout=_PATIENCE_S)

    report = verify(documents, key.public)
    assert (report.mark.position, report.segments, report.problems, report.leftovers) == (3, 3, [], [])


def test_a_failure_to_seal_is_told_again_until_it_is_tried_again(tmp_path: Path) -> None:
    """Otherwise the housekeeper would take each look in between for a success, and log both, for ever."""
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    archive = SealedArchive(url, Spool(tmp_path / "spool"), FilesystemDocuments(tmp_path / "store"))
    duty, stopping = sealing(archive.sealer, make_key(tmp_path / "key.pem"), 3600, Metrics()), threading.Event()
    (tmp_path / "store").touch()  # where a folder should be
    with closing(archive):
        archive.store(1)
        for _ in range(3):
            with pytest.raises(VnaError, match="the store cannot be used"):
                duty.run(stopping)
        (tmp_path / "store").unlink()
        with pytest.raises(VnaError, match="the store cannot be used"):
            duty.run(stopping)

        stopping.set()
        duty.run(stopping)

        stopping.clear()
        duty.run(stopping)
        assert archive.journal.mark().position == 1


class Recorded:
    """A duty that does what it is told, run by run."""

    def __init__(self, *runs: Exception | None) -> None:
        self._runs, self.done = list(runs), threading.Event()

    def __call__(self, _stopping: threading.Event) -> None:
        if not self._runs:
            self.done.set()
            return
        failure = self._runs.pop(0)
        if failure is not None:
            raise failure


def keep(duty: Duty, is_elected: Callable[[], bool] = lambda: True) -> Housekeeper:
    housekeeper = Housekeeper([duty], is_elected=is_elected)
    housekeeper.start()
    return housekeeper


def test_a_duty_outlives_failures_of_every_kind(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    away = OutOfResources("the store is away")
    run = Recorded(away, away, ZeroDivisionError("a bug"), away, None)

    housekeeper = keep(Duty("test", 0.001, run))
    assert run.done.wait(_PATIENCE_S)
    housekeeper.stop()

    told = [record.getMessage() for record in caplog.records if "duty=test" in record.getMessage()]
    assert [text.split(" duty=")[0] for text in told] == [
        "a duty could not be done, and is tried again",
        "a duty failed, and is tried again",
        "a duty could not be done, and is tried again",
        "a duty can be done again",
    ]
    assert "ZeroDivisionError" in caplog.text


def test_who_is_not_elected_does_nothing() -> None:
    run, asked = Recorded(), threading.Semaphore(0)

    def not_elected() -> bool:
        asked.release()
        return False

    housekeeper = keep(Duty("test", 0.001, run), not_elected)
    assert all(asked.acquire(timeout=_PATIENCE_S) for _ in range(3))
    housekeeper.stop()

    assert not run.done.is_set()


def test_what_is_due_at_the_end_is_done_by_every_node() -> None:
    run = Recorded()

    keep(Duty("test", 3600, run, at_the_end=True), lambda: False).stop()

    assert run.done.is_set()
