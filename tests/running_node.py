"""A real node, `python -m vna serve`, over a temporary data folder and on free ports."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.corpus import Instance
from conformance.node_process import NodeProcess
from conformance.requests import get, get_proposals
from conformance.server import Server, process_tree
from conformance.upper_layer import Address, Association
from exchange import unique_keys


@dataclass(frozen=True, slots=True)
class RunningNode:
    """The node's process and where it listens."""

    node: NodeProcess
    server: Server

    @property
    def address(self) -> Address:
        """Where it listens for DIMSE."""
        return self.server.address

    def add_peer(self, ae_title: str, port: int) -> None:
        """Register a peer on this machine."""
        answer = self.node.vna("peers", "add", ae_title, "127.0.0.1", str(port))
        assert answer.returncode == 0, answer.stderr

    def log(self) -> str:
        """What it has logged so far."""
        return self.node.log.read_text(errors="replace")


@contextmanager
def running_node(folder: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[RunningNode]:
    """Run a node until the block ends; it must then stop with exit status 0, leaving no process behind.

    A node is never to meet bad input with a traceback: none may stand in its log.
    """
    with NodeProcess(folder, settings=settings) as node:
        server = node.start()
        running = RunningNode(node, server)
        yield running
        tree = process_tree(server.pid)
        assert node.process.poll() is None, f"the node has died: {running.log()[-3000:]}"
        assert node.stop() == 0, running.log()[-3000:]
        assert [pid for pid in tree if process_tree(pid)] == []
        assert "Traceback" not in running.log()


def held(node: RunningNode, instances: list[Instance]) -> list[Instance]:
    """Return which of these the node gives back byte for byte; it must give back nothing else for them."""
    with Association.open(node.address, get_proposals(instances)) as association:
        got = [(one, get(association, unique_keys(one), level="IMAGE").instances) for one in instances]
    assert all(found in ([], [one]) for one, found in got)
    return [one for one, found in got if found]


def readiness(node: RunningNode) -> int:
    """Return the status of `/readyz`."""
    http = json.loads((node.node.data_dir / "node.json").read_bytes())["http"]
    url = f"http://{http['host']}:{http['port']}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
