"""A node for the tests of one module."""

from collections.abc import Iterator

import pytest

from running_node import RunningNode, running_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with an empty archive at the start of the module."""
    with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running
