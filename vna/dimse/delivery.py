"""Delivery of the instances of a C-MOVE: over several associations at a time, and in several rounds.

In a round every instance is tried once, by senders that take from one list. What could not be delivered
for a reason that may pass is tried again in the next round, on new associations, after a pause; the rest
has failed for good. While senders run, this thread looks after the requestor, and watches them: the
connection to the requestor is used by no other thread.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence

from vna.archive import HeldInstance
from vna.dimse.exchange import Exchange
from vna.dimse.feed import Feed
from vna.dimse.ledger import Ledger
from vna.dimse.retrieve import Retrieval
from vna.dimse.sender import Phase, Route, Sender

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.05
"""How often the thread of a C-MOVE looks after its requestor while others work."""
_BYTES_EACH = 16 * 2**20
_INSTANCES_EACH = 32
_FINISH_S = 1.0  # for the instance that is being sent when a C-MOVE is cancelled
_INTERRUPT_S = 0.5
_RELEASE_S = 1.0  # for the destination to agree to a release before the requestor is answered


def associations_for(instances: Sequence[HeldInstance], *, at_most: int) -> int:
    """Return how many associations are worth it: one for each 16 MiB or 32 instances, and at least one."""
    size = sum(held.size for held in instances)
    return max(1, min(at_most, max(size // _BYTES_EACH, len(instances) // _INSTANCES_EACH)))


class Delivery:
    """Delivers instances by one route, as long as the requestor wants them."""

    def __init__(self, exchange: Exchange, retrieval: Retrieval, route: Route) -> None:
        self._exchange, self._retrieval, self._route = exchange, retrieval, route
        self._tries: Counter[HeldInstance] = Counter()
        self._reasons: dict[HeldInstance, str] = {}
        self._reached = False

    def run(self, instances: Sequence[HeldInstance]) -> bool:
        """Deliver what can be delivered and count the rest as failed; return False when cancelled.

        Raises:
            AssociationEnded: the requestor is gone.
            VnaError: the index fails.
        """
        settings = self._route.settings
        left, retry = list(instances), 0
        while True:
            attempt = _Round(self._exchange, self._retrieval, self._route, left)
            if not attempt.run():
                return False
            left = attempt.feed.untaken() + self._worth_another(attempt.ledger)
            if not left:
                return True
            retry = self._retry_number(attempt.ledger, retry)
            if retry > settings.move_retries:
                self._fail(left, attempt.ledger.reason)
                return True
            pause_s = settings.move_retry_pause_s * 2 ** (retry - 1)
            self._log_retry(attempt.ledger, len(left), pause_s)
            if not self._pause(pause_s):
                return False

    def _worth_another(self, ledger: Ledger) -> list[HeldInstance]:
        """Return what was tried and may be tried again; what has had all its tries has failed."""
        again = []
        for one in ledger.again:
            self._tries[one.held] += one.tried
            self._reasons[one.held] = one.reason
            if self._tries[one.held] > self._route.settings.move_retries:
                self._retrieval.fail(one.held, one.reason)
            else:
                again.append(one.held)
        return again

    def _retry_number(self, ledger: Ledger, last: int) -> int:
        """Return which retry the next round would be; 1 after one that has delivered something."""
        self._reached = self._reached or ledger.opened > 0
        if not self._reached and not ledger.may_pass:
            return self._route.settings.move_retries + 1
        return 1 if ledger.delivered and not ledger.stalled else last + 1

    def _fail(self, instances: Sequence[HeldInstance], reason: str) -> None:
        _log.warning(
            "destination given up peer=%s left=%d reason=%s", self._route.peer.ae_title, len(instances), reason
        )
        for held in instances:
            self._retrieval.done.fail(held, self._reasons.get(held, reason))

    def _log_retry(self, ledger: Ledger, left: int, pause_s: float) -> None:
        _log.warning(
            "move tried again peer=%s left=%d in_s=%g reason=%s",
            self._route.peer.ae_title,
            left,
            pause_s,
            ledger.reason or ledger.again[-1].reason,
        )

    def _pause(self, seconds: float) -> bool:
        """Wait before a retry; return False when the requestor cancels meanwhile."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            if not self._retrieval.goes_on():
                return False
            time.sleep(min(left_s, LOOK_EVERY_S))
        return True


class _Round:
    """One go at a list of instances, over as many associations as are worth it and can be had."""

    def __init__(
        self, exchange: Exchange, retrieval: Retrieval, route: Route, instances: Sequence[HeldInstance]
    ) -> None:
        self.feed, self.ledger = Feed(exchange.archive, instances), Ledger(retrieval)
        self._retrieval, self._route = retrieval, route
        self._wanted = associations_for(instances, at_most=route.settings.move_associations)
        self._senders: list[Sender] = []
        self._changed = threading.Event()

    def run(self) -> bool:
        """Send until nothing is left to take, or no association is; return False when cancelled.

        Raises:
            AssociationEnded: the requestor is gone.
            VnaError: the index fails.
        """
        self._add_sender()
        try:
            while self._under_way():
                if not self._retrieval.goes_on():
                    return False
                self._changed.wait(LOOK_EVERY_S)
                self._changed.clear()
                for sender in self._senders:
                    sender.check_pace()
                if len(self._senders) < self._wanted and self._any(Phase.SENDING):
                    self._add_sender()
        finally:
            self._end()
        return True

    def _add_sender(self) -> None:
        sender = Sender(self._route, self.feed, self.ledger, self._changed)
        self._senders.append(sender)
        sender.start()

    def _under_way(self) -> bool:
        if self.ledger.error is not None:
            raise self.ledger.error
        return self._any(Phase.SENDING) or (not self.feed.spent and self._any(Phase.OPENING))

    def _any(self, phase: Phase) -> bool:
        return any(sender.phase is phase for sender in self._senders)

    def _end(self) -> None:
        """Let senders finish the instance they are at, and end those that take too long."""
        self.feed.stop()
        for sender in self._senders:
            if sender.phase is Phase.OPENING:
                sender.give_up("not needed any more")
        self._wait_while(Phase.SENDING, _FINISH_S)
        for sender in self._senders:
            if sender.phase is Phase.SENDING:
                sender.give_up("cancelled")
        self._wait_while(Phase.SENDING, _INTERRUPT_S)
        self.ledger.close()
        self._wait_while(Phase.RELEASING, _RELEASE_S)

    def _wait_while(self, phase: Phase, at_most_s: float) -> None:
        deadline = time.monotonic() + at_most_s
        while self._any(phase) and (left_s := deadline - time.monotonic()) > 0:
            self._changed.wait(left_s)
            self._changed.clear()
