"""The node with its index in PostgreSQL and its files in a bucket of a real S3 service."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from conformance import oddities, phantoms
from conformance.corpus import Instance
from conformance.requests import find, query_proposals
from conformance.server import StartFailed
from conformance.upper_layer import Association
from databases import new_database
from exchange import round_trips
from running_node import RunningNode, running_node
from s3_server import new_bucket, store_settings
from storage_backends.object_store import MEMORY_BYTES

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, postgresql_server: str, s3: str) -> Iterator[RunningNode]:
    """A node with nothing of its own on disk but its spool."""
    settings = {"VNA_INDEX__URL": new_database(postgresql_server), **store_settings(s3, new_bucket(s3))}
    with running_node(tmp_path_factory.mktemp("node"), settings=settings) as running:
        yield running


def instances() -> dict[str, Instance]:
    """Return small, slice-sized, compressed and large instances; the largest goes up in parts."""
    return {
        "slice": oddities.encoded(phantoms.ct_slice(number=1)),
        "small": oddities.encoded(phantoms.ct_slice(number=2, size=64)),
        "jpeg": oddities.encoded(phantoms.jpeg_multiframe(study=3, number=1)),
        "document": oddities.encoded(incompressible(study=4, size=2 * MEMORY_BYTES + 1_000)),
    }


def incompressible(*, study: int, size: int) -> Dataset:
    """Return an instance that takes as much room in the store as on the wire."""
    ds = oddities.encapsulated_pdf(study=study)
    ds["EncapsulatedDocument"].value = random.Random(study).randbytes(size)
    return ds


def test_what_is_sent_is_found_and_comes_back_byte_for_byte(node: RunningNode) -> None:
    trips = {name: (sent, trip) for name, sent, trip in round_trips(node.address, instances())}

    assert {name: trip.answer and trip.answer.status for name, (_, trip) in trips.items()} == dict.fromkeys(trips, 0)
    assert [name for name, (sent, trip) in trips.items() if trip.got != sent] == []
    with Association.open(node.address, query_proposals()) as association:
        matches = find(association, {"StudyInstanceUID": "", "NumberOfStudyRelatedInstances": ""}).matches
    assert sum(match.NumberOfStudyRelatedInstances for match in matches) == len(trips)


def test_the_files_are_in_the_bucket_and_nowhere_else(node: RunningNode) -> None:
    list(round_trips(node.address, instances()))

    assert not (node.node.data_dir / "blobs").exists()
    assert not (node.node.data_dir / "index.sqlite").exists()
    assert list((node.node.data_dir / "spool").iterdir()) == []


@pytest.mark.long
def test_everything_held_is_verified(node: RunningNode) -> None:
    list(round_trips(node.address, instances()))

    answer = node.node.vna("verify")

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_bucket_that_does_not_let_us_in_stops_the_start(tmp_path: Path, s3: str) -> None:
    settings = {**store_settings(s3, new_bucket(s3)), "AWS_SECRET_ACCESS_KEY": "wrong"}

    with (
        pytest.raises(StartFailed, match=r"store.url: s3://.* cannot be used.*403"),
        running_node(tmp_path, settings=settings),
    ):
        pass
