"""Opens the sweep of the node's archive, and does it when it is due."""

import time
from threading import Event
from typing import Final

from vna.archive import Sweeper
from vna.index import open_index
from vna.node.housekeeper import Duty
from vna.node.parts import index_url, open_store
from vna.settings import Settings

_TAKE_UP_S: Final = 60.0
"""How soon a sweep that died is finished: until then nothing of what it deletes can be stored again."""


def open_sweeper(settings: Settings) -> Sweeper:
    """Open what sweeps the stores. Close it when done.

    Raises:
        StartRefused: index or store cannot be opened.
    """
    return Sweeper(open_index(index_url(settings)), open_store(settings), settings.store.sweep_grace_s)


def sweeping(sweeper: Sweeper, every_s: float) -> Duty:
    """Sweep each `every_s` seconds, and meanwhile finish what another one has left, on this node or elsewhere."""
    due = time.monotonic() + every_s

    def sweep(stopping: Event) -> None:
        nonlocal due
        sweeper.take_up()
        if time.monotonic() >= due:
            sweeper.sweep(stopping)
            due = time.monotonic() + every_s

    return Duty("sweep", min(every_s, _TAKE_UP_S), sweep)
