"""How many connections there are: of every address until an association is let in, then of every peer.

A connection without an association (one that has not asked for it yet, was rejected, or is done and not closed by
its peer) counts for its address; an association counts for its peer. So a stranger who opens connections and says
nothing keeps nobody out but itself, and a peer that opens ever more associations leaves room for the others.
"""

import threading
from collections import Counter

from vna.settings import DimseSettings

_BESIDE_ASSOCIATIONS = 32  # connections more than associations, so that one too many is still told so


class Seats:
    """The places of one process; safe to use from all threads."""

    def __init__(self, settings: DimseSettings) -> None:
        self._most, self._most_of_peer = settings.max_associations, settings.max_associations_per_peer
        self._lock = threading.Lock()
        self._connections = 0
        self._waiting: Counter[str] = Counter()
        self._associations: Counter[str] = Counter()

    def visit(self, address: str) -> "Visit | str":
        """Count a new connection, or return why it is one too many."""
        with self._lock:
            if self._connections >= self._most + _BESIDE_ASSOCIATIONS:
                return f"{self._connections} connections are open"
            if self._waiting[address] >= self._most_of_peer:
                return f"{self._waiting[address]} connections of this address have no association"
            self._connections += 1
            self._waiting[address] += 1
        return Visit(self, address)

    def associate(self, address: str, peer: str) -> str | None:
        """Count a connection as an association of a peer, or return why that is one too many."""
        with self._lock:
            associations = self._associations.total()
            if associations >= self._most:
                return f"{associations} associations are open"
            if self._associations[peer] >= self._most_of_peer:
                return f"{self._associations[peer]} associations of this peer are open"
            self._associations[peer] += 1
            _discount(self._waiting, address)
        return None

    def dissociate(self, address: str, peer: str) -> None:
        """Count an association as a mere connection again."""
        with self._lock:
            _discount(self._associations, peer)
            self._waiting[address] += 1

    def leave(self, address: str) -> None:
        """Forget a connection that has no association."""
        with self._lock:
            self._connections -= 1
            _discount(self._waiting, address)


class Visit:
    """One connection, from its first byte to its last; its own thread uses it."""

    def __init__(self, seats: Seats, address: str) -> None:
        self._seats, self.address = seats, address
        self._peer: str | None = None

    def associate(self, peer: str) -> str | None:
        """Become an association of a peer, or return why that is one too many."""
        refused = self._seats.associate(self.address, peer)
        if refused is None:
            self._peer = peer
        return refused

    def dissociate(self) -> None:
        """Be no association any more; may be called more than once."""
        if self._peer is not None:
            self._seats.dissociate(self.address, self._peer)
            self._peer = None

    def leave(self) -> None:
        """Be gone; to be called once."""
        self.dissociate()
        self._seats.leave(self.address)


def _discount(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
