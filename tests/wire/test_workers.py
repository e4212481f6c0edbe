"""Several worker processes serve one port: a dead one is replaced, none outlives the node."""

import os
import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest

from conformance import phantoms
from conformance.node_process import NodeProcess
from conformance.oddities import encoded
from conformance.requests import store, store_proposals
from conformance.server import accepts_connections, process_tree
from conformance.upper_layer import Address, Association
from exchange import round_trips, store_all
from running_node import RunningNode, running_node
from vna.node import open_archive
from vna.settings import Settings
from waiting import until

WORKERS = {"VNA_SERVE__WORKERS": "2"}


def workers_of(node_pid: int) -> set[int]:
    """The processes that serve DIMSE: they have no children, and are not the node nor its supervisor."""
    return {pid for pid in process_tree(node_pid) if process_tree(pid) == [pid]}


def store_one(node: RunningNode, number: int) -> int:
    """Store an instance over an association of its own."""
    (answer,) = store_all(node.address, [encoded(phantoms.ct_slice(number=number, size=64))])
    return answer.status


def test_a_dead_worker_is_replaced_and_the_port_goes_on(tmp_path: Path) -> None:
    with running_node(tmp_path, settings=WORKERS) as node:
        pid = node.server.pid
        until(lambda: len(workers_of(pid)) == 2)
        victim = min(workers_of(pid))

        os.kill(victim, signal.SIGKILL)

        assert store_one(node, 1) == 0
        until(lambda: len(workers_of(pid) - {victim}) == 2)


def test_what_one_worker_took_or_read_any_other_gives_back(tmp_path: Path) -> None:
    with running_node(tmp_path, settings=WORKERS) as node:
        instances = {str(number): encoded(phantoms.ct_slice(number=number, size=64)) for number in range(12)}
        for number in range(12):
            assert store_one(node, number) == 0

        trips = list(round_trips(node.address, instances))
        for blob in (node.node.data_dir / "blobs").glob("???/*"):
            blob.unlink()
        remembered = [trip for _ in range(4) for trip in round_trips(node.address, instances)]

        assert all(trip.got is not None and trip.got.data == instance.data for _, instance, trip in trips)
        assert all(trip.got is not None and trip.got.data == instance.data for _, instance, trip in remembered)


def test_no_worker_outlives_a_killed_node(tmp_path: Path) -> None:
    with NodeProcess(tmp_path, settings=WORKERS) as node:
        pid = node.start().pid
        until(lambda: len(process_tree(pid)) >= 4)
        tree = process_tree(pid)

        os.kill(pid, signal.SIGKILL)

        until(lambda: not any(process_tree(pid) for pid in tree[1:]))


def test_a_stop_lets_a_running_association_finish_and_takes_no_new_one(tmp_path: Path) -> None:
    statuses: list[int] = []
    enough = threading.Event()

    def send(address: Address) -> None:
        with Association.open(address, store_proposals([encoded(phantoms.ct_slice())])) as association:
            while not enough.is_set():
                instance = encoded(phantoms.ct_slice(number=len(statuses) + 1, size=64))
                statuses.append(store(association, instance).status)

    with NodeProcess(tmp_path, settings=WORKERS) as node:
        server = node.start()
        sender = threading.Thread(target=send, args=(server.address,))
        sender.start()
        until(lambda: bool(statuses))

        os.kill(server.pid, signal.SIGTERM)
        until(lambda: not accepts_connections(server.address.host, server.address.port))
        before = len(statuses)
        until(lambda: len(statuses) > before + 2 or not sender.is_alive())
        enough.set()
        sender.join()

        assert len(statuses) > before + 2
        assert set(statuses) == {0}
        assert node.stop() == 0
        with closing(open_archive(Settings(data_dir=node.data_dir))) as archive:
            assert [finding.problem for finding in archive.verify()] == [None] * len(statuses)


@pytest.mark.long
def test_a_node_whose_supervisor_died_ends_so_that_it_is_started_again(tmp_path: Path) -> None:
    with NodeProcess(tmp_path, settings=WORKERS) as node:
        pid = node.start().pid
        until(lambda: len(process_tree(pid)) >= 4)
        tree = process_tree(pid)
        (supervisor,) = {pid for pid in tree[1:] if len(process_tree(pid)) > 1}

        os.kill(supervisor, signal.SIGKILL)

        assert node.process.wait(20) == 1
        assert "start it again" in node.log.read_text()
        until(lambda: not any(process_tree(pid) for pid in tree))


pytestmark = pytest.mark.timeout(60)
