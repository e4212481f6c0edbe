"""The housekeeper: a thread of the process at the top that seals the journal, and signs its head once a day."""

import logging
import threading
from datetime import UTC, datetime

from vna.archive import Sealer
from vna.errors import VnaError
from vna.journal import SigningKey

_log = logging.getLogger(__name__)


class Housekeeper:
    """Seals every so many seconds from `start` on; owns the sealer.

    Two of them, of two nodes on one archive, do no harm: a segment is made once.
    """

    def __init__(self, sealer: Sealer, key: SigningKey, *, seal_every_s: float) -> None:
        self._sealer, self._key, self._every_s = sealer, key, seal_every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    def start(self) -> None:
        """Begin; to be called after the last fork."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, seal what came last, and close the sealer."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._seal()
        self._sealer.close()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._seal()

    def _seal(self) -> None:
        """Seal; what is not sealed now is sealed with the next ones, so a failure is only told."""
        try:
            self._sealer.seal()
            now = datetime.now(UTC)
            if self._sealer.signed_on() != now.date():
                self._sealer.sign(self._key, now)
        except VnaError as exc:
            _log.error("the journal cannot be sealed reason=%s", exc)
