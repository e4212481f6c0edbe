"""Stores and retrieves at once in one worker: none starves, and a peer that stands still is nobody else's trouble.

What is asserted are ratios to what the same machine did a moment before, wide enough for a busy one.
"""

import socket
import statistics
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import pytest

from conformance import phantoms
from conformance.corpus import Instance, ct_instances
from conformance.messages import Field, Tag
from conformance.requests import (
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    get,
    get_proposals,
    identifier,
    move,
    query_proposals,
    send_request,
    store,
    store_proposals,
)
from conformance.sink import Sink
from conformance.upper_layer import Association
from destinations import Destination, Visit
from running_node import RunningNode, running_node
from vna.model import Peer
from vna.node import open_archive
from vna.settings import Settings

STORERS = 3
GETS = MOVES = 3
SLOWER_AT_MOST = 25
"""Times that a store or a retrieve may take of what it takes alone; 2 to 8 is what is measured."""

STANDS_STILL_S = 60
HELD_UP_S = STANDS_STILL_S / 10


def _slices(label: str, numbers: range) -> list[Instance]:
    """Return 512 x 512 slices of one study; making one and varying it takes a hundredth of the time."""
    (first,) = ct_instances(1, label=label)
    made = []
    for number in numbers:
        uid = f"{first.sop_instance_uid[:-6]}{100000 + number}"
        data = first.data.replace(first.sop_instance_uid.encode(), uid.encode())
        made.append(replace(first, sop_instance_uid=uid, data=data[:-4] + number.to_bytes(4, "little")))
    return made


LARGE = _slices("large", range(60))
STUDY = {"StudyInstanceUID": str(phantoms.uid("large", 0))}


@dataclass(frozen=True, slots=True)
class Site:
    """A node and the move destinations it knows; `stuck` is released by each visit to the one that stands still."""

    node: RunningNode
    sinks: list[Sink]
    stands_still: Destination
    stuck: threading.Semaphore


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A node with one worker that holds a study of 60 slices of 512 x 512."""
    folder = tmp_path_factory.mktemp("node")
    stuck = threading.Semaphore(0)

    def stand_still(visit: Visit) -> None:
        visit.accept()
        visit.take()
        stuck.release()
        visit.pause(STANDS_STILL_S)

    with ExitStack() as stack:
        sinks = [stack.enter_context(Sink()) for _ in range(MOVES)]
        destination = stack.enter_context(Destination(stand_still))
        with closing(open_archive(Settings(data_dir=folder / "data"))) as archive:
            for port in (destination.peer.port, *(sink.port for sink in sinks)):
                archive.add_peer(Peer(f"DEST{port}", "127.0.0.1", port), actor="test")
        node = stack.enter_context(running_node(folder, settings={"VNA_SERVE__WORKERS": "1"}))
        _store(node, LARGE)
        yield Site(node, sinks, destination, stuck)


def _store(node: RunningNode, instances: Iterable[Instance]) -> list[float]:
    """Store over one association; return how many seconds each took."""
    seconds = []
    with Association.open(node.address, store_proposals([LARGE[0]])) as association:
        for instance in instances:
            started = time.monotonic()
            assert store(association, instance).status == 0
            seconds.append(time.monotonic() - started)
    return seconds


def _store_from_several(node: RunningNode, label: str, until: threading.Event | None = None) -> list[list[float]]:
    """Store over several associations at once, ten each or `until` told to stop; return the seconds of each."""

    def some(number: int) -> Iterator[Instance]:
        for instance in _slices(f"{label}{number}", range(200 if until else 10)):
            if until and until.is_set():
                return
            yield instance

    with ThreadPoolExecutor(STORERS) as threads:
        return list(threads.map(lambda number: _store(node, some(number)), range(STORERS)))


def _get(node: RunningNode, together: threading.Barrier) -> float:
    """Get the large study, beginning with the others; return how many seconds it took."""
    with Association.open(node.address, get_proposals(LARGE)) as association:
        together.wait()
        started = time.monotonic()
        got = get(association, STUDY, keep=False)
    assert (got.answer.status, got.count) == (0, len(LARGE))
    return time.monotonic() - started


def _move(node: RunningNode, sink: Sink, together: threading.Barrier) -> float:
    """Have the large study moved, beginning with the others; return how many seconds it took."""
    with Association.open(node.address, query_proposals()) as association:
        together.wait()
        before, started = sink.count, time.monotonic()
        answer = move(association, STUDY, destination=f"DEST{sink.port}")
    assert (answer.status, answer.completed, sink.count - before) == (0, len(LARGE), len(LARGE))
    return time.monotonic() - started


def test_stores_and_retrieves_at_once_share_the_worker(site: Site) -> None:
    """Tried three times: what else the machine does may hold one of them up, but not in every try."""
    for attempt in (1, 2, 3):
        try:
            _stores_and_retrieves_share_the_worker(site, attempt)
            return
        except AssertionError:
            if attempt == 3:
                raise


def _stores_and_retrieves_share_the_worker(site: Site, attempt: int) -> None:
    alone = [second for each in _store_from_several(site.node, f"alone{attempt}-") for second in each]
    get_alone, done = _get(site.node, threading.Barrier(1)), threading.Event()
    together = threading.Barrier(GETS + MOVES, timeout=60)

    with ThreadPoolExecutor(GETS + MOVES + 1) as threads:
        storing = threads.submit(_store_from_several, site.node, f"others{attempt}-", done)
        gets = [threads.submit(_get, site.node, together) for _ in range(GETS)]
        moves = [threads.submit(_move, site.node, sink, together) for sink in site.sinks]
        try:
            seconds = [[one.result(60) for one in gets], [one.result(60) for one in moves]]
        finally:
            done.set()
        stores = storing.result(60)

    for each in stores:
        assert each, "nothing was stored meanwhile"
        assert max(each) < SLOWER_AT_MOST * statistics.median(alone)
    for of_one_kind in seconds:
        assert max(of_one_kind) < 2 * min(of_one_kind)
        assert max(of_one_kind) < SLOWER_AT_MOST * get_alone


def _begin_get_and_read_nothing(node: RunningNode, stack: ExitStack) -> None:
    association = Association.open(node.address, get_proposals(LARGE))
    stack.callback(association.abort)
    association.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    fields: dict[Tag, int | str] = {Tag.SOP_CLASS: STUDY_ROOT_GET, Tag.COMMAND_FIELD: Field.GET_RQ}
    send_request(association, STUDY_ROOT_GET, fields, identifier(STUDY, level="STUDY"))


def _begin_move(node: RunningNode, stack: ExitStack, port: int) -> None:
    association = Association.open(node.address, query_proposals())
    stack.callback(association.abort)
    fields: dict[Tag, int | str] = {
        Tag.SOP_CLASS: STUDY_ROOT_MOVE,
        Tag.COMMAND_FIELD: Field.MOVE_RQ,
        Tag.MOVE_DESTINATION: f"DEST{port}",
    }
    send_request(association, STUDY_ROOT_MOVE, fields, identifier(STUDY, level="STUDY"))


def test_peers_that_stand_still_hold_nobody_up(site: Site) -> None:
    """More of them than the archive has threads to decode ahead in."""
    alone = [second for each in _store_from_several(site.node, "before") for second in each]

    with ExitStack() as stack:
        for _ in range(6):
            _begin_get_and_read_nothing(site.node, stack)
        for _ in range(MOVES):
            _begin_move(site.node, stack, site.stands_still.peer.port)
        for _ in range(MOVES):
            assert site.stuck.acquire(timeout=20)
        meanwhile = [second for each in _store_from_several(site.node, "meanwhile") for second in each]
        _get(site.node, threading.Barrier(1))

    assert statistics.median(meanwhile) < SLOWER_AT_MOST * statistics.median(alone)
    assert max(meanwhile) < HELD_UP_S
    site.stands_still.wait_until_left()
