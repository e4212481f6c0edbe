"""The housekeeper: what an archive needs done again and again, by threads of the process at the top."""

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
    run: Callable[[threading.Event], None]
    at_the_end: bool = False


class Housekeeper:
    """Does its duties from `start` on, each on a thread of its own, so that a slow one holds up no other."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = duties
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
            self._do(duty)

    def _do(self, duty: Duty) -> None:
        try:
            duty.run(self._stopping)
        except VnaError as exc:
            _log.error("a duty could not be done, and is tried again duty=%s reason=%s", duty.name, exc)
