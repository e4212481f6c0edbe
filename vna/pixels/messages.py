"""What the node and a codec process say to each other over a socket.

    | length of the head 4 | length of the frame 8 | head | frame |         numbers little endian

A request's head is a task, pickled: the process believes the node. An answer's head is JSON, since the node does not
believe a process that untrusted streams went through: the image and whether it is lossy, nothing for a rendered file,
or the reason why there is no answer.
"""

import json
import pickle
import socket
import time
from dataclasses import asdict
from struct import Struct
from typing import Any, Final

from vna.pixels.conversion import Converted, Task
from vna.pixels.image import Image
from vna.pixels.rendering.request import RenderTask, TileTask

AnyTask = Task | RenderTask | TileTask
"""What a codec process does: converts a frame, renders one, or draws a tile."""

_LENGTHS: Final = Struct("<IQ")
_AT_ONCE: Final = 2**20


class Disconnected(Exception):
    """The other side is gone."""


class CodecFailed(Exception):
    """A codec could not do its task; the message says why. Its process is well."""


def send_task(sock: socket.socket, task: AnyTask, frame: bytes) -> None:
    """Send a request."""
    _send(sock, pickle.dumps(task), frame)


def receive_task(sock: socket.socket) -> tuple[AnyTask, bytes]:
    """Wait for a request.

    Raises:
        Disconnected: none will come any more.
    """
    head, frame = _receive(sock, deadline=None)
    task: AnyTask = pickle.loads(head)  # noqa: S301 - the node made it
    return task, frame


def send_answer(sock: socket.socket, answer: Converted | bytes | str) -> None:
    """Send a frame, or a file, or the reason why there is none."""
    if isinstance(answer, str):
        _send(sock, json.dumps({"reason": answer}).encode(), b"")
    elif isinstance(answer, bytes):
        _send(sock, b"{}", answer)
    else:
        head = {"image": asdict(answer.image), "lossy": answer.lossy}
        _send(sock, json.dumps(head).encode(), answer.frame)


def receive_answer(sock: socket.socket, *, deadline: float) -> Converted | bytes:
    """Wait for an answer until a time of `time.monotonic`.

    Raises:
        CodecFailed: the answer is a reason.
        Disconnected: the process is gone.
        TimeoutError: it did not come in time.
    """
    encoded, data = _receive(sock, deadline=deadline)
    head: dict[str, Any] = json.loads(encoded)
    if "reason" in head:
        raise CodecFailed(head["reason"])
    return Converted(data, Image(**head["image"]), head["lossy"]) if "image" in head else data


def _send(sock: socket.socket, encoded: bytes, frame: bytes) -> None:
    try:
        sock.sendall(_LENGTHS.pack(len(encoded), len(frame)) + encoded)
        sock.sendall(frame)
    except (BrokenPipeError, ConnectionResetError) as exc:
        raise Disconnected("the other side is gone") from exc


def _receive(sock: socket.socket, *, deadline: float | None) -> tuple[bytes, bytes]:
    head_length, frame_length = _LENGTHS.unpack(_exactly(sock, _LENGTHS.size, deadline))
    head = bytes(_exactly(sock, head_length, deadline))
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
