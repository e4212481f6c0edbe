"""Every order in which the steps of several actors can happen: enumerated, each one played from the beginning.

An actor is a thread that runs alone from one `pause` to the next; who goes on is chosen, and every choice is made once.
One that waits for the others is not chosen again before another one has made a step.
"""

import threading
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace

_LONGEST_STEP_S = 60
_MOST_WAITING = 200
_HERE = threading.local()


class Actor:
    """Work done in steps."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        """Begin nothing yet; what the work raises is kept in `failure`."""
        self.name, self._work = name, work
        self.waiting = self.over = False
        self.failure: BaseException | None = None
        self._has_begun = False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()

    def step(self) -> None:
        """Let it go on to its next pause."""
        self._go.release()
        assert self._back.acquire(timeout=_LONGEST_STEP_S), f"{self.name} does not come back"

    def pause(self, *, waiting: bool) -> None:
        """Give the turn back, but for the first time: an actor's first step begins there."""
        if not self._has_begun:
            self._has_begun = True
            return
        self.waiting = waiting
        self._back.release()
        self._go.acquire()

    def _run(self) -> None:
        _HERE.actor = self
        self._go.acquire()
        try:
            self._work()
        except BaseException as exc:  # noqa: BLE001 - told to whoever plays
            self.failure = exc
        self.over = True
        self._back.release()


def pause(*, waiting: bool = False) -> None:
    """Come to the end of a step, if this is the thread of an actor."""
    actor = getattr(_HERE, "actor", None)
    if actor is not None:
        actor.pause(waiting=waiting)


def pausing(function: Callable, *, waiting: bool = False, unless: Callable[[], bool] = lambda: False) -> Callable:
    """Return a function before each call of which a step ends, unless something is so."""

    def called(*args: object, **named: object) -> object:
        if not unless():
            pause(waiting=waiting)
        return function(*args, **named)

    return called


def waiting_clock() -> SimpleNamespace:
    """Return what stands for the module `time` where sleeping means to let the others go on."""
    return SimpleNamespace(**vars(time) | {"sleep": pausing(lambda _seconds: None, waiting=True)})


def play_all(begin: Callable[[], Sequence[Actor]], check: Callable[[str], None]) -> int:
    """Play every interleaving; return how many there are.

    Args:
        begin: prepares one play and returns its actors.
        check: is told the order of the steps when they are over.
    """
    choices: list[list[int]] = []
    count = 0
    while True:
        check(_play(begin(), choices))
        count += 1
        while choices and choices[-1][0] + 1 == choices[-1][1]:
            choices.pop()
        if not choices:
            return count
        choices[-1][0] += 1


def _play(actors: Sequence[Actor], choices: list[list[int]]) -> str:
    """Play one interleaving: as `choices` say, which are number and count of what could be chosen, then the first."""
    order: list[str] = []
    waited = 0
    while left := [actor for actor in actors if not actor.over]:
        ready = [actor for actor in left if not actor.waiting]
        waited = 0 if ready else waited + 1
        assert waited < _MOST_WAITING, f"nobody goes on: {' '.join(order)}"
        ready = ready or left[:1]
        if len(order) == len(choices):
            choices.append([0, len(ready)])
        chosen = ready[choices[len(order)][0]]
        chosen.step()
        order.append(chosen.name)
        for other in actors:
            if other is not chosen:
                other.waiting = False
    for actor in actors:
        assert actor.failure is None, f"{actor.name}: {actor.failure!r} after {' '.join(order)}"
    return " ".join(order)
