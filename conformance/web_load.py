"""Load over DICOMweb (PS3.18), on connections of the standard library that are kept open."""

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from conformance.corpus import Instance
from conformance.load import LoadFailed
from conformance.phantoms import part10_head

JSON = "application/dicom+json"
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
_BOUNDARY = "load"
_TIMEOUT_S = 120
_PIECE = 256 * 1024


class WebConnection:
    """One connection to a DICOMweb root."""

    def __init__(self, root: str) -> None:
        parts = urlsplit(root)
        self._path = parts.path.rstrip("/")
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)

    def get(self, path: str, accept: str) -> bytes:
        """Return a resource.

        Raises:
            LoadFailed: it does not come.
        """
        return self._send("GET", path, {"Accept": accept})

    def post(self, path: str, body: bytes, media_type: str) -> bytes:
        """Post a body and return what answers it; raises LoadFailed."""
        return self._send("POST", path, {"Accept": JSON, "Content-Type": media_type}, body)

    def paced(self, path: str, accept: str, bytes_per_s: float, duration_s: float) -> Iterator[int]:
        """Get a resource at a pace, for so long at most; yield how many bytes came each time. Raises LoadFailed."""
        self._connection.request("GET", self._path + path, headers={"Accept": accept})
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise LoadFailed(f"GET {path} is answered with {answer.status}")
        begin, came = time.perf_counter(), 0
        while time.perf_counter() - begin < duration_s and (piece := answer.read(_PIECE)):
            came += len(piece)
            yield len(piece)
            time.sleep(max(0.0, came / bytes_per_s - (time.perf_counter() - begin)))

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        self._connection.request(method, self._path + path, body, dict(headers))
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise LoadFailed(f"{method} {path} is answered with {answer.status}")
        return content


def median_ms(root: str, paths: Iterable[str], accept: str = JSON) -> float:
    """Get resources one after the other, and return the median of the milliseconds each took."""
    connection, taken = WebConnection(root), []
    for path in paths:
        begin = time.perf_counter()
        connection.get(path, accept)
        taken.append(time.perf_counter() - begin)
    connection.close()
    return statistics.median(taken) * 1e3


def frames_per_s(root: str, paths: Sequence[str], connections: int) -> float:
    """Get a frame at each path over several connections, and return how many came a second."""

    def share(number: int) -> None:
        connection = WebConnection(root)
        for path in paths[number::connections]:
            connection.get(path, FRAMES)
        connection.close()

    return len(paths) / _together(share, connections)


def study_megabytes_per_s(root: str, study: str) -> float:
    """Get a study as it is stored, and return megabytes a second."""
    connection = WebConnection(root)
    begin = time.perf_counter()
    size = len(connection.get(f"/studies/{study}", AS_STORED))
    taken = time.perf_counter() - begin
    connection.close()
    return size / taken / 1e6


def read_slowly(root: str, study: str, *, readers: int, bytes_per_s: float, duration_s: float) -> int:
    """Get a study as it is stored over several slow connections at once, give up after a while; return what came."""
    came = [0] * readers

    def share(number: int) -> None:
        connection = WebConnection(root)
        for taken in connection.paced(f"/studies/{study}", AS_STORED, bytes_per_s, duration_s):
            came[number] += taken
        connection.close()

    _together(share, readers)
    return sum(came)


def stored_per_s(root: str, instances: Sequence[Instance], *, per_request: int, connections: int) -> float:
    """Store instances, some in a request, over several connections; return how many were stored a second."""
    bodies = [_body(instances[at : at + per_request]) for at in range(0, len(instances), per_request)]
    media_type = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'

    def share(number: int) -> None:
        connection = WebConnection(root)
        for body in bodies[number::connections]:
            connection.post("/studies", body, media_type)
        connection.close()

    return len(instances) / _together(share, connections)


def found(root: str, path: str) -> list[dict[str, Any]]:
    """Return what a search finds."""
    connection = WebConnection(root)
    items: list[dict[str, Any]] = json.loads(connection.get(path, JSON))
    connection.close()
    return items


def frame_paths(root: str, study: str) -> list[str]:
    """Return the paths of the first frames of all instances of a study."""
    items = [
        (one["0020000E"]["Value"][0], one["00080018"]["Value"][0]) for one in found(root, f"/studies/{study}/instances")
    ]
    return [f"/studies/{study}/series/{series}/instances/{instance}/frames/1" for series, instance in items]


def _body(instances: Iterable[Instance]) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    files = (part10_head(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax) + one.data for one in instances)
    return b"".join(head + file + b"\r\n" for file in files) + f"--{_BOUNDARY}--\r\n".encode()


def _together(share: Callable[[int], None], connections: int) -> float:
    """Run all shares at once, and return the seconds until the last one was done; the first error is raised."""
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            share(number)
        except BaseException as exc:  # noqa: BLE001 - raised below, in the thread that waits
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(connections)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - begin
    if failures:
        raise failures[0]
    return taken
