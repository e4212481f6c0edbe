"""The duty to seal the journal, and to say when it must not be sealed."""

import time
from datetime import UTC, date, datetime
from threading import Event
from typing import Final

from vna.archive import Sealer
from vna.errors import Damaged, StartRefused, VnaError
from vna.journal import SigningKey
from vna.metrics import Metrics
from vna.metrics.families import NOT_SEALED
from vna.node.housekeeper import Duty

_LOOK_FOR_SEGMENT_S: Final = 1.0


def sealing(sealer: Sealer, key: SigningKey, every_s: float, metrics: Metrics) -> Duty:
    """Seal the journal each `every_s` seconds and when a segment is full, and sign its head once a day.

    What is not sealed now is sealed with the next ones. While it must not be sealed the node is not ready.
    """
    return Duty("seal", min(every_s, _LOOK_FOR_SEGMENT_S), _Sealing(sealer, key, every_s, metrics).run, at_the_end=True)


class _Sealing:
    """When the journal was sealed last, and what has kept it from being sealed since."""

    def __init__(self, sealer: Sealer, key: SigningKey, every_s: float, metrics: Metrics) -> None:
        self._sealer, self._key, self._every_s, self._metrics = sealer, key, every_s, metrics
        self._due = time.monotonic()  # what the last run left is sealed, and with that checked, at once
        self._signed: date | None = None
        self._failure: VnaError | None = None
        self._is_refused = False

    def run(self, stopping: Event) -> None:
        """Seal if it is time to; until a failure is tried again it is told again."""
        if time.monotonic() < self._due and not stopping.is_set():
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            if not self._sealer.has_a_segment():
                return
        self._due = time.monotonic() + self._every_s
        try:
            self._seal()
        except VnaError as exc:
            self._failure = exc
            self._tell(refused=self._is_refused or isinstance(exc, Damaged | StartRefused))
            raise
        self._failure = None
        self._tell(refused=False)

    def _seal(self) -> None:
        self._sealer.seal()
        today = datetime.now(UTC)
        if self._signed != today.date():
            self._signed = self._sealer.signed_on()
        if self._signed != today.date():
            self._sealer.sign(self._key, today)

    def _tell(self, *, refused: bool) -> None:
        """Show whether sealing ended with what no later try mends: altered events, two histories."""
        self._metrics.change(NOT_SEALED, by=refused - self._is_refused)
        self._is_refused = refused
