"""What is to be sent to a move destination, handed to several senders one instance at a time, in order.

The archive decodes ahead for one list, whoever takes from it: so each association gets its instances in
the order of the list, none waits for a slower one, and what is held in memory does not grow with them.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence

from vna.archive import Archive, DataSet, HeldInstance
from vna.dimse.negotiation import Context
from vna.dimse.retrieve import ContextChoice
from vna.errors import VnaError


class Feed:
    """A list of instances on their way out; safe to use from all threads."""

    def __init__(self, archive: Archive, instances: Sequence[HeldInstance]) -> None:
        self._archive, self._instances = archive, instances
        self._lock = threading.Lock()
        self._opened: Iterator[tuple[HeldInstance, DataSet | VnaError]] | None = None
        self._offered: set[tuple[str, str]] = set()
        self._taken = 0
        self.stopped = False

    @property
    def spent(self) -> bool:
        """Whether nothing more is handed out."""
        return self.stopped or self._taken == len(self._instances)

    def take(self, contexts: Mapping[int, Context]) -> tuple[HeldInstance, DataSet | VnaError] | None:
        """Return the next instance, with its data set or the reason why there is none; None: there is no more.

        Data sets are made for the contexts of the first association that asks. One that was accepted
        with others gets nothing.

        Raises:
            VnaError: the index fails.
        """
        offered = {(each.abstract_syntax, each.transfer_syntax) for each in contexts.values()}
        with self._lock:
            if self._opened is None:
                choice = ContextChoice(contexts.values())
                self._opened, self._offered = (
                    self._archive.retrieve(self._instances, choice.transfer_syntax_for),
                    offered,
                )
            if self.stopped or offered != self._offered:
                return None
            item = next(self._opened, None)
            if item is None or self.stopped:
                return None
            self._taken += 1
            return item

    def stop(self) -> None:
        """Hand out nothing more; does not wait for one that is being taken."""
        self.stopped = True

    def untaken(self) -> list[HeldInstance]:
        """Return the instances that nobody took, in order."""
        with self._lock:
            return list(self._instances[self._taken :])
