"""Runs one node in the foreground until a signal says stop."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

from vna.errors import VnaError
from vna.node.data_folder import NodeRecord
from vna.node.logs import start_logging
from vna.node.node import Node
from vna.node.process import set_up_process
from vna.settings import Settings

_LOOK_EVERY_S = 1.0


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then let what was begun finish; a second signal cuts that short.

    Args:
        say: takes lines meant for the person at the terminal.

    Raises:
        StartRefused: the node cannot start.
        VnaError: its workers are gone for good; whoever keeps services running starts the node again.
    """
    start_logging(settings.log)
    set_up_process()
    stop = threading.Event()
    _on_signals(lambda _number, _frame: stop.set())
    node = Node(settings)
    node.start()
    for line in welcome(node.record):
        say(line)
    while not stop.wait(_LOOK_EVERY_S):
        if node.has_lost_its_workers():
            node.stop()
            raise VnaError("the process that keeps the workers has died, and the node ends: start it again")
    say(f"Stopping: what was begun is finished, for up to {settings.serve.drain_s:g} s. Once more Ctrl-C: at once.")
    _on_signals(_interrupt)
    try:
        node.stop()
        say("Stopped.")
    except KeyboardInterrupt:
        say("Stopped at once: what was under way is cut off, and its senders know.")


def welcome(record: NodeRecord) -> list[str]:
    """Return what a new user reads first: where the node listens and what to try next."""
    peer = f"{record.dimse.reachable_host} {record.dimse.port}"
    return [
        f"vna {record.version}: AE title {record.ae_title}, DIMSE on {record.dimse}, HTTP on http://{record.http}/",
        "Try, from another terminal, with DCMTK's programs:",
        f"  echoscu -aec {record.ae_title} {peer}",
        f"  storescu -aec {record.ae_title} +sd +r {peer} FOLDER",
        f"  findscu -aec {record.ae_title} -S -k QueryRetrieveLevel=STUDY -k PatientName -k StudyInstanceUID {peer}",
        "Ctrl-C stops it.",
    ]


def _on_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
