"""What this node agrees to of what a requestor proposes: contexts, roles, extended negotiation.

Storage contexts come out both ways: a peer stores to us by default, and takes instances from us by
C-GET where it asked for the SCP role (PS3.7 D.3.3.4). Of Storage Commitment we are the SCP alone. Each
context keeps one transfer syntax: the one that `vna.dicom.supported.choose` prefers or, to send in, the one
that the requestor wishes for. User identity is not asked for and not answered (PS3.7 D.3.3.7).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vna.dicom.encoding import EXPLICIT_BE_UID, EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dicom.supported import (
    QUERY_RETRIEVE_CLASSES,
    STORAGE_CLASSES,
    STORAGE_COMMITMENT,
    TRANSFER_SYNTAXES,
    Operation,
    choose,
)
from vna.dimse.associate import (
    IMPLEMENTATION_VERSION,
    AnsweredContext,
    AssociateAccept,
    AssociateRequest,
    ContextResult,
    ProposedContext,
    Roles,
    UserInformation,
)
from vna.model import Peer
from vna.settings import DimseSettings

VERIFICATION = "1.2.840.10008.1.1"

_REQUESTOR_IS_SCU = Roles(scu=True, scp=False)
_UNCOMPRESSED_SYNTAXES = frozenset({EXPLICIT_LE_UID, IMPLICIT_LE_UID, EXPLICIT_BE_UID})
"""Those of contexts without pixels: queries, commitments, and Verification, which has no data set at all."""
_SUPPORTED_BYTES: Mapping[Operation, bytes] = {
    # PS3.4 C.5.1.1: relational queries, combined date-time matching, fuzzy names, time zones, enhanced conversion
    Operation.FIND: bytes((1, 1, 0, 0, 0)),
    # PS3.4 C.5.2.1, C.5.3.1: relational retrieval, enhanced multi-frame conversion
    Operation.MOVE: bytes((1, 0)),
    Operation.GET: bytes((1, 0)),
}
_STORAGE_BYTES = bytes((2, 0, 0, 0, 0))
"""PS3.4 B.3.1: level 2 (everything is kept), nothing claimed for digital signatures, nothing coerced."""


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context; `roles` are the association requestor's."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    roles: Roles


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides hold to for one association."""

    contexts: Mapping[int, Context]
    answers: tuple[AnsweredContext, ...]
    roles: Mapping[str, Roles]
    extended: Mapping[str, bytes]
    peer_max_pdu: int

    def relational(self, abstract_syntax: str) -> bool:
        """Return whether relational queries or retrieval were agreed (PS3.4 C.5.1.1)."""
        return self._agreed_byte(abstract_syntax, 0)

    def combined_datetime(self, abstract_syntax: str) -> bool:
        """Return whether date and time ranges are matched together (PS3.4 C.5.1.1)."""
        return self._agreed_byte(abstract_syntax, 1)

    def accept(self, request: AssociateRequest, *, max_pdu: int) -> AssociateAccept:
        """Return the A-ASSOCIATE-AC."""
        user = UserInformation(max_pdu, IMPLEMENTATION_VERSION, self.roles, self.extended)
        return AssociateAccept(request.called_ae_title, request.calling_ae_title, self.answers, user)

    def _agreed_byte(self, abstract_syntax: str, number: int) -> bool:
        return self.extended.get(abstract_syntax, b"")[number : number + 1] == b"\1"


def negotiate(request: AssociateRequest, settings: DimseSettings) -> Agreement:
    """Return what we agree to of a request that was let in."""
    storage = STORAGE_CLASSES.keys() | frozenset(settings.private_sop_classes)
    contexts: dict[int, Context] = {}
    answers = []
    for proposed in request.contexts:
        is_storage = proposed.abstract_syntax in storage
        wanted = request.user.roles.get(proposed.abstract_syntax, _REQUESTOR_IS_SCU)
        roles = Roles(scu=wanted.scu, scp=wanted.scp and is_storage)
        answer = _answer(proposed, roles, is_storage=is_storage)
        answers.append(answer)
        if answer.result == ContextResult.ACCEPTED:
            context_id, syntax = answer.context_id, answer.transfer_syntax
            contexts[context_id] = Context(context_id, proposed.abstract_syntax, syntax, roles)
    accepted = {each.abstract_syntax: each.roles for each in contexts.values()}
    roles_answered = {uid: accepted[uid] for uid in request.user.roles if uid in accepted}
    extended = {
        uid: _supported_bytes(uid, asked)
        for uid, asked in request.user.extended.items()
        if asked and uid in accepted and uid != STORAGE_COMMITMENT  # has none (PS3.4 J.3)
    }
    return Agreement(contexts, tuple(answers), roles_answered, extended, request.user.max_pdu)


def _answer(proposed: ProposedContext, roles: Roles, *, is_storage: bool) -> AnsweredContext:
    offered = proposed.transfer_syntaxes
    refused = offered[0] if offered else IMPLICIT_LE_UID  # has no meaning, but must be there (PS3.8 9.3.3.2)
    has_identifiers = proposed.abstract_syntax in (*QUERY_RETRIEVE_CLASSES, STORAGE_COMMITMENT)
    if not (is_storage or has_identifiers or proposed.abstract_syntax == VERIFICATION):
        return AnsweredContext(proposed.context_id, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, refused)
    if not (roles.scu or roles.scp):
        return AnsweredContext(proposed.context_id, ContextResult.USER_REJECTION, refused)
    syntax = _choose(offered, to_send=not roles.scu, uncompressed=not is_storage)
    if syntax is None:
        return AnsweredContext(proposed.context_id, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, refused)
    return AnsweredContext(proposed.context_id, ContextResult.ACCEPTED, syntax)


def _choose(offered: tuple[str, ...], *, to_send: bool, uncompressed: bool) -> str | None:
    """Return the transfer syntax for a context, None if there is none.

    In a context that is only there for instances to be sent to the requestor, one put first that nobody
    has to list is a wish: getscu +xs offers JPEG Lossless, then the uncompressed ones.
    """
    if uncompressed:
        return choose([uid for uid in offered if uid in _UNCOMPRESSED_SYNTAXES])
    known = [uid for uid in offered if uid in TRANSFER_SYNTAXES]
    if to_send and known and known[0] not in (EXPLICIT_LE_UID, IMPLICIT_LE_UID):
        return known[0]
    return choose(offered)


def _supported_bytes(uid: str, asked: bytes) -> bytes:
    """Return the service-class-application-information to answer with: what was asked for and we do."""
    query = QUERY_RETRIEVE_CLASSES.get(uid)
    if query is None:
        return _STORAGE_BYTES if uid != VERIFICATION else bytes(len(asked))
    return bytes(want & have for want, have in zip(asked, _SUPPORTED_BYTES[query.operation], strict=False))


def send_limit(announced: int, peer: Peer | None) -> int:
    """Return the longest P-DATA to send to a peer that announced a limit, 0 for any (PS3.8 D.1)."""
    configured = peer.max_pdu if peer else 0
    return min(filter(None, (announced, configured)), default=0)
