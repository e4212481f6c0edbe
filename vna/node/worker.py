"""What one worker process does: it serves DIMSE over an archive of its own until it is told to stop."""

import math
import os
import signal
import socket
import threading

from vna.dimse import DimseServer
from vna.node.journal import open_sealing_archive
from vna.node.watch import Watch
from vna.settings import DimseSettings, ServeSettings, Settings

_MOST_WORKERS = 4
"""More processes on one index gain nothing: they commit one after the other."""


def worker_count(settings: ServeSettings) -> int:
    """Return how many processes serve DIMSE."""
    if settings.workers == "auto":
        return min(os.cpu_count() or 1, _MOST_WORKERS)
    return settings.workers


def work(settings: Settings, listener: socket.socket, watch: Watch, *, number: int, workers: int) -> None:
    """Accept associations until SIGTERM, then drain; `number` is this one's, and `workers` share the node's limits."""
    metrics = watch.take(number)
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the supervisor tells us
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    archive = open_sealing_archive(settings, workers=workers, metrics=metrics)
    server = DimseServer(archive, _share(settings.dimse, workers), listener)
    server.start()
    stop.wait()
    server.stop(settings.serve.drain_s)
    archive.close()


def _share(settings: DimseSettings, workers: int) -> DimseSettings:
    """Return the limits of one of the processes, whose listener is shared."""
    limits = ("max_associations", "max_associations_per_peer")
    return settings.model_copy(update={name: math.ceil(getattr(settings, name) / workers) for name in limits})
