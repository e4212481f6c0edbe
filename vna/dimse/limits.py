"""The limits that keep one peer from using up the node, and the pace it has to keep."""

from enum import StrEnum


class Limit(StrEnum):
    """What was reached; the label of the metric that counts it."""

    CONNECTIONS = "connections"
    """More connections than are read from at a time, of one address or in all: closed without a word."""
    ASSOCIATIONS = "associations"
    """`dimse.max_associations` or `dimse.max_associations_per_peer`: rejected for now (PS3.8 9.3.4)."""
    ARTIM = "artim"
    """No association requested in time."""
    IDLE = "idle"
    """Nothing came between two messages for `dimse.idle_timeout_s`."""
    RATE = "rate"
    """Less came within a message, or was taken of our answer, than `dimse.min_bytes_per_s`."""


class LeastRate:
    """Whether a peer moves as many bytes as it must, over a window of the time that we wait for it.

    Time in which we do something else does not count, so a slow disk of ours is not the peer's fault.
    """

    def __init__(self, bytes_per_s: int, window_s: float) -> None:
        """Begin a window; a rate of 0 is always kept."""
        self._least, self._window_s = bytes_per_s * window_s, window_s
        self._waited_s, self._moved = 0.0, 0

    def begin(self) -> None:
        """Begin a new window: something else is due now."""
        self._waited_s, self._moved = 0.0, 0

    def too_slow(self, waited_s: float, moved: int) -> bool:
        """Add to the window; return whether one is over in which too little was moved."""
        self._waited_s += waited_s
        self._moved += moved
        if self._waited_s < self._window_s:
            return False
        slow = self._moved < self._least
        self.begin()
        return slow
