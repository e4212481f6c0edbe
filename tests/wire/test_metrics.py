"""Prometheus scrapes a node: what both workers did is counted, and is not forgotten when one dies."""

import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from conformance import phantoms
from conformance.corpus import Instance
from conformance.oddities import encoded
from conformance.requests import echo, find, get, get_proposals, query_proposals, store, store_proposals
from conformance.upper_layer import Address, Association, Refused
from running_node import RunningNode, running_node
from waiting import until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

INSTANCES = [encoded(phantoms.ct_slice(number=number, size=64)) for number in range(1, 9)]
STUDY = {"StudyInstanceUID": str(phantoms.ct_slice(size=64).StudyInstanceUID)}
PEER = "LOADGEN"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with two workers and one registered peer, who is the one that calls."""
    with running_node(tmp_path_factory.mktemp("node"), settings={"VNA_SERVE__WORKERS": "2"}) as running:
        running.add_peer(PEER, 104)
        until(lambda: all(worker["alive"] for worker in _status(running)["workers"]))
        yield running


def _url(node: RunningNode, path: str) -> str:
    return f"http://127.0.0.1:{orjson.loads((node.node.data_dir / 'node.json').read_bytes())['http']['port']}/{path}"


def _scrape(node: RunningNode) -> Samples:
    with urllib.request.urlopen(_url(node, "metrics"), timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if family.type in ("counter", "histogram") or not family.name.startswith(("process_", "vna_worker_process"))
    }


def _value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def _status(node: RunningNode) -> dict:
    with urllib.request.urlopen(_url(node, "status.json"), timeout=10) as answer:
        return orjson.loads(answer.read())["node"]


def _on_both_workers(node: RunningNode, stack: ExitStack, instances: list[Instance]) -> list[Association]:
    """Open associations until each worker has one."""
    opened: list[Association] = []
    while not all(worker["associations"] for worker in _status(node)["workers"]):
        assert len(opened) < 40
        opened.append(stack.enter_context(Association.open(node.address, store_proposals(instances))))
    return opened


def test_what_both_workers_do_is_counted_and_outlives_them(node: RunningNode) -> None:
    before = _scrape(node)
    with ExitStack() as stack:
        opened = _on_both_workers(node, stack, INSTANCES)
        answers = [store(opened[number % len(opened)], each) for number, each in enumerate(INSTANCES)]
        store(opened[0], INSTANCES[0])
        while_open = _scrape(node)
    assert {answer.status for answer in answers} == {0}
    with Association.open(node.address, [*query_proposals(), *get_proposals(INSTANCES)]) as asking:
        assert len(find(asking, STUDY | {"PatientID": ""}).matches) == 1
        assert len(get(asking, STUDY).instances) == len(INSTANCES)
        assert echo(asking).status == 0
    until(lambda: _value(_scrape(node), "vna_associations_open") == 0)

    after = _scrape(node)

    size = sum(len(each.data) for each in INSTANCES)
    done = {"peer": PEER, "outcome": "success"}
    assert _value(while_open, "vna_associations_open") == len(opened)
    for service, count in (("c-store", 9), ("c-find", 1), ("c-get", 1), ("c-echo", 1)):
        assert _value(after, "vna_request_duration_seconds_count", service=service, **done) == count
        assert _value(after, "vna_requests_in_progress", service=service) == 0
    for stage in ("receive", "scan", "encode", "fsync", "commit"):
        assert _value(after, "vna_store_stage_duration_seconds_count", stage=stage) == 9
    assert _value(after, "vna_instances_received_total", peer=PEER, outcome="stored") == 8
    assert _value(after, "vna_instances_received_total", peer=PEER, outcome="already-stored") == 1
    assert _value(after, "vna_received_bytes_total", peer=PEER, outcome="stored") == size
    assert _value(after, "vna_received_instance_size_bytes_sum") == size + len(INSTANCES[0].data)
    assert _value(after, "vna_instances_sent_total", service="c-get", **done) == 8
    assert _value(after, "vna_sent_bytes_total", service="c-get", peer=PEER) == size
    assert _value(after, "vna_associations_accepted_total", peer=PEER) == len(opened) + 1
    assert _value(after, "vna_in_flight_bytes") == 0
    assert _value(after, "vna_archive_instances") == 8
    assert _value(after, "vna_journal_position") > _value(before, "vna_journal_position")
    assert _value(after, "vna_store_total_bytes") >= _value(after, "vna_store_free_bytes") > 0
    assert _value(after, "vna_recent_kept_total") == 0
    assert _value(after, "vna_recent_found_total") == len(INSTANCES)
    assert _value(after, "vna_ready") == 1

    _kill_a_worker(node)
    with Association.open(node.address, get_proposals(INSTANCES)) as asking:
        assert len(get(asking, STUDY).instances) == len(INSTANCES)
    last = _scrape(node)
    _totals_do_not_go_backwards(after, last)
    assert _value(last, "vna_recent_found_total") == 2 * len(INSTANCES)


def _kill_a_worker(node: RunningNode) -> None:
    victim = _status(node)["workers"][0]
    os.kill(victim["pid"], signal.SIGKILL)
    until(lambda: (first := _status(node)["workers"][0])["alive"] and first["starts"] == victim["starts"] + 1)


def _totals_do_not_go_backwards(before: Samples, after: Samples) -> None:
    def is_total(name: str) -> bool:
        return name.endswith(("_total", "_count", "_sum", "_bucket")) and not name.startswith("vna_worker_process")

    fallen = {key: value for key, value in before.items() if is_total(key[0]) and after.get(key, -1.0) < value}
    assert not fallen
    assert (
        _value(after, "vna_worker_starts_total", worker="1")
        == _value(before, "vna_worker_starts_total", worker="1") + 1
    )
    assert _value(after, "vna_worker_up", worker="1") == 1
    errors = {"level": "error", "logger": "vna.node.workers"}
    assert _value(after, "vna_log_messages_total", **errors) == _value(before, "vna_log_messages_total", **errors) + 1


@pytest.mark.long
def test_refusals_are_counted_and_told_by_status(node: RunningNode) -> None:
    before = _scrape(node)
    bad = Instance(INSTANCES[0].sop_class_uid, "1.2.3", INSTANCES[0].transfer_syntax, INSTANCES[0].data)
    with Association.open(node.address, store_proposals([bad])) as association:
        assert store(association, bad).status == 0xA900
    stranger = Address(node.address.host, node.address.port, "NOBODY")
    with pytest.raises(Refused):
        Association.open(stranger, query_proposals())

    after = _scrape(node)
    told = node.node.vna("status")

    grown = {
        key: value - before.get(key, 0.0)
        for key, value in after.items()
        if key[0] in ("vna_instances_received_total", "vna_associations_rejected_total")
    }
    refused = ("vna_instances_received_total", frozenset({("peer", PEER), ("outcome", "refused")}))
    rejected = ("vna_associations_rejected_total", frozenset({("reason", "called AE title not recognized")}))
    assert {key for key, count in grown.items() if count} == {refused, rejected}
    assert _value(after, "vna_request_duration_seconds_count", service="c-store", peer=PEER, outcome="failure") == 1
    assert told.returncode == 0, told.stderr
    assert "2 of 2 workers alive" in told.stdout
    assert "association rejected" in told.stdout
    assert "SOP Instance UID differs" in told.stdout
    assert PEER in told.stdout


def test_no_metric_is_a_file(node: RunningNode) -> None:
    _scrape(node)

    found = {path.name.removeprefix("index.") for path in node.node.data_dir.iterdir()}

    of_the_index = {"sqlite", "sqlite-turn", "sqlite-wal", "sqlite-shm"}
    assert found <= {"lock", "node.json", "blobs", "derived", "keys", "sealed", "spool", *of_the_index}


pytestmark = pytest.mark.timeout(90)
