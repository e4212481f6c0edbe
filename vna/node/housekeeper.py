"""The housekeeper: what an archive needs done again and again, by threads of the process at the top.

Of several nodes on one archive one is elected to do it. The others stand by: they ask again each time a duty would be
due, and one of them goes on where the elected one stopped, whichever way it ended. Because a node may be cut off in
the middle of a duty and not know, a duty must bear to be done by two at once.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vna.errors import VnaError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done every `every_s` seconds.

    `run` is given an event that is set when it should come to an end soon, between two steps of its own.
    What it cannot do now it raises as a VnaError: it is logged, and tried again next time. `at_the_end`
    has it done once more when everything else has stopped.
    """

    name: str
    every_s: float
    run: Callable[[threading.Event], object]
    at_the_end: bool = False


class Housekeeper:
    """Does its duties from `start` on, each on a thread of its own, so that a slow one holds up no other."""

    def __init__(self, duties: Sequence[Duty], *, is_elected: Callable[[], bool]) -> None:
        """Take the duties; `is_elected` says, at any time and from any thread, whether this node is to do them."""
        self._duties, self._is_elected = duties, is_elected
        self._was_elected = False
        self._failures: dict[str, str] = {}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; to be called after the last fork."""
        for duty in self._duties:
            thread = threading.Thread(target=self._repeat, args=(duty,), name=f"duty-{duty.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End the threads, and do once more what is to be done at the end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        for duty in self._duties:
            if duty.at_the_end:
                self._do(duty)

    def _repeat(self, duty: Duty) -> None:
        while not self._stopping.wait(duty.every_s):
            if self._elected():
                self._do(duty)

    def _elected(self) -> bool:
        elected = self._is_elected()
        if elected != self._was_elected:
            self._was_elected = elected
            _log.info("this node %s", "keeps house now" if elected else "does not keep house any more")
        return elected

    def _do(self, duty: Duty) -> None:
        """Do a duty; what keeps it from being done is logged when it begins, changes and ends."""
        before = self._failures.pop(duty.name, None)
        try:
            duty.run(self._stopping)
        except VnaError as exc:
            self._failures[duty.name] = str(exc)
            if str(exc) != before:
                _log.error("a duty could not be done, and is tried again duty=%s reason=%s", duty.name, exc)
        except Exception:  # noqa: BLE001 - a fault of ours in one run must not end the duty for ever
            _log.exception("a duty failed, and is tried again duty=%s", duty.name)
        else:
            if before is not None:
                _log.info("a duty can be done again duty=%s", duty.name)
