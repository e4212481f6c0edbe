"""A node for the tests of one module; with NODES_ON=postgresql+s3 every node of every test is on those.

NODES_ON=postgresql+s3 pytest tests/wire
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conformance.node_process import NodeProcess
from databases import new_database, postgresql_server
from running_node import RunningNode, running_node
from s3_server import new_bucket, store_settings

__all__ = ["postgresql_server"]

_SERVICES = "postgresql+s3"
_LOOK_INTO_THE_FOLDER = (
    "test_rejections.py::test_what_is_kept_hidden_is_answered_with_a_warning",
    "test_rejections.py::test_dcmtk_sees_no_more_of_a_rejected_instance",
    "test_quality_view.py",
    "test_fairness.py::test_stores_and_retrieves_at_once_share_the_worker",
    "test_fairness.py::test_peers_that_stand_still_hold_nobody_up",
    "test_logs.py::test_one_id_goes_through_an_association_and_stands_in_the_journal",
    "test_metrics.py::test_what_both_workers_do_is_counted_and_outlives_them",
    "test_metrics.py::test_no_metric_is_a_file",
    "test_disk_full.py",
    "test_workers.py::test_a_stop_lets_a_running_association_finish_and_takes_no_new_one",
)
"""Tests of what lies in the data folder, or that open the archive there by themselves."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what has no meaning where nothing lies in the data folder."""
    if os.environ.get("NODES_ON") == _SERVICES:
        for item in items:
            if any(name in item.nodeid for name in _LOOK_INTO_THE_FOLDER):
                item.add_marker(pytest.mark.skip(reason="it looks into the data folder"))


@pytest.fixture(autouse=True, scope="session")
def _nodes_on_services(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give every data folder, if so asked, a database and a bucket, unless its test chooses otherwise."""
    if os.environ.get("NODES_ON") != _SERVICES:
        yield
        return
    postgresql, endpoint = request.getfixturevalue("postgresql_server"), request.getfixturevalue("s3")
    made: dict[Path, Mapping[str, str]] = {}
    make = NodeProcess.__init__

    def make_on_services(node: NodeProcess, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        if folder not in made:
            database = new_database(postgresql)
            made[folder] = {"VNA_INDEX__URL": database, **store_settings(endpoint, new_bucket(endpoint))}
        make(node, folder, settings={**made[folder], **(settings or {})})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NodeProcess, "__init__", make_on_services)
        yield


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with an empty archive at the start of the module."""
    with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running
