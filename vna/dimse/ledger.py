"""What became of the instances of one round of a C-MOVE, written down by all of its senders."""

import threading
from dataclasses import dataclass

from vna.archive import HeldInstance
from vna.dimse.requestor import PeerUnreachable
from vna.dimse.retrieve import Retrieval
from vna.dimse.status import Status, is_out_of_resources, is_warning
from vna.errors import VnaError


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An instance to be tried again; `tried` is false where its association may have been lost by mere chance."""

    held: HeldInstance
    reason: str
    tried: bool = True


class Ledger:
    """The outcome so far: what is settled is counted in the retrieval, `again` can be tried again.

    `delivered` counts instances, `opened` associations; `reason` is that
    of the last association lost or not had, and `may_pass` whether it could be had later; `stalled` says
    that one was given up because its peer stood still; `error` is a bug or a failure of the archive that
    ended a sender. Safe to use from all threads.
    """

    def __init__(self, retrieval: Retrieval) -> None:
        self._retrieval = retrieval
        self._lock = threading.Lock()
        self._closed = False
        self.again: list[Undelivered] = []
        self.delivered = self.opened = 0
        self.reason = ""
        self.may_pass = self.stalled = False
        self.error: BaseException | None = None

    def association_opened(self) -> None:
        """Note that the destination has accepted an association."""
        with self._lock:
            self.opened += 1

    def unreachable(self, exc: PeerUnreachable) -> None:
        """Note that no association could be had."""
        with self._lock:
            self.reason, self.may_pass = str(exc), exc.may_pass

    def answered(self, held: HeldInstance, status: int) -> None:
        """Note the status an instance was answered with."""
        with self._lock:
            if self._closed:
                return
            if is_out_of_resources(status):
                self.again.append(Undelivered(held, f"answered with status {status:04X}"))
                return
            self._retrieval.count(held, status)
            self.delivered += status == Status.SUCCESS or is_warning(status)

    def lost(self, undelivered: Undelivered) -> None:
        """Note that the association ended before an instance was answered."""
        with self._lock:
            if not self._closed:
                self.again.append(undelivered)
                self.reason = undelivered.reason

    def failed(self, held: HeldInstance, exc: VnaError) -> None:
        """Note that an instance cannot be sent, which no other association would change."""
        with self._lock:
            if not self._closed:
                self._retrieval.fail(held, exc)

    def close(self) -> None:
        """Take no more notes: a sender that is still held up somewhere comes too late."""
        with self._lock:
            self._closed = True
