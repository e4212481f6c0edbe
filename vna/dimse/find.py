"""C-FIND as SCP (PS3.4 C.4.1): answers go out as they are found, small ones together.

When the settings' limit of answers is reached, those found so far have been sent as pending and the
final status is A700 (out of resources, PS3.4 table C.4-1) with a comment: the client has something to
show and knows that it is not all.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from vna.dicom.describe import Value
from vna.dicom.extra import creators_of
from vna.dicom.identifier import encode_identifier
from vna.dicom.query import Query, parse_identifier
from vna.dicom.supported import QUERY_RETRIEVE_CLASSES
from vna.dimse.command import Command, Verdict, response
from vna.dimse.exchange import Exchange
from vna.dimse.identifiers import read_identifier
from vna.dimse.negotiation import Context
from vna.dimse.status import Status

_log = logging.getLogger(__name__)

_IF_ASKED = frozenset({"InstanceAvailability"})
_LONGEST_WAIT_S = 0.005
"""How long an answer may wait for others to go out with it; the first ones are what a person waits for."""


def answer_find(exchange: Exchange, request: Command, context: Context) -> None:
    """Serve a C-FIND-RQ.

    Raises:
        CommandRefused: there is no identifier.
        VnaError: the identifier makes no query, or the index fails.
        AssociationEnded: the peer is gone.
    """
    started = time.monotonic()
    query = parse_identifier(
        read_identifier(exchange, request, context),
        QUERY_RETRIEVE_CLASSES[context.abstract_syntax].model,
        relational=exchange.agreement.relational(context.abstract_syntax),
        combined_datetime=exchange.agreement.combined_datetime(context.abstract_syntax),
        extra=exchange.archive.extra_attributes,
    )
    query = replace(query, view=exchange.view)
    found, status = _send_matches(exchange, request, context, query)
    comment = f"more than {found} matches: narrow the query" if status is Status.OUT_OF_RESOURCES else ""
    exchange.answer(request, Verdict(status, comment))
    exchange.traffic.found += found
    _log.info(
        "c-find answered peer=%s level=%s keys=%s answers=%d status=%04X ms=%.1f",
        exchange.caller.name,
        query.level,
        ",".join(query.keys),
        found,
        status,
        (time.monotonic() - started) * 1e3,
    )


def _send_matches(exchange: Exchange, request: Command, context: Context, query: Query) -> tuple[int, Status]:
    """Send the pending responses; return how many, and the status to end with."""
    messages, limit = exchange.messages, exchange.settings.max_find_answers
    status = Status.PENDING_WITH_UNSUPPORTED_KEYS if query.unsupported else Status.PENDING
    pending = response(request, Verdict(status), has_data_set=True)
    charset = query.charset or (exchange.caller.peer.charset if exchange.caller.peer else "")
    vrs = {each.keyword: each.vr for each in query.extra} | dict.fromkeys(creators_of(query.extra), "LO")
    found, flushed = 0, time.monotonic()
    for values in exchange.archive.find(query):
        if found == limit > 0:
            return found, Status.OUT_OF_RESOURCES
        if messages.cancelled(request.message_id):
            return found, Status.CANCEL
        answer = _with_answer_keys(values, query, exchange.caller.called_ae_title)
        identifier = encode_identifier(
            query.level, answer, charset_requested=charset, transfer_syntax=context.transfer_syntax, vrs=vrs
        )
        messages.queue(request.context_id, pending, identifier)
        found += 1
        if time.monotonic() - flushed > _LONGEST_WAIT_S:
            messages.flush()
            flushed = time.monotonic()
    return found, Status.SUCCESS


def _with_answer_keys(values: Mapping[str, Value], query: Query, ae_title: str) -> Mapping[str, Value]:
    """Add what an answer says of the archive itself; Retrieve AE Title always (PS3.4 C.4.1.1.3.2).

    Keys that are not known come back with no value (PS3.4 C.4.1.1.3.2).
    """
    answer: dict[str, Value] = dict.fromkeys((*query.answer_keys, *query.unsupported), "")
    if "InstanceAvailability" in answer:
        answer["InstanceAvailability"] = "ONLINE"
    answer["RetrieveAETitle"] = ae_title
    told = {keyword: value for keyword, value in values.items() if keyword not in _IF_ASKED or keyword in answer}
    return {**answer, **creators_of(query.extra), **told}
