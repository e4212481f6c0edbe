"""The clock that decides when time is over: whether it can be believed.

Three witnesses are asked each time: the time that was found right last (a working row), the time of the journal's last
event, and, in a process that has looked before, how long it has run by a clock that nobody sets. Where the wall clock
is further from one of them than `max_jump_s`, that is recorded, and from then on nothing is eliminated, moved between
tiers or unlocked, until a person confirms the time. A node that was off for longer asks for the same.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from vna.archive.recording import record_if_due
from vna.errors import ClockNotTrusted, NotFound
from vna.events import ClockConfirmed, ClockJumped
from vna.index import ClockJump, ClockMarks, Index, index_errors

DEFAULT_MAX_JUMP_S: Final = 86400.0

_ACTOR: Final = "clock"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """When a process began to look: by the wall, by a clock that nobody sets, and after which confirmation."""

    wall: datetime
    running_s: float
    confirmed: int


def _wall() -> datetime:
    return datetime.now(UTC)


def _running_s() -> float:
    """Return seconds that go on while the machine sleeps (Linux)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockGuard:
    """The clock of one archive, as one process sees it. Thread-safe."""

    def __init__(
        self, index: Index, wall: Callable[[], datetime] = _wall, running_s: Callable[[], float] = _running_s
    ) -> None:
        """Take the index; `wall` gives the time in UTC, `running_s` seconds that nobody sets."""
        self._index, self.wall, self.running_s = index, wall, running_s
        self.max_jump_s = DEFAULT_MAX_JUMP_S
        self._lock = threading.Lock()
        self._beginning: _Beginning | None = None

    def check(self) -> ClockJump | None:
        """Look whether the clock can be believed; return the jump that stands, None where it can.

        Raises:
            OutOfResources: the index cannot be used.
        """
        with self._lock, index_errors():
            marks = self._index.clock.marks()
            if marks.jump is not None:
                return marks.jump
            now, running_s = self.wall(), self.running_s()
            if self._beginning is None or self._beginning.confirmed != marks.confirmed:
                self._beginning = _Beginning(now, running_s, marks.confirmed)
            trusted = self._contradiction(now, running_s, marks)
            if trusted is None:
                seen = now.isoformat(timespec="seconds")
                if seen != marks.seen:
                    self._index.clock.keep(seen)
                return None
        return self._stop(trusted, now)

    def now(self) -> datetime:
        """Return the time in UTC, for what must not happen before its day.

        Raises:
            ClockNotTrusted: the clock cannot be believed.
            OutOfResources: the index cannot be used.
        """
        jump = self.check()
        if jump is not None:
            raise ClockNotTrusted(
                f"the clock went from {jump.trusted} to {jump.seen}: nothing is eliminated or moved until somebody has "
                "set it right and says so: vna lifecycle confirm-clock"
            )
        return self.wall()

    def jump(self) -> ClockJump | None:
        """Return the jump that stands, without looking at the clock."""
        with index_errors():
            return self._index.clock.marks().jump

    def confirm(self, by: str) -> datetime:
        """Record that somebody finds the clock right as it is now; return the time that is.

        Raises:
            NotFound: no jump stands.
        """
        jump = self.jump()
        if jump is None or record_if_due(self._index, ClockConfirmed(jump.number), by) is None:
            raise NotFound("the clock is trusted as it is: there is nothing to confirm")
        with self._lock, index_errors():
            now = self.wall()
            self._index.clock.keep(now.isoformat(timespec="seconds"))
            self._beginning = None
        _log.warning("the clock is trusted again trusted=%s", now.isoformat(timespec="seconds"))
        return now

    def _contradiction(self, now: datetime, running_s: float, marks: ClockMarks) -> datetime | None:
        """Return the time by a witness that the wall clock is too far from; None where all agree."""
        for witness in self._witnesses(running_s, marks):
            if abs((now - witness).total_seconds()) > self.max_jump_s:
                return witness
        return None

    def _witnesses(self, running_s: float, marks: ClockMarks) -> Iterator[datetime]:
        """Yield the latest time that was right, and the one that must be now by a clock that nobody sets."""
        told = [datetime.fromisoformat(text) for text in (marks.seen, marks.last_event) if text]
        if told:
            yield max(told)
        if self._beginning is not None:
            begun = self._beginning
            yield datetime.fromtimestamp(begun.wall.timestamp() + running_s - begun.running_s, UTC)

    def _stop(self, trusted: datetime, now: datetime) -> ClockJump:
        event = ClockJumped(trusted.isoformat(timespec="seconds"), now.isoformat(timespec="seconds"))
        number = record_if_due(self._index, event, _ACTOR)
        if number is not None:
            _log.error(
                "the clock jumped, eliminations and tier moves stop trusted=%s seen=%s", event.trusted, event.seen
            )
        return ClockJump(number or 0, event.trusted, event.seen)
