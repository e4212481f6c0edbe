"""One of the senders of a C-MOVE: a thread with an association to the destination."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from vna.archive import DataSet
from vna.dimse.connections import Connections
from vna.dimse.feed import Feed
from vna.dimse.ledger import Ledger, Undelivered
from vna.dimse.pace import Pace
from vna.dimse.requestor import PeerUnreachable, Proposal, RequestedAssociation, request_association
from vna.dimse.retrieve import ContextChoice, StoreSender
from vna.dimse.upper_layer import AssociationEnded
from vna.errors import VnaError
from vna.log_context import in_this_context
from vna.model import Peer
from vna.settings import DimseSettings


@dataclass(frozen=True, slots=True)
class Route:
    """How a C-MOVE reaches its destination; `originator` is AE title and Message ID of who asked for it."""

    peer: Peer
    proposals: Sequence[Proposal]
    calling_ae_title: str
    originator: tuple[str, int]
    settings: DimseSettings
    connections: Connections


class Phase(Enum):
    """What a sender is doing."""

    OPENING = auto()
    SENDING = auto()
    RELEASING = auto()
    ENDED = auto()


class Sender:
    """Takes instances from a feed and sends them, until there is no more or the destination is lost.

    Whoever starts it watches `phase`; `changed` is set with each change. An association that has
    delivered something and is lost is replaced at once; one that has not ends the sender.
    """

    def __init__(self, route: Route, feed: Feed, ledger: Ledger, changed: threading.Event) -> None:
        self.phase = Phase.OPENING
        self._route, self._feed, self._ledger, self._changed = route, feed, ledger, changed
        self._connections = Connections(route.connections)
        self._pace: Pace | None = None
        self._given_up = ""
        self._thread = threading.Thread(
            target=in_this_context(self._run), name=f"move-{route.peer.ae_title}", daemon=True
        )

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def give_up(self, reason: str) -> None:
        """End the sender's connection, whatever it is doing; for another thread than the sender's."""
        self._given_up = self._given_up or reason
        self._connections.interrupt_all()

    def check_pace(self) -> None:
        """Give up if the destination stands still; for another thread than the sender's."""
        if self.phase is Phase.SENDING and self._pace is not None and self._pace.stands_still():
            self._ledger.stalled = True
            self.give_up(f"the destination stood still for {self._route.settings.move_stall_s:g} s")

    def _run(self) -> None:
        try:
            while self._go_over_one_association() and not self._given_up and not self._feed.stopped:
                self._enter(Phase.OPENING)
        except BaseException as exc:  # noqa: BLE001 - raised again by who waits for the senders
            self._ledger.error = exc
        finally:
            self._enter(Phase.ENDED)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._changed.set()

    def _go_over_one_association(self) -> bool:
        """Send over a new association until it ends; return whether another one is worth it at once."""
        route = self._route
        try:
            association = request_association(
                route.peer,
                route.proposals,
                calling_ae_title=route.calling_ae_title,
                settings=route.settings,
                connections=self._connections,
            )
        except PeerUnreachable as exc:
            self._ledger.unreachable(exc)
            return False
        self._ledger.association_opened()
        self._pace = Pace(route.settings.move_stall_s, association.acknowledged)
        self._enter(Phase.SENDING)
        try:
            lost, delivered = self._send(association, self._pace)
        except BaseException:
            association.abort()
            raise
        if lost:
            association.abort()
        else:
            self._enter(Phase.RELEASING)
            association.release(route.settings.artim_timeout_s)
        return lost and delivered

    def _send(self, association: RequestedAssociation, pace: Pace) -> tuple[bool, bool]:
        """Send until there is no more; return whether the association was lost, and whether it was of use."""
        choice = ContextChoice(association.contexts.values())
        outlet = StoreSender(association.messages, originator=self._route.originator)
        delivered = False
        while (item := self._feed.take(association.contexts)) is not None:
            held, data_set = item
            if isinstance(data_set, DataSet):
                data_set = replace(data_set, chunks=pace.watched(data_set.chunks))
            try:
                status = outlet.store(held, data_set, choice)
            except AssociationEnded as exc:
                reason = f"{self._route.peer.ae_title}: {self._given_up or exc}"
                self._ledger.lost(Undelivered(held, reason, tried=not delivered or bool(self._given_up)))
                return True, delivered
            except VnaError as exc:
                self._ledger.failed(held, exc)
                if association.messages.half_sent:  # a message begun and not finished makes it useless
                    return True, True
            else:
                delivered = True
                self._ledger.answered(held, status)
            finally:
                pace.stop()
        return False, delivered
