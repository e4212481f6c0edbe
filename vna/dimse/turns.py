"""Whose turn it is: how many C-MOVEs send at a time, and that no destination takes all of the places.

A dead destination may hold its moves for minutes. At most half of the places go to one destination,
so that moves to others find one.
"""

import threading
from collections import Counter


class Turn:
    """A place in the line of one destination; `granted` is set when it may begin. Give it back with `end`."""

    def __init__(self, turns: "Turns", destination: str, at_most: int) -> None:
        self.destination, self.at_most = destination, at_most
        self.granted = threading.Event()
        self._turns = turns

    def end(self) -> None:
        """Make room for the next one; a turn that was not granted yet leaves the line."""
        self._turns.end(self)


class Turns:
    """The moves under way and those that wait, first come, first served; safe to use from all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: list[Turn] = []
        self._running: Counter[str] = Counter()

    def ask(self, destination: str, *, at_most: int) -> Turn:
        """Stand in line for one of `at_most` places, of which a destination gets half, rounded up."""
        turn = Turn(self, destination, at_most)
        with self._lock:
            self._line.append(turn)
            self._grant()
        return turn

    def end(self, turn: Turn) -> None:
        """Take a turn out, and let in who may begin now."""
        with self._lock:
            if turn.granted.is_set():
                self._running[turn.destination] -= 1
            else:
                self._line.remove(turn)
            self._grant()

    def _grant(self) -> None:
        for turn in list(self._line):
            share = (turn.at_most + 1) // 2
            if self._running.total() < turn.at_most and self._running[turn.destination] < share:
                self._line.remove(turn)
                self._running[turn.destination] += 1
                turn.granted.set()
