"""What of DIMSE is counted, and under which labels."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final

from vna.archive import HeldInstance
from vna.dimse.access import Caller
from vna.dimse.command import Command, CommandField, ElementNumber
from vna.dimse.exchange import Exchange
from vna.dimse.limits import Limit
from vna.dimse.status import Status, is_out_of_resources, is_warning
from vna.dimse.upper_layer import AssociationEnded, MustAbort, PeerAborted, ReleaseRequested, Stopping
from vna.metrics import Metrics
from vna.metrics.families import (
    ABORTED,
    IN_PROGRESS,
    LIMITED,
    RECEIVED,
    RECEIVED_BYTES,
    RECEIVED_SIZES,
    REQUESTS,
    SENT,
    SENT_BYTES,
    UNREGISTERED,
)

_SERVICES: Final[Mapping[int, str]] = {
    CommandField.C_STORE_RQ: "c-store",
    CommandField.C_FIND_RQ: "c-find",
    CommandField.C_GET_RQ: "c-get",
    CommandField.C_MOVE_RQ: "c-move",
    CommandField.C_ECHO_RQ: "c-echo",
    CommandField.N_ACTION_RQ: "n-action",
}
REFUSED: Final = "refused"
"""The outcome of an instance that was sent to us and not kept."""
FAILURE: Final = "failure"
"""The outcome of an instance that could not be sent out, and of requests that failed for no better known reason."""


def peer_label(caller: Caller) -> str:
    """Return the name of a registered peer; all others share one, because anybody can make up names."""
    return caller.peer.ae_title if caller.peer else UNREGISTERED


def outcome_of(status: int | None) -> str:
    """Return how a request ended, by its final status; without one the association ended first.

    >>> outcome_of(0x0000), outcome_of(0xB000), outcome_of(0xA700), outcome_of(0xC000), outcome_of(None)
    ('success', 'warning', 'out-of-resources', 'failure', 'aborted')
    """
    if status is None:
        return "aborted"
    if status == Status.SUCCESS:
        return "success"
    if status == Status.CANCEL:
        return "cancelled"
    if is_warning(status):
        return "warning"
    return "out-of-resources" if is_out_of_resources(status) else FAILURE


class CountedRequest:
    """Counts one request while the block serves it, and how it ended."""

    def __init__(self, exchange: Exchange, request: Command) -> None:
        self._exchange, self._service = exchange, _SERVICES.get(request.field, "other")
        self._metrics = exchange.archive.metrics
        self._started = 0.0

    def __enter__(self) -> None:
        self._exchange.traffic.status = None
        self._metrics.change(IN_PROGRESS, self._service, by=1)
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._started
        self._metrics.change(IN_PROGRESS, self._service, by=-1)
        outcome = outcome_of(self._exchange.traffic.status)
        self._metrics.observe(REQUESTS, seconds, self._service, peer_label(self._exchange.caller), outcome)


def count_received(exchange: Exchange, outcome: str, size: int) -> None:
    """Count one instance sent to us; `size` in bytes is that of what came of its data set."""
    metrics, peer = exchange.archive.metrics, peer_label(exchange.caller)
    metrics.count(RECEIVED, peer, outcome)
    metrics.count(RECEIVED_BYTES, peer, outcome, by=size)
    metrics.observe(RECEIVED_SIZES, size)


def sent_counter(exchange: Exchange, request: Command) -> Callable[[HeldInstance, str], None]:
    """Return what counts the instances that a C-GET or C-MOVE sends out, by outcome."""
    metrics, service = exchange.archive.metrics, _SERVICES.get(request.field, "other")
    destination = request.text(ElementNumber.MOVE_DESTINATION) if service == "c-move" else ""
    peer = destination or peer_label(exchange.caller)

    def count(held: HeldInstance, outcome: str) -> None:
        metrics.count(SENT, service, peer, outcome)
        if outcome != FAILURE:
            metrics.count(SENT_BYTES, service, peer, by=held.size)

    return count


def count_limit(metrics: Metrics, peer: str, limit: Limit | None) -> None:
    """Count a limit that a peer has reached, if there is one."""
    if limit is not None:
        metrics.count(LIMITED, peer, limit)


def count_ending(metrics: Metrics, peer: str, ending: AssociationEnded) -> None:
    """Count how an association ended, unless that was in order, and the limit that ended it."""
    count_limit(metrics, peer, ending.limit)
    match ending:
        case ReleaseRequested():
            return
        case MustAbort():
            ended_by = "node"
        case Stopping():
            ended_by = "stop of the node"
        case PeerAborted():
            ended_by = "peer"
        case _:
            ended_by = "lost connection"
    metrics.count(ABORTED, peer, ended_by)
