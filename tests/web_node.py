"""A running node as web clients see it, loaded with phantoms of several kinds."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset

from conformance.oddities import encoded
from conformance.requests import in_batches, store, store_proposals
from conformance.upper_layer import Address, Association
from running_node import RunningNode, running_node


@contextmanager
def web_node(folder: Path, instances: Sequence[Dataset], **settings: str) -> Iterator[str]:
    """Run a node that holds these until the block ends; give its address for HTTP, without a slash at the end."""
    with running_node(folder, settings=settings) as node:
        send(node.address, instances)
        yield http_address(node)


def http_address(node: RunningNode) -> str:
    """Return where a node listens for HTTP, without a slash at the end."""
    http = json.loads((node.node.data_dir / "node.json").read_bytes())["http"]
    return f"http://{http['host']}:{http['port']}"


def send(address: Address, instances: Sequence[Dataset]) -> None:
    """Store data sets in their own transfer syntaxes."""
    for batch in in_batches([encoded(ds) for ds in instances]):
        with Association.open(address, store_proposals(batch)) as association:
            assert [store(association, one).status for one in batch] == [0] * len(batch)
