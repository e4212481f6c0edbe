"""What the node and a codec process say to each other over a socket.

    | length of the head 4 | length of the frame 8 | head, JSON | frame |         numbers little endian

A request's head is a `Task`, an answer's head the image and whether it is lossy, or the reason why there is none.
"""

import json
import socket
import time
from dataclasses import asdict
from struct import Struct
from typing import Any, Final

from vna.pixels.conversion import Converted, Task
from vna.pixels.image import Image

_LENGTHS: Final = Struct("<IQ")
_AT_ONCE: Final = 2**20


class Disconnected(Exception):
    """The other side is gone."""


class CodecFailed(Exception):
    """A codec could not do its task; the message says why. Its process is well."""


def send_task(sock: socket.socket, task: Task, frame: bytes) -> None:
    """Send a request."""
    _send(sock, {"source": task.source, "target": task.target, "image": asdict(task.image)}, frame)


def receive_task(sock: socket.socket) -> tuple[Task, bytes]:
    """Wait for a request.

    Raises:
        Disconnected: none will come any more.
    """
    head, frame = _receive(sock, deadline=None)
    return Task(head["source"], head["target"], Image(**head["image"])), frame


def send_answer(sock: socket.socket, answer: Converted | str) -> None:
    """Send a frame, or the reason why there is none."""
    if isinstance(answer, str):
        _send(sock, {"reason": answer}, b"")
    else:
        _send(sock, {"image": asdict(answer.image), "lossy": answer.lossy}, answer.frame)


def receive_answer(sock: socket.socket, *, deadline: float) -> Converted:
    """Wait for an answer until a time of `time.monotonic`.

    Raises:
        CodecFailed: the answer is a reason.
        Disconnected: the process is gone.
        TimeoutError: it did not come in time.
    """
    head, frame = _receive(sock, deadline=deadline)
    if "reason" in head:
        raise CodecFailed(head["reason"])
    return Converted(frame, Image(**head["image"]), head["lossy"])


def _send(sock: socket.socket, head: dict[str, Any], frame: bytes) -> None:
    encoded = json.dumps(head).encode()
    try:
        sock.sendall(_LENGTHS.pack(len(encoded), len(frame)) + encoded)
        sock.sendall(frame)
    except (BrokenPipeError, ConnectionResetError) as exc:
        raise Disconnected("the other side is gone") from exc


def _receive(sock: socket.socket, *, deadline: float | None) -> tuple[dict[str, Any], bytes]:
    head_length, frame_length = _LENGTHS.unpack(_exactly(sock, _LENGTHS.size, deadline))
    head: dict[str, Any] = json.loads(_exactly(sock, head_length, deadline))
    return head, bytes(_exactly(sock, frame_length, deadline))


def _exactly(sock: socket.socket, length: int, deadline: float | None) -> bytearray:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
        try:
            received = sock.recv_into(view[:_AT_ONCE])
        except ConnectionResetError as exc:
            raise Disconnected("the other side is gone") from exc
        if not received:
            raise Disconnected("the other side is gone")
        view = view[received:]
    return buffer
