"""The database goes away under a running node and comes back: senders are told, and nobody restarts the node."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.corpus import Instance, ct_instances
from conformance.node_process import NodeProcess
from conformance.requests import Answer, echo, find, query_proposals, store, store_proposals
from conformance.upper_layer import Association
from databases import Postgresql, new_database
from running_node import RunningNode, held, readiness, running_node
from storage_backends import FilesystemDocuments
from vna.journal import SealedJournal
from waiting import until

pytestmark = [pytest.mark.timeout(180), pytest.mark.long]

OUT_OF_RESOURCES = 0xA700
_SLICES = ct_instances(1000, label="gone")


@pytest.fixture
def postgresql() -> Iterator[Postgresql]:
    server = Postgresql()
    yield server
    server.close()


def new_instances(count: int) -> list[Instance]:
    """Return slices that were not sent before."""
    return list(itertools.islice(_SLICES, count))


def open_association(node: RunningNode) -> Association:
    """Open one for everything a peer may ask for."""
    proposals = (*store_proposals(new_instances(1)), *query_proposals())
    return Association.open(node.address, proposals)


def statuses(association: Association, instances: list[Instance]) -> list[int]:
    """Store instances and return their statuses; a refusal must name the index."""
    answers: list[Answer] = [store(association, instance) for instance in instances]
    assert all("index" in answer.comment for answer in answers if answer.status)
    return [answer.status for answer in answers]


@pytest.mark.parametrize("go", [Postgresql.stop, Postgresql.crash], ids=["stopped", "crashed"])
def test_a_database_that_goes_and_comes_back(
    tmp_path: Path, postgresql: Postgresql, go: Callable[[Postgresql], None]
) -> None:
    before, meanwhile, after = (new_instances(4) for _ in range(3))
    url = new_database(postgresql.maintenance)
    with running_node(tmp_path, settings={"VNA_INDEX__URL": url}) as node:
        with open_association(node) as busy, open_association(node) as idle, open_association(node) as other:
            assert statuses(busy, before[:2]) + statuses(idle, before[2:3]) + statuses(other, before[3:]) == [0] * 4

            go(postgresql)
            assert statuses(busy, meanwhile) == [OUT_OF_RESOURCES] * 4
            assert echo(busy).status == 0
            assert find(busy, {"StudyInstanceUID": ""}).answer.status == OUT_OF_RESOURCES
            assert readiness(node) == 503
            status = node.node.vna("status")
            assert status.returncode == 1
            assert all(told in status.stdout for told in ("running as process", "NOT READY, index", "cannot be read"))
            postgresql.start()

            assert statuses(busy, after[:2]) == [0, 0]
            assert statuses(idle, after[2:3]) + statuses(other, after[3:]) == [0, 0]
            assert statuses(busy, meanwhile[:2]) == [0, 0]
        assert readiness(node) == 200
        assert held(node, before + meanwhile + after) == before + meanwhile[:2] + after
        assert node.node.vna("verify").returncode == 0


def test_a_database_that_comes_back_from_an_older_backup_takes_nothing_until_it_has_caught_up(
    tmp_path: Path, postgresql: Postgresql
) -> None:
    before, lost, meanwhile, after = (new_instances(2) for _ in range(4))
    url = new_database(postgresql.maintenance)
    settings = {"VNA_INDEX__URL": url, "VNA_SERVE__WORKERS": "1", "VNA_JOURNAL__SEAL_EVERY_S": "0.2"}
    with NodeProcess(tmp_path, settings=settings) as node:
        with Association.open(node.start().address, store_proposals(before)) as association:
            assert statuses(association, before) == [0, 0]
            postgresql.stop()
            postgresql.back_up()
            postgresql.start()
            assert statuses(association, lost) == [0, 0]
            wait_until_sealed(node.data_dir / "blobs", 4)
            postgresql.stop()
            postgresql.put_back()
            postgresql.start()

            answers = [store(association, instance) for instance in meanwhile]

            assert [answer.status for answer in answers] == [OUT_OF_RESOURCES] * 2
            assert all("put back from before" in answer.comment for answer in answers)
        node.stop()

        running = RunningNode(node, node.start())
        with open_association(running) as association:
            assert statuses(association, after) == [0, 0]
        assert held(running, before + lost + meanwhile + after) == before + lost + after
        assert node.vna("journal", "verify").returncode == 0


def wait_until_sealed(store_folder: Path, position: int) -> None:
    """Wait until the journal in the store reaches a position."""
    until(lambda: SealedJournal(FilesystemDocuments(store_folder)).mark().position >= position, timeout_s=30)
