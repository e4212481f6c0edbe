"""Associations this node requests: of a move destination, to report a commitment, or to test whether a peer answers."""

import logging
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Final

from vna.dicom.supported import STORAGE_COMMITMENT
from vna.dimse.associate import (
    IMPLEMENTATION_VERSION,
    AssociateAccept,
    AssociateRequest,
    ContextResult,
    MalformedPdu,
    ProposedContext,
    Roles,
    UserInformation,
    decode_accept,
)
from vna.dimse.connections import Connections
from vna.dimse.messages import Messages
from vna.dimse.negotiation import Context, send_limit
from vna.dimse.pdu import RELEASE_RP, RELEASE_RQ, AbortReason, AbortSource, PduType, Rejection
from vna.dimse.upper_layer import AssociationEnded, Connection, Disconnected, MustAbort
from vna.errors import VnaError
from vna.model import Peer
from vna.settings import DimseSettings

_log = logging.getLogger(__name__)

Proposal = tuple[str, tuple[str, ...]]
"""An abstract syntax and the transfer syntaxes for it."""

_REJECTED_TRANSIENT = 2  # PS3.8 table 9-21
_OUR_ROLES = Roles(scu=True, scp=False)
_OTHER_ROLES: Final[Mapping[str, Roles]] = {STORAGE_COMMITMENT: Roles(scu=False, scp=True)}
"""The SOP Classes that we are SCP for on associations of our own: reports go out over them (PS3.4 J.3.3)."""


class PeerUnreachable(VnaError):
    """A peer cannot be connected to, or does not accept the association.

    `may_pass` says whether it is worth trying again soon: the connection was refused or broke, or the
    association was rejected for now. An unknown host, silence, and a permanent rejection are not.
    """

    status = 0xA702

    def __init__(self, message: str, *, may_pass: bool) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class RequestedAssociation:
    """An established association that we requested; `contexts` are those the peer accepted."""

    def __init__(
        self, connection: Connection, connections: Connections, messages: Messages, contexts: Mapping[int, Context]
    ) -> None:
        self._connection, self._connections = connection, connections
        self.messages, self.contexts = messages, contexts

    def acknowledged(self) -> int:
        """Return how many bytes the peer's end of the connection has confirmed; from any thread."""
        return self._connection.acknowledged()

    def release(self, timeout_s: float) -> None:
        """Ask for release, wait for the answer and close; a peer that is gone already is no error."""
        deadline = time.monotonic() + timeout_s
        expected = {PduType.RELEASE_RP, PduType.RELEASE_RQ}
        try:
            self._connection.send([RELEASE_RQ])
            while self._connection.read_pdu(expected, deadline=deadline)[0] is PduType.RELEASE_RQ:
                self._connection.send([RELEASE_RP])  # both asked at once (PS3.8 table 9-10, AR-8, AR-9)
        except AssociationEnded as exc:
            _log.debug("association not released in order reason=%s", exc)
        self._close()

    def abort(self) -> None:
        """End the association at once."""
        self._connection.abort(AbortSource.USER, AbortReason.NOT_SPECIFIED)
        self._close()

    def _close(self) -> None:
        self._connection.close()
        self._connections.remove(self._connection)


def request_association(
    peer: Peer,
    proposals: Sequence[Proposal],
    *,
    calling_ae_title: str,
    settings: DimseSettings,
    connections: Connections,
) -> RequestedAssociation:
    """Connect to a peer and establish an association, as SCU for every proposal but those we report with; at most 128.

    Raises:
        PeerUnreachable: no connection, rejected, aborted, or no answer within the ARTIM time.
    """
    contexts = tuple(ProposedContext(2 * i + 1, uid, syntaxes) for i, (uid, syntaxes) in enumerate(proposals))
    roles = {uid: _OTHER_ROLES[uid] for uid, _syntaxes in proposals if uid in _OTHER_ROLES}
    user = UserInformation(settings.max_pdu, IMPLEMENTATION_VERSION, roles)
    request = AssociateRequest(peer.ae_title, calling_ae_title, contexts, user)
    connection = _connect(peer, settings)
    connections.add(connection)
    try:
        accept = _establish(connection, request, timeout_s=settings.artim_timeout_s)
    except (AssociationEnded, MalformedPdu) as exc:
        if isinstance(exc, MustAbort):
            connection.abort(exc.source, exc.reason)
        connection.close()
        connections.remove(connection)
        raise PeerUnreachable(f"{peer.ae_title}: {exc}", may_pass=_may_pass(exc)) from exc
    accepted = _accepted(request, accept)
    limit = send_limit(accept.user.max_pdu, peer)
    messages = Messages(connection, context_ids=accepted.keys(), peer_max_pdu=limit)
    return RequestedAssociation(connection, connections, messages, accepted)


def _connect(peer: Peer, settings: DimseSettings) -> Connection:
    try:
        sock = socket.create_connection((peer.host, peer.port), timeout=settings.artim_timeout_s)
    except (OSError, UnicodeError) as exc:  # a name that is no host name does not even get as far as a lookup
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        text = f"{peer.ae_title} at {peer.host}:{peer.port} cannot be reached: {reason}"
        raise PeerUnreachable(text, may_pass=isinstance(exc, ConnectionError)) from exc
    return Connection(sock, settings)


class _Rejected(AssociationEnded):
    """The peer rejected the association, for now or for good."""

    def __init__(self, reason: object, *, for_now: bool) -> None:
        super().__init__(f"the association was rejected: {reason}")
        self.for_now = for_now


class _NoAnswer(AssociationEnded):
    """The peer did not answer within the ARTIM time."""


def _may_pass(ending: Exception) -> bool:
    if isinstance(ending, _Rejected):
        return ending.for_now
    return not isinstance(ending, _NoAnswer | MalformedPdu | MustAbort)


def _establish(connection: Connection, request: AssociateRequest, *, timeout_s: float) -> AssociateAccept:
    connection.send([request.encode()])
    expected = {PduType.ASSOCIATE_AC, PduType.ASSOCIATE_RJ}
    deadline = time.monotonic() + timeout_s
    try:
        kind, body = connection.read_pdu(expected, deadline=deadline)
    except Disconnected as exc:
        if time.monotonic() < deadline:
            raise
        raise _NoAnswer(f"no answer to the association request in {timeout_s:g} s") from exc
    if kind is PduType.ASSOCIATE_RJ:
        if len(body) < 4:
            raise _Rejected("no reason given", for_now=False)
        raise _Rejected(Rejection(*body[1:4]), for_now=body[1] == _REJECTED_TRANSIENT)
    return decode_accept(bytes(body))


def _accepted(request: AssociateRequest, accept: AssociateAccept) -> dict[int, Context]:
    proposed = {each.context_id: each for each in request.contexts}
    accepted = {}
    for each in accept.contexts:
        ours = proposed.get(each.context_id)
        if ours and each.result == ContextResult.ACCEPTED and each.transfer_syntax in ours.transfer_syntaxes:
            syntax = ours.abstract_syntax
            wanted = _OTHER_ROLES.get(syntax, _OUR_ROLES)
            # Peers that know nothing of roles answer nothing, and take a report all the same
            roles = accept.user.roles.get(syntax, wanted)
            accepted[each.context_id] = Context(each.context_id, syntax, each.transfer_syntax, roles)
    return accepted
