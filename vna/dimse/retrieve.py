"""What C-GET and C-MOVE share (PS3.4 C.4.2, C.4.3): sub-operations, their counts, and the responses.

Every stored instance goes out on the presentation context that fits it best: one of its own transfer
syntax, so that its bytes stay as they are; else one of the syntaxes it can be converted to without loss,
the uncompressed ones first. What fits none, or cannot be converted, is a failed sub-operation.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from vna.archive import DataSet, HeldInstance
from vna.dicom.query import retrieve_query
from vna.dicom.supported import QUERY_RETRIEVE_CLASSES
from vna.dimse.command import Command, CommandField, Counts, Verdict, response, store_request
from vna.dimse.counting import FAILURE, outcome_of, sent_counter
from vna.dimse.exchange import Exchange
from vna.dimse.identifiers import failed_list, read_identifier
from vna.dimse.messages import Messages
from vna.dimse.negotiation import Context
from vna.dimse.pdu import AbortSource
from vna.dimse.status import Status, is_warning
from vna.dimse.upper_layer import Buffer, MustAbort
from vna.errors import CannotConvert, VnaError
from vna.pixels.targets import targets_of

_log = logging.getLogger(__name__)

_PENDING_EVERY_S = 0.25
_MAX_MESSAGE_ID = 0xFFFF
_MAX_COUNT = 0xFFFF  # a response cannot tell more (US)


class ContextChoice:
    """Chooses among accepted presentation contexts, by what is stored."""

    def __init__(self, contexts: Iterable[Context]) -> None:
        self._by_syntax = {(each.abstract_syntax, each.transfer_syntax): each for each in contexts}
        self._classes = {sop_class for sop_class, _syntax in self._by_syntax}

    def context_for(self, held: HeldInstance) -> Context | None:
        """Return the best context for an instance, None if it fits none."""
        wanted = (held.transfer_syntax, *targets_of(held.transfer_syntax))
        accepted = (self._by_syntax.get((held.sop_class_uid, syntax)) for syntax in wanted)
        return next(filter(None, accepted), None)

    def why_none(self, held: HeldInstance) -> str:
        """Return why an instance fits no context, in the 64 characters that an Error Comment has."""
        if held.sop_class_uid not in self._classes:
            return "no context for its SOP Class was accepted to send it on"
        return f"no accepted context takes {held.transfer_syntax}"

    def transfer_syntax_for(self, held: HeldInstance) -> str | None:
        """Return in which transfer syntax to send an instance, None if none is accepted."""
        context = self.context_for(held)
        return context.transfer_syntax if context else None


class SubOperations:
    """How the C-STORE sub-operations of one request went so far; safe to use from all threads."""

    def __init__(self, remaining: int, note: Callable[[HeldInstance, str], None]) -> None:
        """Begin with so many to do; `reason` is the last failure's, and `note` is told of each outcome."""
        self.remaining, self._note = remaining, note
        self.completed = self.warning = 0
        self.failed_uids: list[str] = []
        self.reason = ""
        self._lock = threading.Lock()

    def count(self, held: HeldInstance, status: int) -> None:
        """Count one sub-operation by the status it was answered with."""
        if status != Status.SUCCESS and not is_warning(status):
            self.fail(held, f"answered with status {status:04X}")
            return
        with self._lock:
            self.remaining -= 1
            if status == Status.SUCCESS:
                self.completed += 1
            else:
                self.warning += 1
        self._note(held, outcome_of(status))

    def fail(self, held: HeldInstance, reason: str) -> None:
        """Count one failed sub-operation."""
        with self._lock:
            self.remaining -= 1
            self.failed_uids.append(held.key.instance)
            self.reason = reason
        self._note(held, FAILURE)

    def counts(self, *, with_remaining: bool) -> Counts:
        """Return the counts for a response; only pending and cancelled ones have remaining ones."""
        with self._lock:
            remaining = min(self.remaining, _MAX_COUNT) if with_remaining else None
            failed = min(len(self.failed_uids), _MAX_COUNT)
            return Counts(remaining, min(self.completed, _MAX_COUNT), failed, min(self.warning, _MAX_COUNT))

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

    def store(self, held: HeldInstance, data_set: DataSet | VnaError, choice: ContextChoice) -> int:
        """Send one instance and return the status of its response.

        Raises:
            MustAbort: something else than the response came.
            VnaError: there is no data set, or no context to send it on; or getting the bytes failed
                half way, and then the messages are `half_sent`.
        """
        context = choice.context_for(held)
        if context is None:
            raise CannotConvert(choice.why_none(held))
        if isinstance(data_set, VnaError):
            raise data_set
        self._message_id = self._message_id % _MAX_MESSAGE_ID + 1
        command = store_request(
            held.sop_class_uid,
            held.key.instance,
            message_id=self._message_id,
            originator=self._originator,
        )
        self._messages.send_stream(context.context_id, command, _begun(data_set.chunks))
        reply = self._messages.next_command()
        if reply.field != CommandField.C_STORE_RSP or reply.message_id != self._message_id:
            raise MustAbort(f"command {reply.field:04X} where a C-STORE-RSP was due", source=AbortSource.USER)
        self._messages.drop_data_set()
        return Status.PROCESSING_FAILURE if reply.status is None else reply.status


def _begun(chunks: Iterator[Buffer]) -> Iterator[Buffer]:
    """Have the first chunk at hand, so that what fails at once fails before a message is begun."""
    return chain(list(islice(chunks, 1)), chunks)


def matched_instances(exchange: Exchange, request: Command, context: Context) -> list[HeldInstance]:
    """Return the instances a C-GET or C-MOVE request stands for.

    Raises:
        CommandRefused: there is no identifier.
        VnaError: the identifier names nothing that can be retrieved, or the index fails.
    """
    identifier = read_identifier(exchange, request, context)
    model = QUERY_RETRIEVE_CLASSES[context.abstract_syntax].model
    relational = exchange.agreement.relational(context.abstract_syntax)
    query = retrieve_query(identifier, model, relational=relational)
    return exchange.archive.instances(replace(query, view=exchange.view))


class Retrieval:
    """One C-GET or C-MOVE under way, as its requestor sees it; `done` counts its sub-operations."""

    def __init__(self, exchange: Exchange, request: Command, *, instances: int) -> None:
        self.done = SubOperations(instances, sent_counter(exchange, request))
        self._exchange, self._request, self._instances = exchange, request, instances
        self._cancelled = False
        self._started = time.monotonic()
        self._told = float("-inf")

    def goes_on(self) -> bool:
        """Look after the requestor: a pending response when one is due; False when it has cancelled.

        Raises:
            AssociationEnded: the requestor is gone.
        """
        if self._exchange.messages.cancelled(self._request.message_id):
            self._cancelled = True
            return False
        if time.monotonic() - self._told >= _PENDING_EVERY_S:
            verdict = Verdict(Status.PENDING, counts=self.done.counts(with_remaining=True))
            self._exchange.messages.send(self._request.context_id, response(self._request, verdict))
            self._told = time.monotonic()
        return True

    def fail(self, held: HeldInstance, reason: object) -> None:
        """Count one failed sub-operation, and log it."""
        _log.warning("sub-operation failed instance=%s reason=%s", held.key.instance, reason)
        self.done.fail(held, str(reason))

    def count(self, held: HeldInstance, status: int) -> None:
        """Count one sub-operation by the status it was answered with, and log it if that is not success."""
        if status != Status.SUCCESS:
            _log.warning("sub-operation answered instance=%s status=%04X", held.key.instance, status)
        self.done.count(held, status)

    def finish(self, context: Context) -> None:
        """Send the final response, with what failed (PS3.4 C.4.2.1.4.2), and log how it went."""
        done = self.done
        status = Status.CANCEL if self._cancelled else done.final_status()
        self._exchange.traffic.sent += done.completed + done.warning
        verdict = Verdict(status, done.reason, counts=done.counts(with_remaining=self._cancelled))
        failed = failed_list(done.failed_uids, context.transfer_syntax) if done.failed_uids else None
        self._exchange.answer(self._request, verdict, failed)
        _log.info(
            "retrieve finished peer=%s command=%04X instances=%d completed=%d failed=%d warning=%d status=%04X s=%.2f",
            self._exchange.caller.name,
            self._request.field,
            self._instances,
            done.completed,
            len(done.failed_uids),
            done.warning,
            status,
            time.monotonic() - self._started,
        )
