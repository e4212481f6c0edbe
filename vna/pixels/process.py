"""A codec process, `python -m vna.pixels.process SOCKET PARENT MEMORY SECONDS`: converts and renders frames.

It lives in a process of its own because codecs crash, hang and take all the memory a header asks for: then it ends, and
the node does not. It has bounds of its own beside those of the node: address space, and a kernel alarm that ends it
even inside of a codec. It ends when its socket is closed and when the process that started it ends.
"""

import os
import resource
import signal
import socket
import sys

from vna.parent_death import end_with_parent
from vna.pixels.conversion import Converted, convert_frame
from vna.pixels.messages import AnyTask, Disconnected, receive_task, send_answer
from vna.pixels.rendering.picture import render, render_tile
from vna.pixels.rendering.request import RenderTask, TileTask

_GRACE_S = 2
"""Seconds after the node has lost patience when the process ends itself."""


def main() -> None:
    """Serve one socket to its end."""
    descriptor, parent, memory_bytes, seconds = map(int, sys.argv[1:5])
    end_with_parent()
    if os.getppid() != parent:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the node closes the socket
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=descriptor) as sock:
        try:
            _serve(sock, seconds)
        except Disconnected:
            return


def _serve(sock: socket.socket, seconds: int) -> None:
    while True:
        task, frame = receive_task(sock)
        signal.alarm(seconds + _GRACE_S)
        try:
            send_answer(sock, _done(task, frame))
        except Disconnected:
            raise
        except Exception as exc:  # noqa: BLE001 - a loop that outlives bad frames: the reason goes to the node
            send_answer(sock, str(exc) or type(exc).__name__)
        signal.alarm(0)


def _done(task: AnyTask, frame: bytes) -> Converted | bytes:
    if isinstance(task, RenderTask):
        return render(frame, task)
    return render_tile(task) if isinstance(task, TileTask) else convert_frame(frame, task)


if __name__ == "__main__":
    main()
