"""Storage Commitment Push Model as SCP (PS3.4 J.3): requests taken, and reports over the association they came on.

A request is answered once it is recorded. It is then decided in the association's own thread, as long as the peer says
nothing else: many SCUs keep the association open and wait for the report on it. What that does not settle goes to
`vna.dimse.reporter`: whenever the peer releases, refuses or does not answer.
"""

import logging
from contextlib import suppress
from typing import Final

from vna.archive import Archive, CommitmentReport, CommitmentRequested, Turn
from vna.dicom.commitment import Reference, read_request, write_report
from vna.dicom.supported import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
from vna.dimse.command import Command, CommandField, ElementNumber, Verdict, event_report_request
from vna.dimse.counting import peer_label
from vna.dimse.exchange import CommandRefused, Exchange
from vna.dimse.identifiers import read_identifier
from vna.dimse.messages import Messages
from vna.dimse.negotiation import Context
from vna.dimse.pdu import AbortSource
from vna.dimse.status import Status
from vna.dimse.upper_layer import MustAbort
from vna.errors import CannotUnderstand, IdentifierMismatch, OutOfResources, VnaError
from vna.metrics.families import COMMITMENTS

_log = logging.getLogger(__name__)

LATER_S: Final = 5.0
"""When it is looked again at what cannot be decided yet, in seconds."""

_REQUEST_COMMITMENT: Final = 1  # the one Action Type ID, PS3.4 table J.3-1
_ALL_KEPT, _SOME_FAILED = 1, 2  # Event Type IDs, PS3.4 table J.3-2


def answer_commitment(exchange: Exchange, request: Command, context: Context) -> None:
    """Serve an N-ACTION-RQ: what it asks for is recorded, then answered, and the report is due."""
    _check(request, context)
    transaction, instances = _read(exchange, request, context)
    caller, commitments = exchange.caller, exchange.archive.commitments
    titles = (caller.calling_ae_title, caller.called_ae_title)
    try:
        asked = CommitmentRequested(transaction, caller.source.name, *titles, instances)
        number = commitments.ask(asked, caller.name)
    except OutOfResources as exc:
        raise CommandRefused(Status.RESOURCE_LIMITATION, str(exc)) from exc
    exchange.answer(request, Verdict(Status.SUCCESS))
    _log.info(
        "commitment requested peer=%s number=%d transaction=%s instances=%d",
        caller.name,
        number,
        transaction,
        len(instances),
    )
    exchange.archive.metrics.count(COMMITMENTS, peer_label(caller), "requested")
    with suppress(OutOfResources):  # the reporter will have the turn
        turn = commitments.take(number)
        if turn is not None:
            exchange.reports.due.append((context.context_id, turn))


def report_due(exchange: Exchange) -> None:
    """Decide and report what is due, until the peer says something that is to be heard first.

    Raises:
        AssociationEnded: the association is gone.
    """
    reports, messages = exchange.reports, exchange.messages
    while reports.due and not messages.has_more():
        context_id, turn = reports.due[0]
        report = _decided(exchange, turn)
        if report is None and messages.has_more():
            return
        reports.due.popleft()
        if report is not None:
            _report(exchange, exchange.agreement.contexts[context_id], turn, report)


def take_answer(exchange: Exchange, response: Command) -> None:
    """Take the N-EVENT-REPORT-RSP to a report that was sent over this association.

    Raises:
        MustAbort: it is a response that nobody waits for.
    """
    turn = exchange.reports.sent.pop(response.message_id, None)
    if turn is None or response.field != CommandField.N_EVENT_REPORT_RSP:
        raise MustAbort(f"response {response.field:04X} to nothing", source=AbortSource.USER)
    exchange.messages.drop_data_set()
    try:
        settle(exchange.archive, turn, response, peer_label(exchange.caller))
    except VnaError as exc:
        _log.warning("commitment not settled now number=%d reason=%s", turn.owed.number, exc)


def pass_on(exchange: Exchange) -> None:
    """Leave what was not told over an association that has ended to the reporter."""
    reports = exchange.reports
    for turn in (*(turn for _context, turn in reports.due), *reports.sent.values()):
        with suppress(VnaError):  # the turn ends by itself, a little later
            exchange.archive.commitments.pass_on(turn, 0)


def send_report(messages: Messages, context: Context, report: CommitmentReport, message_id: int) -> None:
    """Send an N-EVENT-REPORT-RQ (PS3.4 J.3.3.1).

    Raises:
        AssociationEnded: the association is gone.
    """
    event_type = _SOME_FAILED if report.failed else _ALL_KEPT
    command = event_report_request(
        STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, event_type=event_type, message_id=message_id
    )
    told = write_report(report.transaction, report.kept, report.failed, context.transfer_syntax)
    messages.send(context.context_id, command, told)


def settle(archive: Archive, turn: Turn, response: Command, peer: str) -> bool:
    """Deal with the answer to a report: it is taken, and owed no more, or it has to be told again; return which.

    Raises:
        OutOfResources: that it is settled could not be recorded.
    """
    taken = response.status == Status.SUCCESS
    if taken:
        archive.commitments.settle(turn.owed.number, delivered=True)
        archive.metrics.count(COMMITMENTS, peer, "delivered")
        _log.info("commitment reported peer=%s number=%d", turn.owed.ae_title, turn.owed.number)
    else:
        text = "commitment's report not taken peer=%s number=%d status=%04X"
        _log.warning(text, turn.owed.ae_title, turn.owed.number, response.status or 0)
        archive.commitments.pass_on(turn, 0, tried=True)
    return taken


def _decided(exchange: Exchange, turn: Turn) -> CommitmentReport | None:
    """Return what is to be told now; None if the peer has more to say, or if it is too early or not possible."""
    messages, commitments = exchange.messages, exchange.archive.commitments
    patience_s = exchange.settings.commitment_patience_s
    try:
        report = commitments.answer(turn, patience_s=patience_s, go_on=lambda: not messages.has_more())
        if report is None and not messages.has_more():
            commitments.pass_on(turn, LATER_S)
    except VnaError as exc:
        _log.warning("commitment not decided now number=%d reason=%s", turn.owed.number, exc)
        return None
    return report


def _report(exchange: Exchange, context: Context, turn: Turn, report: CommitmentReport) -> None:
    """Tell the peer, as long as it is our turn; a peer that has something to say is heard first all the same."""
    if not exchange.archive.commitments.keep(turn, exchange.settings.artim_timeout_s):
        return
    reports = exchange.reports
    reports.messages += 1
    reports.sent[reports.messages] = turn
    send_report(exchange.messages, context, report, reports.messages)


def _check(request: Command, context: Context) -> None:
    """Refuse what cannot be meant for this service (PS3.4 J.3.2, PS3.7 10.1.4.1.10)."""
    if not context.roles.scu:
        raise CommandRefused(Status.NOT_AUTHORIZED, "the SCU role was not negotiated for this SOP Class")
    if request.sop_instance_uid != STORAGE_COMMITMENT_INSTANCE:
        element = ElementNumber.REQUESTED_SOP_INSTANCE_UID
        text = "Requested SOP Instance UID is not that of Storage Commitment"
        raise CommandRefused(Status.NO_SUCH_SOP_INSTANCE, text, offending=element)
    if request.number(ElementNumber.ACTION_TYPE_ID) != _REQUEST_COMMITMENT:
        element = ElementNumber.ACTION_TYPE_ID
        raise CommandRefused(Status.NO_SUCH_ACTION, "Action Type ID is not 1", offending=element)


def _read(exchange: Exchange, request: Command, context: Context) -> tuple[str, tuple[Reference, ...]]:
    """Return Transaction UID and references of a request."""
    if not request.has_data_set:
        element = ElementNumber.COMMAND_DATA_SET_TYPE
        raise CommandRefused(Status.INVALID_ARGUMENT_VALUE, "the request has no data set", offending=element)
    try:
        return read_request(read_identifier(exchange, request, context))
    except IdentifierMismatch as exc:  # the one that is longer than any sensible one
        raise CommandRefused(Status.RESOURCE_LIMITATION, str(exc)) from exc
    except CannotUnderstand as exc:
        raise CommandRefused(Status.INVALID_ARGUMENT_VALUE, str(exc)) from exc
