"""What a running node refuses of too much, and that it goes on serving (PS3.18 8.5)."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from running_node import running_node
from web_node import http_address

TYPE = 'multipart/related; type="application/dicom"; boundary=X'
PART = b"--X\r\nContent-Type: application/dicom\r\n\r\nno file\r\n"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A node with small limits, in one worker so that they are exact."""
    folder: Path = tmp_path_factory.mktemp("limits")
    limits = {
        "VNA_HTTP__MAX_BODY_BYTES": str(2**20),
        "VNA_HTTP__MAX_PARTS": "5",
        "VNA_HTTP__MAX_REQUESTS": "4",
        "VNA_SERVE__WORKERS": "1",
    }
    with running_node(folder, settings=limits) as node:
        url = urlsplit(http_address(node))
        yield str(url.hostname), int(url.port or 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (iter([b"y" * 2**18] * 5), 413),
        (PART * 8 + b"--X--\r\n", 413),
        (b"--X\r\nA: " + b"b" * 70_000 + b"\r\n\r\nno file\r\n--X--\r\n", 400),
    ],
    ids=["chunked", "parts", "headers of a part"],
)
def test_a_body_that_is_too_much_is_refused(address: tuple[str, int], body: object, status: int) -> None:
    connection = HTTPConnection(*address, timeout=20)
    connection.request("POST", "/dicom-web/studies", body, {"Content-Type": TYPE})  # type: ignore[arg-type]
    answer = connection.getresponse()

    problem = json.loads(answer.read())
    assert (answer.status, answer.getheader("Content-Type"), problem["status"]) == (status, PROBLEM, status)
    connection.close()


def test_a_body_that_is_announced_as_too_much_is_refused_before_it_comes(address: tuple[str, int]) -> None:
    length = f"Content-Length: {2**20 + 1}\r\n"
    head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: {TYPE}\r\n{length}"
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(f"{head}\r\n".encode())

        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_too_many_requests_from_one_address_are_told_to_come_later(address: tuple[str, int]) -> None:
    head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: {TYPE}\r\nContent-Length: 9\r\n"
    with ExitStack() as stack:
        waiting = [stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(2)]
        for one in waiting:
            one.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert one.recv(100).startswith(b"HTTP/1.1 100")
        third = HTTPConnection(*address, timeout=20)
        third.request("GET", "/dicom-web/studies?limit=1")
        answer = third.getresponse()
        problem = json.loads(answer.read())
        third.close()

    assert (answer.status, problem["status"]) == (429, 429)
    assert int(answer.getheader("Retry-After") or 0) > 0


def test_the_node_serves_after_all_that(address: tuple[str, int]) -> None:
    """The places of those who left are free as soon as the node has seen them go."""
    patience = time.monotonic() + 20
    while (status := _status(address)) == 429 and time.monotonic() < patience:
        pass

    assert status == 204


def _status(address: tuple[str, int]) -> int:
    connection = HTTPConnection(*address, timeout=20)
    connection.request("GET", "/dicom-web/studies?limit=1")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status
