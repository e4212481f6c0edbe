"""How fast a load is asked for, and for how long."""

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of a load; 0 is no limit.

    `rate` is requests a second, over all associations; without it each follows the answer to the one before.
    `duration_s` ends the load after that many seconds, `repetitions` after so many requests.
    """

    rate: float = 0
    duration_s: float = 0
    repetitions: int = 0

    def shared_by(self, parts: int) -> "Pace":
        """Return the pace of one of several parts that know nothing of each other."""
        return Pace(self.rate / parts, self.duration_s, -(-self.repetitions // parts))


class Beats:
    """Says when the next request is due; several threads may ask, and share the pace."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._begin = time.perf_counter()
        self._given = 0

    def wait(self) -> bool:
        """Wait until one more request is due; False when the load is over."""
        with self._lock:
            number = self._given
            if self._pace.repetitions and number >= self._pace.repetitions:
                return False
            due = number / self._pace.rate if self._pace.rate else 0.0
            if self._pace.duration_s and max(due, self._elapsed()) >= self._pace.duration_s:
                return False
            self._given += 1
        early = due - self._elapsed()
        if early > 0:
            time.sleep(early)
        return True

    def _elapsed(self) -> float:
        return time.perf_counter() - self._begin
