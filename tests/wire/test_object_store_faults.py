"""A bucket that fails: senders are told A700 with the reason, nothing is half there, and it goes on by itself."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.corpus import Instance, ct_instances
from conformance.requests import get, get_proposals, store, store_proposals
from conformance.upper_layer import Association
from exchange import round_trips, unique_keys
from faulty_service import Answer, Delay, Fault, FaultyService, faulty_service
from running_node import RunningNode, held, readiness, running_node
from s3_server import S3Server, new_bucket, require, store_settings

pytestmark = [pytest.mark.timeout(120), pytest.mark.long]

OUT_OF_RESOURCES = 0xA700
"""Refused: Out of Resources (PS3.4 B.2.3)."""

TIMEOUT_S = 1.5
_SLICES = ct_instances(10_000, label="fault")


@pytest.fixture(scope="module")
def service(s3: str) -> Iterator[FaultyService]:
    with faulty_service(s3) as service:
        yield service


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, s3: str, service: FaultyService) -> Iterator[RunningNode]:
    settings = {**store_settings(service.endpoint, new_bucket(s3)), "VNA_STORE__TIMEOUT_S": str(TIMEOUT_S)}
    with running_node(tmp_path_factory.mktemp("node"), settings=settings) as running:
        yield running


def new_instances(count: int) -> list[Instance]:
    """Return slices that were not sent before."""
    return list(itertools.islice(_SLICES, count))


def statuses(association: Association, instances: list[Instance], *, told: str = "") -> list[int]:
    """Store instances and return their statuses; a refusal must say that it is the store, and this."""
    answers = [store(association, instance) for instance in instances]
    assert all("the store" in answer.comment and told in answer.comment for answer in answers if answer.status)
    return [answer.status for answer in answers]


@pytest.mark.parametrize(
    "fault", [Answer(500), Answer(503), Fault.CUT, Fault.CUT_AFTERWARDS, Delay(0.3)], ids=lambda fault: str(fault)
)
def test_every_other_request_may_fail_without_anybody_noticing(
    node: RunningNode, service: FaultyService, fault: Answer | Fault | Delay
) -> None:
    instances = {str(number): instance for number, instance in enumerate(new_instances(3))}

    with service.faults(lambda _method, number: None if number % 2 else fault):
        trips = list(round_trips(node.address, instances))

    assert [trip.answer and trip.answer.status for _, _, trip in trips] == [0] * 3
    assert all(trip.got == sent for _, sent, trip in trips)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Answer(500), "500 Internal Server Error"), (Fault.CUT, "error"), (Fault.SILENCE, "error")],
    ids=["500", "cut", "silent"],
)
def test_a_bucket_that_fails_in_mid_receive_is_told_as_out_of_resources_and_forgotten(
    node: RunningNode, service: FaultyService, fault: Answer | Fault, reason: str
) -> None:
    before, meanwhile, after = (new_instances(2) for _ in range(3))
    with Association.open(node.address, store_proposals(before)) as association:
        assert statuses(association, before) == [0, 0]
        started = time.monotonic()
        with service.faults(lambda _method, _number: fault):
            assert statuses(association, meanwhile, told=reason) == [OUT_OF_RESOURCES] * 2
            took = time.monotonic() - started
            assert readiness(node) == 503
        assert statuses(association, after) == [0, 0]
        assert statuses(association, meanwhile[:1]) == [0]

    assert took < 2 * (2 * TIMEOUT_S + 2)
    assert held(node, before + meanwhile + after) == before + meanwhile[:1] + after
    assert readiness(node) == 200


def test_what_is_garbled_on_the_way_to_the_bucket_is_refused(node: RunningNode, service: FaultyService) -> None:
    instances = new_instances(1)
    with Association.open(node.address, store_proposals(instances)) as association:
        with service.faults(lambda method, _number: Fault.GARBLED if method == "PUT" else None):
            assert statuses(association, instances) == [OUT_OF_RESOURCES]
        assert held(node, instances) == []
        assert statuses(association, instances) == [0]

    assert held(node, instances) == instances


def test_what_cannot_be_fetched_is_counted_as_failed_and_comes_later(node: RunningNode, service: FaultyService) -> None:
    (instance,) = instances = new_instances(1)
    with Association.open(node.address, store_proposals(instances)) as association:
        assert statuses(association, instances) == [0]

    with Association.open(node.address, get_proposals(instances)) as association:
        with service.faults(lambda _method, _number: Answer(500)):
            refused = get(association, unique_keys(instance), level="IMAGE")
        later = get(association, unique_keys(instance), level="IMAGE")

    assert refused.instances == []
    assert (refused.answer.failed, refused.answer.status & 0xF000 in (0xA000, 0xB000)) == (1, True)
    assert later.instances == instances


def test_a_service_that_is_really_gone_and_comes_back(tmp_path: Path) -> None:
    require()
    server = S3Server(tmp_path / "s3")
    before, meanwhile, after = (new_instances(3) for _ in range(3))
    try:
        server.start()
        settings = {**store_settings(server.endpoint, new_bucket(server.endpoint)), "VNA_STORE__TIMEOUT_S": "3"}
        with (
            running_node(tmp_path / "node", settings=settings) as node,
            Association.open(node.address, store_proposals(before)) as association,
        ):
            assert statuses(association, before) == [0] * 3
            server.stop()
            assert statuses(association, meanwhile) == [OUT_OF_RESOURCES] * 3
            server.start()
            assert statuses(association, after) == [0] * 3
            assert held(node, before + meanwhile + after) == before + after
    finally:
        server.stop()
