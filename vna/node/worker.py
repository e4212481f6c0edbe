"""What one worker process does: it serves DIMSE and HTTP over an archive of its own until it is told to stop."""

import math
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass

from vna.dimse import DimseServer
from vna.node.journal import open_sealing_archive
from vna.node.web import Around, web_app
from vna.settings import DimseSettings, ServeSettings, Settings
from vna.web import HttpServer

_MOST_WORKERS = 4
"""More processes on one index gain nothing: they commit one after the other."""

_HTTP_GRACE_S = 5.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Listeners:
    """The sockets that all workers accept from."""

    dimse: socket.socket
    http: socket.socket

    def close(self) -> None:
        """Close those of this process."""
        self.dimse.close()
        self.http.close()


def worker_count(settings: ServeSettings) -> int:
    """Return how many processes serve."""
    if settings.workers == "auto":
        return min(os.cpu_count() or 1, _MOST_WORKERS)
    return settings.workers


def work(settings: Settings, listeners: Listeners, around: Around, *, number: int) -> None:
    """Serve until SIGTERM, then drain; `number` is this worker's, and all share the node's limits."""
    metrics = around.watch.take(number)
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the supervisor tells us
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    archive = open_sealing_archive(settings, workers=around.workers, metrics=metrics, recent=around.recent)
    dimse = DimseServer(archive, _share(settings.dimse, around.workers), listeners.dimse)
    app = web_app(settings, archive, around, lambda: "the node is stopping" if stop.is_set() else None)
    http = HttpServer(app, listeners.http, settings.http)
    dimse.start()
    http.start()
    while not stop.wait(_LOOK_EVERY_S):  # a signal just before a wait without end would not be noticed in it
        pass
    deadline = time.monotonic() + settings.serve.drain_s
    dimse.stop(settings.serve.drain_s)
    http.stop(max(_HTTP_GRACE_S, deadline - time.monotonic()))
    archive.close()


def _share(settings: DimseSettings, workers: int) -> DimseSettings:
    """Return the limits of one of the processes, whose listener is shared."""
    limits = ("max_associations", "max_associations_per_peer")
    return settings.model_copy(update={name: math.ceil(getattr(settings, name) / workers) for name in limits})
