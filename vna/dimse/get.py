"""C-GET as SCP (PS3.4 C.4.3): instances go back over the association they were asked for on."""

from collections.abc import Sequence

from vna.archive import HeldInstance
from vna.dimse.command import Command
from vna.dimse.exchange import Exchange
from vna.dimse.negotiation import Context
from vna.dimse.pdu import AbortSource
from vna.dimse.retrieve import ContextChoice, Retrieval, StoreSender, matched_instances
from vna.dimse.upper_layer import MustAbort
from vna.errors import VnaError


def answer_get(exchange: Exchange, request: Command, context: Context) -> None:
    """Serve a C-GET-RQ.

    Raises:
        CommandRefused: there is no identifier.
        VnaError: the identifier names nothing that can be retrieved, or the index fails.
        AssociationEnded: the peer is gone.
    """
    instances = matched_instances(exchange, request, context)
    retrieval = Retrieval(exchange, request, instances=len(instances))
    _send_back(exchange, retrieval, instances)
    retrieval.finish(context)


def _send_back(exchange: Exchange, retrieval: Retrieval, instances: Sequence[HeldInstance]) -> None:
    """Send instances until the peer cancels, on the contexts in which it took the SCP role."""
    choice = ContextChoice(each for each in exchange.agreement.contexts.values() if each.roles.scp)
    sender = StoreSender(exchange.messages)
    if not retrieval.goes_on():
        return
    for held, data_set in exchange.archive.retrieve(instances, choice.transfer_syntax_for):
        if not retrieval.goes_on():
            return
        try:
            retrieval.count(held, sender.store(held, data_set, choice))
        except VnaError as exc:
            retrieval.fail(held, exc)
            if exchange.messages.half_sent:  # what was begun cannot be taken back
                raise MustAbort(str(exc), source=AbortSource.USER) from exc
