"""Several worker processes serve one port: a dead one is replaced, none outlives the node."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from conformance import phantoms
from conformance.node_process import NodeProcess
from conformance.oddities import encoded
from conformance.server import process_tree
from exchange import round_trips, store_all
from running_node import RunningNode, running_node

WORKERS = {"VNA_SERVE__WORKERS": "2"}


def workers_of(node_pid: int) -> set[int]:
    """The processes that serve DIMSE: they have no children, and are not the node nor its supervisor."""
    return {pid for pid in process_tree(node_pid) if process_tree(pid) == [pid]}


def store_one(node: RunningNode, number: int) -> int:
    """Store an instance over an association of its own."""
    (answer,) = store_all(node.address, [encoded(phantoms.ct_slice(number=number, size=64))])
    return answer.status


def until(condition, *, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def test_a_dead_worker_is_replaced_and_the_port_goes_on(tmp_path: Path) -> None:
    with running_node(tmp_path, settings=WORKERS) as node:
        pid = node.server.pid
        until(lambda: len(workers_of(pid)) == 2)
        victim = min(workers_of(pid))

        os.kill(victim, signal.SIGKILL)

        assert store_one(node, 1) == 0
        until(lambda: len(workers_of(pid) - {victim}) == 2)


def test_what_one_worker_took_any_other_gives_back(tmp_path: Path) -> None:
    with running_node(tmp_path, settings=WORKERS) as node:
        instances = {str(number): encoded(phantoms.ct_slice(number=number, size=64)) for number in range(12)}
        for number in range(12):
            assert store_one(node, number) == 0

        trips = list(round_trips(node.address, instances))

        assert all(trip.got is not None and trip.got.data == instance.data for _, instance, trip in trips)


def test_no_worker_outlives_a_killed_node(tmp_path: Path) -> None:
    with NodeProcess(tmp_path, settings=WORKERS) as node:
        tree = process_tree(node.start().pid)
        assert len(tree) >= 4

        os.kill(tree[0], signal.SIGKILL)

        until(lambda: not any(process_tree(pid) for pid in tree[1:]))


pytestmark = pytest.mark.timeout(60)
