"""Whether a database is still the one this process knows: of the same history, and no shorter.

A database may be swapped or put back from a backup under a running node. Each transaction finds out by itself where
the database is shorter than what this process has seen. The first one on a new connection also compares the hashes
at the last mark this process has seen, and where the sealed journal ends. Nothing is recorded until they agree: what
is missing is entered when the node starts.
"""

import threading
from collections.abc import Callable

from vna.errors import OutOfResources
from vna.events import JournalMark

HashAt = Callable[[int], bytes | None]
"""Gives the head after the event at a position; None if there is no such event."""


class History:
    """The furthest mark that one process has seen of its journal. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: JournalMark | None = None
        self._sealed: Callable[[], JournalMark] | None = None

    def compare_with(self, sealed: Callable[[], JournalMark]) -> None:
        """Compare with the sealed journal too; `sealed` gives where it ends, and may raise a VnaError."""
        self._sealed = sealed

    def sealed(self) -> JournalMark | None:
        """Return where the sealed journal ends; None where that is not known here.

        Raises:
            VnaError: it cannot be read now.
        """
        return None if self._sealed is None else self._sealed()

    def check(
        self, stands: Callable[[], JournalMark], hash_at: HashAt | None = None, sealed: JournalMark | None = None
    ) -> None:
        """Compare where the database stands with what was known before it was asked; remember it if they agree.

        Where it may be asked for hashes, the last event of the database has to have the one it says it stands at.

        Args:
            stands: asks the database where it stands.
            hash_at: asks for a hash; without it hashes are compared only where the database has not moved.

        Raises:
            OutOfResources: the database was put back from before, or is of another history.
        """
        seen, now = self._seen, stands()
        if hash_at is not None and now.position and hash_at(now.position) != now.chain_hash:
            raise OutOfResources(
                f"two histories: the index says that its journal ends at position {now.position}, with another hash "
                "than its event there has; put the right database back"
            )
        for known in (seen, sealed):
            if known is not None and known.position:
                _compare(now, known, hash_at)
        self.saw(now)

    def saw(self, mark: JournalMark) -> None:
        """Remember a mark that is committed."""
        with self._lock:
            if self._seen is None or self._seen.position < mark.position:
                self._seen = mark


def _compare(now: JournalMark, known: JournalMark, hash_at: HashAt | None) -> None:
    if now.position < known.position:
        raise OutOfResources(
            f"the index was put back from before: it ends at position {now.position}, and the journal at "
            f"{known.position}; start the node anew, so that it catches up with what is sealed"
        )
    if now.position == known.position:
        found: bytes | None = now.chain_hash
    elif hash_at is not None:
        found = hash_at(known.position)
    else:
        return
    if found != known.chain_hash:
        raise OutOfResources(
            f"two histories: the index has another event at position {known.position} than this node knows; "
            "put the right database back, or start the node anew"
        )
