"""C-STORE as SCP (PS3.4 Annex B): the data set goes to the archive as it comes, and its verdict back."""

import logging
import re
import time

from vna.archive import Arrived, Expected, Stored
from vna.dimse.command import Command, ElementNumber, Verdict
from vna.dimse.counting import REFUSED, count_received
from vna.dimse.exchange import CommandRefused, Exchange
from vna.dimse.negotiation import Context
from vna.dimse.status import Status
from vna.errors import VnaError
from vna.metrics import Stage
from vna.metrics.families import IN_FLIGHT_BYTES, STAGES
from vna.model import Outcome, View

_log = logging.getLogger(__name__)

_UID = re.compile(r"[0-9.]{1,64}")


def answer_store(exchange: Exchange, request: Command, context: Context) -> None:
    """Serve a C-STORE-RQ.

    Raises:
        CommandRefused: the command set cannot be carried out.
        VnaError: the archive does not take the data set.
        AssociationEnded: the peer is gone; nothing was stored.
    """
    started = time.monotonic()
    traffic = exchange.traffic
    traffic.received += 1
    before = traffic.received_bytes
    try:
        _check(request, context)
        _check_view(exchange)
        stored = _store(exchange, request, context)
    except (CommandRefused, VnaError):
        count_received(exchange, REFUSED, traffic.received_bytes - before)
        raise
    count_received(exchange, stored.outcome.value, traffic.received_bytes - before)
    traffic.stored += 1
    if stored.hidden_by:
        comment = f"kept but not shown: rejection {stored.hidden_by[0]} stands"
        exchange.answer(request, Verdict(Status.COERCION_OF_DATA_ELEMENTS, comment))
    elif stored.outcome is Outcome.ASIDE and exchange.caller.source.warn_on_conflict:
        comment = "kept aside: other content is served under this UID"
        exchange.answer(request, Verdict(Status.COERCION_OF_DATA_ELEMENTS, comment))
    else:
        exchange.answer(request, Verdict(Status.SUCCESS))
    _log.debug(
        "c-store stored peer=%s study=%s instance=%s outcome=%s ms=%.1f",
        exchange.caller.name,
        stored.key.study,
        stored.key.instance,
        stored.outcome,
        (time.monotonic() - started) * 1e3,
    )


def _check(request: Command, context: Context) -> None:
    if not context.roles.scu:
        raise CommandRefused(Status.NOT_AUTHORIZED, "the SCU role was not negotiated for this SOP Class")
    if not _UID.fullmatch(request.sop_instance_uid):
        element = ElementNumber.AFFECTED_SOP_INSTANCE_UID
        text = "Affected SOP Instance UID is missing or not a UID"
        raise CommandRefused(Status.INVALID_SOP_INSTANCE, text, offending=element)
    if not request.has_data_set:
        element = ElementNumber.COMMAND_DATA_SET_TYPE
        raise CommandRefused(Status.CANNOT_UNDERSTAND, "a C-STORE needs a data set", offending=element)


def _check_view(exchange: Exchange) -> None:
    if exchange.view is not View.ORDINARY:
        title = exchange.settings.ae_title
        raise CommandRefused(Status.NOT_AUTHORIZED, f"nothing is stored under this AE title: call {title}")


def _store(exchange: Exchange, request: Command, context: Context) -> Stored:
    metrics = exchange.archive.metrics
    incoming = exchange.archive.incoming(exchange.caller.counted_as)
    size = 0
    try:
        with metrics.timed(STAGES, Stage.RECEIVE):
            for piece in exchange.messages.data_set():
                incoming.write(piece)
            content = incoming.finish()
        size = content.size
        metrics.change(IN_FLIGHT_BYTES, by=size)
        exchange.traffic.received_bytes += size
        expected = Expected(request.sop_class_uid, request.sop_instance_uid)
        return exchange.session.store(Arrived(content, context.transfer_syntax, expected))
    finally:
        metrics.change(IN_FLIGHT_BYTES, by=-size)
        incoming.discard()
