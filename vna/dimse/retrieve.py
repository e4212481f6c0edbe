"""What C-GET and C-MOVE share (PS3.4 C.4.2, C.4.3): sub-operations, their counts, and the responses.

Every stored instance goes out on the presentation context that fits it best: one of its own transfer
syntax, so that its bytes stay as they are; else, if it is not compressed, one of another uncompressed
syntax. What fits none is a failed sub-operation.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vna.archive import DataSet, HeldInstance
from vna.dicom.encoding import (
    DEFLATED_UID,
    EXPLICIT_BE_UID,
    EXPLICIT_LE_UID,
    IMPLICIT_LE_UID,
)
from vna.dicom.query import retrieve_query
from vna.dicom.supported import QUERY_RETRIEVE_CLASSES, is_compressed
from vna.dimse.command import Command, CommandField, Counts, Verdict, response, store_request
from vna.dimse.exchange import Exchange
from vna.dimse.identifiers import failed_list, read_identifier
from vna.dimse.messages import Messages
from vna.dimse.negotiation import Context
from vna.dimse.pdu import AbortSource
from vna.dimse.status import Status, is_warning
from vna.dimse.upper_layer import MustAbort
from vna.errors import CannotConvert, VnaError

_log = logging.getLogger(__name__)

_PENDING_EVERY_S = 0.25
_MAX_MESSAGE_ID = 0xFFFF
CONVERSION_TARGETS = (EXPLICIT_LE_UID, IMPLICIT_LE_UID, DEFLATED_UID, EXPLICIT_BE_UID)
"""What an instance that is not compressed can be converted to, best first."""


class OutletLost(Exception):
    """Nothing more can be sent to where the instances go."""


class Outlet(Protocol):
    """Where instances go: back over the same association, or to a move destination."""

    @property
    def contexts(self) -> Mapping[int, Context]:
        """The accepted presentation contexts instances can be sent on, by ID."""
        ...

    def store(self, held: HeldInstance, data_set: DataSet, context: Context) -> int:
        """Send one instance and return the status it was answered with.

        Raises:
            VnaError: this one cannot be sent; others can.
            OutletLost: nothing more can be sent.
        """
        ...


class ContextChoice:
    """Chooses among accepted presentation contexts, by what is stored."""

    def __init__(self, contexts: Iterable[Context]) -> None:
        self._by_syntax = {(each.abstract_syntax, each.transfer_syntax): each for each in contexts}

    def context_for(self, held: HeldInstance) -> Context | None:
        """Return the best context for an instance, None if it fits none."""
        as_stored = self._by_syntax.get((held.sop_class_uid, held.transfer_syntax))
        if as_stored is not None or not is_convertible(held.transfer_syntax):
            return as_stored
        offered = (self._by_syntax.get((held.sop_class_uid, syntax)) for syntax in CONVERSION_TARGETS)
        return next(filter(None, offered), None)

    def transfer_syntax_for(self, held: HeldInstance) -> str | None:
        """Return in which transfer syntax to send an instance, None if none is accepted."""
        context = self.context_for(held)
        return context.transfer_syntax if context else None


def is_convertible(transfer_syntax: str) -> bool:
    """Return whether instances in this syntax can be given in another one without touching pixels."""
    return transfer_syntax == DEFLATED_UID or not is_compressed(transfer_syntax)


@dataclass(slots=True)
class SubOperations:
    """How the C-STORE sub-operations of one request went so far; `reason` is the last failure's."""

    remaining: int
    completed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)
    reason: str = ""

    def count(self, held: HeldInstance, status: int) -> None:
        """Count one sub-operation by the status it was answered with."""
        if status == Status.SUCCESS:
            self.completed += 1
        elif is_warning(status):
            self.warning += 1
        else:
            self.fail(held, f"answered with status {status:04X}")
            return
        self.remaining -= 1

    def fail(self, held: HeldInstance, reason: str) -> None:
        """Count one failed sub-operation."""
        self.remaining -= 1
        self.failed_uids.append(held.key.instance)
        self.reason = reason

    def counts(self, *, with_remaining: bool) -> Counts:
        """Return the counts for a response; only pending and cancelled ones have remaining ones."""
        remaining = self.remaining if with_remaining else None
        return Counts(remaining, self.completed, len(self.failed_uids), self.warning)

    def final_status(self) -> Status:
        """Return the status of a retrieve that went to its end (PS3.4 C.4.2.1.5, C.4.3.1.4)."""
        if not self.failed_uids:
            return Status.SUBOPERATIONS_WITH_FAILURES if self.warning else Status.SUCCESS
        if self.completed or self.warning:
            return Status.SUBOPERATIONS_WITH_FAILURES
        return Status.UNABLE_TO_PERFORM_SUBOPERATIONS


class StoreSender:
    """C-STORE as SCU over an association, one instance at a time (PS3.7 9.1.1)."""

    def __init__(self, messages: Messages, *, originator: tuple[str, int] | None = None) -> None:
        """Send over an association; `originator` is AE title and Message ID of the C-MOVE behind it."""
        self._messages, self._originator = messages, originator
        self._message_id = 0

    def store(self, held: HeldInstance, data_set: DataSet, context: Context) -> int:
        """Send one instance and return the status of its response.

        Raises:
            MustAbort: something else than the response came.
            VnaError: getting the bytes failed half way; the messages are `half_sent` then.
        """
        self._message_id = self._message_id % _MAX_MESSAGE_ID + 1
        command = store_request(
            held.sop_class_uid,
            held.key.instance,
            message_id=self._message_id,
            originator=self._originator,
        )
        self._messages.send_stream(context.context_id, command, data_set.chunks)
        reply = self._messages.next_command()
        if reply.field != CommandField.C_STORE_RSP or reply.message_id != self._message_id:
            raise MustAbort(f"command {reply.field:04X} where a C-STORE-RSP was due", source=AbortSource.USER)
        self._messages.drop_data_set()
        return Status.PROCESSING_FAILURE if reply.status is None else reply.status


def matched_instances(exchange: Exchange, request: Command, context: Context) -> list[HeldInstance]:
    """Return the instances a C-GET or C-MOVE request stands for.

    Raises:
        CommandRefused: there is no identifier.
        VnaError: the identifier names nothing that can be retrieved, or the index fails.
    """
    identifier = read_identifier(exchange, request, context)
    model = QUERY_RETRIEVE_CLASSES[context.abstract_syntax].model
    relational = exchange.agreement.relational(context.abstract_syntax)
    return exchange.archive.instances(retrieve_query(identifier, model, relational=relational))


class Retrieval:
    """One C-GET or C-MOVE under way: sends instances through an outlet, and tells how it goes."""

    def __init__(self, exchange: Exchange, request: Command, instances: Sequence[HeldInstance]) -> None:
        self._exchange, self._request, self._instances = exchange, request, instances
        self._done = SubOperations(len(instances))
        self._cancelled = False
        self._started = time.monotonic()
        self._told = float("-inf")

    def run(self, outlet: Outlet) -> None:
        """Send every instance, until the peer cancels or nothing more can be sent.

        Raises:
            AssociationEnded: the requesting peer is gone.
        """
        choice = ContextChoice(outlet.contexts.values())
        self._tell()
        for held, data_set in self._exchange.archive.retrieve(self._instances, choice.transfer_syntax_for):
            if self._exchange.messages.cancelled(self._request.message_id):
                self._cancelled = True
                return
            try:
                self._send(held, data_set, choice.context_for(held), outlet)
            except OutletLost as exc:
                self.give_up(str(exc))
                return
            self._tell()

    def give_up(self, reason: str) -> None:
        """Count all instances not sent yet as failed."""
        for held in self._instances[len(self._instances) - self._done.remaining :]:
            self._done.fail(held, reason)

    def finish(self, context: Context) -> None:
        """Send the final response, with what failed (PS3.4 C.4.2.1.4.2), and log how it went."""
        done = self._done
        status = Status.CANCEL if self._cancelled else done.final_status()
        self._exchange.traffic.sent += done.completed + done.warning
        verdict = Verdict(status, done.reason, counts=done.counts(with_remaining=self._cancelled))
        failed = failed_list(done.failed_uids, context.transfer_syntax) if done.failed_uids else None
        self._exchange.answer(self._request, verdict, failed)
        _log.info(
            "retrieve finished peer=%s command=%04X instances=%d completed=%d failed=%d warning=%d status=%04X s=%.2f",
            self._exchange.caller.name,
            self._request.field,
            len(self._instances),
            done.completed,
            len(done.failed_uids),
            done.warning,
            status,
            time.monotonic() - self._started,
        )

    def _send(self, held: HeldInstance, data_set: DataSet | VnaError, context: Context | None, outlet: Outlet) -> None:
        try:
            if isinstance(data_set, VnaError):
                raise data_set
            if context is None:
                raise CannotConvert(f"no presentation context takes {held.transfer_syntax}")
            status = outlet.store(held, data_set, context)
            self._done.count(held, status)
            if status != Status.SUCCESS:
                _log.warning("sub-operation answered instance=%s status=%04X", held.key.instance, status)
        except VnaError as exc:
            _log.warning("sub-operation failed instance=%s reason=%s", held.key.instance, exc)
            self._done.fail(held, str(exc))

    def _tell(self) -> None:
        """Send a pending response if the last one was a while ago."""
        if time.monotonic() - self._told < _PENDING_EVERY_S:
            return
        verdict = Verdict(Status.PENDING, counts=self._done.counts(with_remaining=True))
        command = response(self._request, verdict)
        self._exchange.messages.send(self._request.context_id, command)
        self._told = time.monotonic()
