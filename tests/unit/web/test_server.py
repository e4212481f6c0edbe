"""The server over real sockets: heads that are too long or too slow, requests that are too large, and streams."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, IncompleteRead

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vna.errors import Damaged
from vna.web import limits, protocol
from vna.web.problem import Problem
from vna.web.streaming import Streamed
from web_server import all_of, connected, serving

HEAD = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n"


def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def refuse(_request: Request) -> Response:
    raise Problem(409, "it is so", dicom_status=0xA900)


def fail(_request: Request) -> Response:
    raise Damaged("blob 12 is damaged")


ROUTES = [
    Route("/hello", hello),
    Route("/length", length, methods=["POST"]),
    Route("/refuse", refuse),
    Route("/fail", fail),
]


def status_of(data: bytes) -> int:
    return int(data.split(b" ", 2)[1])


@pytest.mark.parametrize("size", [None, 8])
def test_a_client_that_knows_no_chunks_gets_none(size: int | None) -> None:
    def stream(_request: Request) -> Response:
        return Streamed(iter((b"some", b"", b"more")), media_type="text/plain", size=size)

    with serving([Route("/stream", stream)]) as address, connected(address) as client:
        client.sendall(b"GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head, _, body = all_of(client).partition(b"\r\n\r\n")

    assert (status_of(head), body) == (200, b"somemore")
    assert b"transfer-encoding" not in head.lower()
    assert (b"content-length: 8" in head.lower()) == (size is not None)


def test_a_connection_serves_one_request_after_another() -> None:
    with serving(ROUTES) as address:
        client = HTTPConnection(*address)
        for _ in range(3):
            client.request("GET", "/hello")
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b"hello")
        client.close()


def test_a_problem_is_answered_as_json_and_a_fault_without_its_traceback() -> None:
    with serving(ROUTES) as address:
        client = HTTPConnection(*address)
        found = {}
        for path in ("/refuse", "/fail", "/absent"):
            client.request("GET", path)
            answer = client.getresponse()
            found[path] = (answer.status, answer.headers["content-type"], json.loads(answer.read()))
        client.close()

    assert found["/refuse"][0] == 409
    assert found["/refuse"][2]["dicomStatus"] == "A900"
    assert (found["/fail"][0], found["/fail"][2]["detail"]) == (500, "blob 12 is damaged")
    assert found["/absent"][0] == 404
    assert {each[1] for each in found.values()} == {"application/problem+json"}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(200)), 431),
        (HEAD + b"X: " + b"a" * 40_000 + b"\r\nY: 1\r\n", 431),
        (HEAD + b"X: " + b"a" * 600_000, 431),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"nonsense\r\n\r\n", 400),
    ],
    ids=["many headers", "long header", "endless header", "long URL", "no HTTP"],
)
def test_a_head_that_is_too_much_is_refused_before_it_ends(sent: bytes, status: int) -> None:
    with serving(ROUTES) as address, connected(address) as connection:
        connection.sendall(sent)
        answer = all_of(connection)

        assert status_of(answer) == status
        assert b"application/problem+json" in answer


@pytest.mark.parametrize("sent", [b"", b"GET /hel", HEAD], ids=["nothing", "half a line", "half a head"])
def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_HEAD_TIMEOUT_S", 0.2)
    with serving(ROUTES) as address, connected(address) as connection:
        connection.sendall(sent)

        assert status_of(all_of(connection)) == 408


def test_a_second_request_on_a_connection_has_its_own_head_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_HEAD_TIMEOUT_S", 0.2)
    with serving(ROUTES) as address, connected(address) as connection:
        connection.sendall(HEAD + b"\r\n")
        assert connection.recv(65536).endswith(b"hello")
        connection.sendall(HEAD)

        assert status_of(all_of(connection)) == 408


def test_who_still_sends_a_body_that_is_too_long_gets_the_answer() -> None:
    """RFC 9112 9.6: a connection closed on what was not read would be reset, and the answer lost."""
    heads = [b"Content-Length: 8000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n7a1200\r\n"]
    with serving(ROUTES, max_body_bytes=2**20) as address:
        for head in heads:
            with connected(address) as connection:
                connection.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\n" + head)
                for _ in range(8):
                    connection.sendall(bytes(1_000_000))
                connection.sendall(b"\r\n0\r\n\r\n" if b"chunked" in head else b"")
                found = all_of(connection)

            assert (status_of(found), found.endswith(b"}")) == (413, True)
            assert b"connection: close" in found


def test_who_never_ends_a_body_that_is_too_long_is_not_listened_to_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_LINGER_S", 0.2)
    with serving(ROUTES, max_body_bytes=2**20) as address, connected(address) as connection:
        connection.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\n" + bytes(99))

        assert status_of(all_of(connection)) == 413


def test_a_body_that_is_too_long_is_refused_announced_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_LINGER_S", 0.2)
    with serving(ROUTES, max_body_bytes=2**20) as address:
        with connected(address) as connection:
            connection.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n")
            assert status_of(all_of(connection)) == 413
        with connected(address) as connection:
            connection.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(17):
                connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            assert status_of(connection.recv(65536)) == 413


def test_a_body_that_stops_coming_is_not_waited_for() -> None:
    with serving(ROUTES, request_timeout_s=0.2) as address, connected(address) as connection:
        connection.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")

        assert status_of(all_of(connection)) == 408


def test_too_many_requests_at_a_time_are_told_to_come_later() -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(_request: Request) -> Response:
        begun.release()
        go_on.wait(20)
        return PlainTextResponse("done")

    def ask(address: tuple[str, int]) -> tuple[int, str | None]:
        client = HTTPConnection(*address, timeout=20)
        client.request("GET", "/wait")
        answer = client.getresponse()
        answer.read()
        client.close()
        return answer.status, answer.headers["retry-after"]

    with serving([Route("/wait", wait)], max_requests=4) as address, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(ask, address) for _ in range(2)]
        for _ in range(2):
            begun.acquire()
        refused = ask(address)
        go_on.set()

        assert refused == (429, "30")
        assert [each.result()[0] for each in waiting] == [200, 200]
        assert ask(address)[0] == 200


def streamed(chunks: Callable[[], Iterator[bytes]], **named: int) -> Route:
    return Route("/stream", lambda _request: Streamed(chunks(), media_type="application/dicom", **named))


def test_a_stream_comes_whole_and_is_closed() -> None:
    closed = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            for n in range(100):
                yield bytes([n]) * 50_000
        finally:
            closed.set()

    with serving([streamed(chunks, size=5_000_000)]) as address:
        client = HTTPConnection(*address)
        client.request("GET", "/stream")
        answer = client.getresponse()

        assert answer.headers["content-length"] == "5000000"
        assert answer.read() == b"".join(bytes([n]) * 50_000 for n in range(100))
        assert closed.wait(20)
        client.close()


@pytest.mark.parametrize("size", [None, 10_000_000], ids=["chunked", "of known size"])
def test_a_stream_that_breaks_off_never_looks_whole(size: int | None) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(1_000_000)
        raise Damaged("blob 12 is damaged")

    named = {} if size is None else {"size": size}
    with serving([streamed(chunks, **named)]) as address:
        client = HTTPConnection(*address)
        client.request("GET", "/stream")

        with pytest.raises(IncompleteRead):
            client.getresponse().read()
        client.close()


def test_a_client_that_goes_ends_its_stream() -> None:
    closed = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(100_000)
        finally:
            closed.set()

    with serving([streamed(chunks)]) as address, connected(address) as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(1000)
        connection.close()

        assert closed.wait(20)


def test_a_client_that_takes_nothing_is_cut_off_and_holds_little() -> None:
    made, closed = [0], threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                made[0] += 1
                yield bytes(1_000_000)
        finally:
            closed.set()

    with serving([streamed(chunks)], request_timeout_s=0.5) as address, connected(address) as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert closed.wait(20)
        assert made[0] < 20
