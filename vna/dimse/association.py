"""One association as acceptor: let in, served message by message, and ended (PS3.8 9.2, PS3.7 8).

Here is the wrapper of every request: what a service raises becomes a status with a comment for the
peer and one line in the log. What the upper layer raises ends the association.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

from vna.archive import Archive
from vna.dicom.supported import QUERY_RETRIEVE_CLASSES, STORAGE_COMMITMENT, Operation
from vna.dimse.access import Caller, Refusal, admit, resolve_host
from vna.dimse.associate import AssociateRequest, MalformedPdu, decode_request
from vna.dimse.command import Command, CommandField, ElementNumber, Verdict
from vna.dimse.commitment import answer_commitment, pass_on, report_due, take_answer
from vna.dimse.connections import Connections
from vna.dimse.counting import CountedRequest, count_ending, count_limit, peer_label
from vna.dimse.echo import answer_echo
from vna.dimse.exchange import CommandRefused, Exchange
from vna.dimse.find import answer_find
from vna.dimse.get import answer_get
from vna.dimse.limits import Limit
from vna.dimse.messages import Messages
from vna.dimse.move import answer_move
from vna.dimse.negotiation import VERIFICATION, Context, negotiate, send_limit
from vna.dimse.pdu import (
    LOCAL_LIMIT_EXCEEDED,
    RELEASE_RP,
    TEMPORARY_CONGESTION,
    AbortReason,
    AbortSource,
    PduType,
)
from vna.dimse.seats import Visit
from vna.dimse.status import Status
from vna.dimse.store import answer_store
from vna.dimse.upper_layer import AssociationEnded, Connection, MustAbort, ReleaseRequested, Stopping
from vna.errors import VnaError
from vna.log_context import ASSOCIATION
from vna.metrics.families import ACCEPTED, OPEN, REJECTED, UNREGISTERED
from vna.settings import DimseSettings

_log = logging.getLogger(__name__)

Service = Callable[[Exchange, Command, Context], None]

_LONGEST_GOODBYE_S = 1.0  # for a peer to close, when the node is stopping
_QUERY_RETRIEVE_SERVICES: Final[Mapping[int, tuple[Operation, Service]]] = {
    CommandField.C_FIND_RQ: (Operation.FIND, answer_find),
    CommandField.C_MOVE_RQ: (Operation.MOVE, answer_move),
    CommandField.C_GET_RQ: (Operation.GET, answer_get),
}


class Association:
    """Serves one connection from its first PDU to its end, in the thread that calls `run`, which is its own.

    It has an id, which all log lines of that thread carry from then on, and the archive's session too.
    """

    def __init__(
        self,
        connection: Connection,
        visit: Visit,
        *,
        archive: Archive,
        settings: DimseSettings,
        connections: Connections,
    ) -> None:
        self._connection, self._visit, self._address = connection, visit, visit.address
        self._archive, self._settings, self._connections = archive, settings, connections
        self._id = uuid.uuid4().hex

    def run(self) -> None:
        """Serve the connection until it ends and close it."""
        ASSOCIATION.set(self._id)
        self._connections.add(self._connection)
        try:
            request = self._await_request()
            if request is not None:
                self._let_in(request)
        except AssociationEnded as exc:
            level = logging.WARNING if exc.limit else logging.INFO
            _log.log(level, "association ended address=%s reason=%s", self._address, exc)
            count_limit(self._archive.metrics, UNREGISTERED, exc.limit)
        except Exception:  # noqa: BLE001 - the wrapper of STYLE section 6: the listener must outlive it
            _log.exception("association failed address=%s", self._address)
            self._connection.abort(AbortSource.PROVIDER, AbortReason.NOT_SPECIFIED)
        finally:
            self._connection.close()
            self._connections.remove(self._connection)

    def _await_request(self) -> AssociateRequest | None:
        """Wait for the A-ASSOCIATE-RQ (Sta2); what else comes is answered by an A-ABORT."""
        deadline = time.monotonic() + self._settings.artim_timeout_s
        self._connections.rest(self._connection)
        try:
            _kind, body = self._connection.read_pdu({PduType.ASSOCIATE_RQ}, deadline=deadline)
            self._connections.work(self._connection)
            return decode_request(bytes(body))
        except (MustAbort, MalformedPdu) as exc:
            _log.warning("association aborted address=%s reason=%s", self._address, exc)
            count_ending(self._archive.metrics, UNREGISTERED, MustAbort(str(exc)))
            # Before an association there is no provider's abort (PS3.8 table 9-10, AA-1)
            self._connection.abort(AbortSource.USER, AbortReason.NOT_SPECIFIED)
            self._await_close()
            return None

    def _let_in(self, request: AssociateRequest) -> None:
        decision = self._decide(request)
        if isinstance(decision, Refusal):
            _log.warning(
                "association rejected address=%s calling=%s called=%s answer=%s reason=%s",
                self._address,
                request.calling_ae_title,
                request.called_ae_title,
                decision.rejection,
                decision.reason,
            )
            self._archive.metrics.count(REJECTED, str(decision.rejection))
            count_limit(self._archive.metrics, decision.peer, decision.limit)
            self._connection.send([decision.rejection.encode()])
            self._await_close()
            return
        exchange = self._accept(request, decision)
        started = time.monotonic()
        ending = self._serve(exchange)
        _log_ending(exchange, ending, seconds=time.monotonic() - started)
        count_ending(self._archive.metrics, peer_label(decision), ending)
        self._visit.dissociate()
        self._end(ending)

    def _decide(self, request: AssociateRequest) -> Caller | Refusal:
        try:
            peers = self._archive.peers()
        except VnaError as exc:
            return Refusal(TEMPORARY_CONGESTION, f"the registered peers cannot be read: {exc}")
        caller = admit(request, self._address, settings=self._settings, peers=peers, resolve=resolve_host)
        if isinstance(caller, Refusal):
            return caller
        one_too_many = self._visit.associate(caller.counted_as)
        if one_too_many is not None:
            return Refusal(LOCAL_LIMIT_EXCEEDED, one_too_many, Limit.ASSOCIATIONS, peer_label(caller))
        return caller

    def _accept(self, request: AssociateRequest, caller: Caller) -> Exchange:
        agreement = negotiate(request, self._settings)
        self._connection.send([agreement.accept(request, max_pdu=self._settings.max_pdu).encode()])
        _log.info(
            "association accepted peer=%s calling=%s called=%s contexts=%d proposed=%d implementation=%s",
            caller.name,
            caller.calling_ae_title,
            caller.called_ae_title,
            len(agreement.contexts),
            len(agreement.answers),
            request.user.implementation,
        )
        messages = Messages(
            self._connection,
            context_ids=agreement.contexts.keys(),
            peer_max_pdu=send_limit(agreement.peer_max_pdu, caller.peer),
        )
        return Exchange(
            archive=self._archive,
            settings=self._settings,
            connections=self._connections,
            caller=caller,
            agreement=agreement,
            messages=messages,
            session=self._archive.session(caller.source, caller.name, association=self._id),
        )

    def _serve(self, exchange: Exchange) -> AssociationEnded:
        """Serve requests until the association ends, and return how."""
        metrics = self._archive.metrics
        metrics.count(ACCEPTED, peer_label(exchange.caller))
        metrics.change(OPEN, by=1)
        try:
            while True:
                self._connections.rest(self._connection)
                request = exchange.messages.next_command()
                self._connections.work(self._connection)
                if request.is_response:
                    take_answer(exchange, request)
                else:
                    serve(exchange, request)
                report_due(exchange)
        except AssociationEnded as exc:
            return exc
        finally:
            pass_on(exchange)
            metrics.change(OPEN, by=-1)

    def _end(self, ending: AssociationEnded) -> None:
        """Tell the peer what it still has to be told, and wait for it to close."""
        match ending:
            case ReleaseRequested():
                self._connection.send([RELEASE_RP])
                self._await_close()
            case MustAbort():
                self._connection.abort(ending.source, ending.reason)
                self._await_close()
            case Stopping():
                self._connection.abort(AbortSource.USER, AbortReason.NOT_SPECIFIED)
                self._connection.close_after_peer(_LONGEST_GOODBYE_S)
            case _:  # the connection is gone, or the peer aborted and closes it itself
                self._connection.close()

    def _await_close(self) -> None:
        self._connections.rest(self._connection)
        self._connection.close_after_peer(self._settings.artim_timeout_s)


def serve(exchange: Exchange, request: Command) -> None:
    """Serve one request: whatever goes wrong, the peer is answered and the log says why.

    Raises:
        AssociationEnded: the association cannot go on.
    """
    with CountedRequest(exchange, request):
        _serve(exchange, request)


def _serve(exchange: Exchange, request: Command) -> None:
    context = exchange.agreement.contexts[request.context_id]
    try:
        _service(request, context)(exchange, request, context)
        return
    except CommandRefused as exc:
        verdict = Verdict(exc.status, str(exc), exc.offending)
    except VnaError as exc:
        verdict = Verdict(exc.status, str(exc))
    except AssociationEnded:
        raise
    except Exception:  # noqa: BLE001 - the wrapper of STYLE section 6
        _log.exception("request failed peer=%s command=%04X", exchange.caller.name, request.field)
        verdict = Verdict(Status.PROCESSING_FAILURE, "processing failure, see the node's log")
    _log.warning(
        "request refused peer=%s command=%04X instance=%s status=%04X reason=%s",
        exchange.caller.name,
        request.field,
        request.sop_instance_uid,
        verdict.status,
        verdict.comment,
    )
    exchange.answer(request, verdict)


def _service(request: Command, context: Context) -> Service:
    """Return what serves a request on its context.

    Raises:
        CommandRefused: unknown, not of this SOP Class, or naming another one than the context's.
    """
    service = _service_of(request.field, context.abstract_syntax)
    if service is None:
        element = ElementNumber.COMMAND_FIELD
        text = f"command {request.field:04X} is not one of this SOP Class, or not supported"
        raise CommandRefused(Status.UNRECOGNIZED_OPERATION, text, offending=element)
    element = ElementNumber.AFFECTED_SOP_CLASS_UID
    if not request.sop_class_uid:
        raise CommandRefused(Status.INVALID_ARGUMENT_VALUE, "Affected SOP Class UID is missing", offending=element)
    if request.sop_class_uid != context.abstract_syntax:
        text = "Affected SOP Class UID is not that of the presentation context"
        raise CommandRefused(Status.SOP_CLASS_NOT_SUPPORTED, text, offending=element)
    return service


def _service_of(field: int, abstract_syntax: str) -> Service | None:
    query = QUERY_RETRIEVE_CLASSES.get(abstract_syntax)
    if query is not None:
        operation, service = _QUERY_RETRIEVE_SERVICES.get(field, (None, None))
        return service if operation is query.operation else None
    if abstract_syntax == VERIFICATION:
        return answer_echo if field == CommandField.C_ECHO_RQ else None
    if abstract_syntax == STORAGE_COMMITMENT:
        return answer_commitment if field == CommandField.N_ACTION_RQ else None
    return answer_store if field == CommandField.C_STORE_RQ else None


def _log_ending(exchange: Exchange, ending: AssociationEnded, *, seconds: float) -> None:
    traffic = exchange.traffic
    _log.log(
        logging.WARNING if isinstance(ending, MustAbort) else logging.INFO,
        "association ended peer=%s reason=%s stored=%d failed=%d bytes=%d found=%d sent=%d seconds=%.2f",
        exchange.caller.name,
        ending,
        traffic.stored,
        traffic.received - traffic.stored,
        traffic.received_bytes,
        traffic.found,
        traffic.sent,
        seconds,
    )
