"""C-ECHO, both ways (PS3.4 Annex A)."""

from vna.dicom.encoding import EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dimse.command import Command, Verdict, echo_request
from vna.dimse.connections import Connections
from vna.dimse.exchange import Exchange
from vna.dimse.negotiation import VERIFICATION, Context
from vna.dimse.requestor import PeerUnreachable, RequestedAssociation, request_association
from vna.dimse.status import Status
from vna.dimse.upper_layer import AssociationEnded
from vna.model import Peer
from vna.settings import DimseSettings


def answer_echo(exchange: Exchange, request: Command, context: Context) -> None:
    """Serve a C-ECHO-RQ."""
    exchange.answer(request, Verdict(Status.SUCCESS))


def echo_peer(peer: Peer, *, calling_ae_title: str, timeout_s: float) -> str | None:
    """Send a C-ECHO to a peer and return why it failed, None when the peer answered with success."""
    settings = DimseSettings(artim_timeout_s=timeout_s, idle_timeout_s=timeout_s)
    proposals = [(VERIFICATION, (IMPLICIT_LE_UID, EXPLICIT_LE_UID))]
    try:
        association = request_association(
            peer, proposals, calling_ae_title=calling_ae_title, settings=settings, connections=Connections()
        )
    except PeerUnreachable as exc:
        return str(exc)
    failure = _echo(association)
    association.release(timeout_s)
    return failure


def _echo(association: RequestedAssociation) -> str | None:
    if not association.contexts:
        return "the peer does not accept Verification"
    (context_id,) = association.contexts
    try:
        association.messages.send(context_id, echo_request(VERIFICATION, message_id=1))
        reply = association.messages.next_command()
    except AssociationEnded as exc:
        return str(exc)
    if reply.status != Status.SUCCESS:
        return f"C-ECHO was answered with status {reply.status or 0:04X}"
    return None
