"""Retrieving over real sockets: clients that go, and clients that take their time."""

import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from conformance import phantoms
from conformance.server import process_tree
from running_node import RunningNode, running_node
from web_node import http_address, send

SLICES = 16
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
COMPRESSED = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.80'


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        send(running.address, phantoms.ct_series(SLICES, size=256))
        yield running


def study() -> str:
    return f"/dicom-web/studies/{phantoms.ct_slice(size=16).StudyInstanceUID}"


def whole(node: RunningNode, accept: str) -> bytes:
    request = urllib.request.Request(http_address(node) + study(), headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def begun(node: RunningNode, accept: str) -> socket.socket:
    """Ask for the study, and take the first bytes of the answer."""
    where = urllib.parse.urlsplit(http_address(node))
    client = socket.create_connection((where.hostname, where.port), timeout=60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.sendall(
        f"GET {study()} HTTP/1.1\r\nHost: {where.netloc}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n".encode()
    )
    assert client.recv(1024).startswith(b"HTTP/1.1 200 ")
    return client


def spooled(node: RunningNode) -> int:
    """Count the nameless files of the node's processes: what was converted and is not given back yet."""
    links = [link for pid in process_tree(node.server.pid) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return sum("/spool/" in _file_of(link) for link in links)


def _file_of(link: Path) -> str:
    """Return which file a process has open, empty if it was closed meanwhile."""
    with suppress(FileNotFoundError):
        return str(link.readlink())
    return ""


def connections(node: RunningNode) -> int:
    """Count the connections the node has for HTTP, in whatever state."""
    port = urllib.parse.urlsplit(http_address(node)).port
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] in ("01", "08") for row in rows)


@pytest.mark.long
@pytest.mark.parametrize("accept", [AS_STORED, COMPRESSED], ids=["as stored", "compressed"])
def test_clients_that_go_leave_nothing_behind(node: RunningNode, accept: str) -> None:
    wanted = whole(node, accept)

    for _ in range(10):
        begun(node, accept).close()

    assert whole(node, accept) == wanted
    for _ in range(50):  # an answer ends when its next bytes cannot be sent
        if not spooled(node) and not connections(node):
            break
        whole(node, AS_STORED)
    assert (spooled(node), connections(node)) == (0, 0)


@pytest.mark.long
def test_a_client_that_takes_its_time_gets_everything_and_holds_up_nobody(node: RunningNode) -> None:
    slow = begun(node, AS_STORED)
    wanted = whole(node, AS_STORED)

    got = bytearray()
    with slow:
        while piece := slow.recv(65536):
            got += piece

    assert wanted[-40:] in got
    assert len(got) > 0.9 * len(wanted)
