"""C-GET as SCP (PS3.4 C.4.3): instances go back over the association they were asked for on."""

from vna.archive import DataSet, HeldInstance
from vna.dimse.command import Command
from vna.dimse.exchange import Exchange
from vna.dimse.negotiation import Context
from vna.dimse.pdu import AbortSource
from vna.dimse.retrieve import Retrieval, StoreSender, matched_instances
from vna.dimse.upper_layer import MustAbort
from vna.errors import VnaError


def answer_get(exchange: Exchange, request: Command, context: Context) -> None:
    """Serve a C-GET-RQ.

    Raises:
        CommandRefused: there is no identifier.
        VnaError: the identifier names nothing that can be retrieved, or the index fails.
        AssociationEnded: the peer is gone.
    """
    retrieval = Retrieval(exchange, request, matched_instances(exchange, request, context))
    retrieval.run(_SameAssociation(exchange))
    retrieval.finish(context)


class _SameAssociation:
    """The outlet of a C-GET: the contexts in which the requestor took the SCP role."""

    def __init__(self, exchange: Exchange) -> None:
        self.contexts = {each.context_id: each for each in exchange.agreement.contexts.values() if each.roles.scp}
        self._messages = exchange.messages
        self._sender = StoreSender(exchange.messages)

    def store(self, held: HeldInstance, data_set: DataSet, context: Context) -> int:
        """Send one instance and return the status it was answered with."""
        try:
            return self._sender.store(held, data_set, context)
        except VnaError as exc:
            if self._messages.half_sent:  # what was begun cannot be taken back
                raise MustAbort(str(exc), source=AbortSource.USER) from exc
            raise
