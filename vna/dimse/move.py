"""C-MOVE as SCP (PS3.4 C.4.2): instances go to a registered peer over an association of their own."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from vna.archive import DataSet, HeldInstance
from vna.dicom.encoding import EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dimse.associate import MAX_CONTEXTS
from vna.dimse.command import Command, ElementNumber
from vna.dimse.exchange import Exchange
from vna.dimse.negotiation import Context
from vna.dimse.requestor import PeerUnreachable, Proposal, request_association
from vna.dimse.retrieve import OutletLost, Retrieval, StoreSender, is_convertible, matched_instances
from vna.dimse.upper_layer import AssociationEnded
from vna.errors import MoveDestinationUnknown, VnaError
from vna.model import Peer


def answer_move(exchange: Exchange, request: Command, context: Context) -> None:
    """Serve a C-MOVE-RQ.

    Raises:
        CommandRefused: there is no identifier.
        MoveDestinationUnknown: the destination is not a registered peer.
        VnaError: the identifier names nothing that can be retrieved, or the index fails.
        AssociationEnded: the requesting peer is gone.
    """
    ae_title = request.text(ElementNumber.MOVE_DESTINATION)
    peer = exchange.archive.peers().get(ae_title)
    if peer is None:
        raise MoveDestinationUnknown(f"move destination {ae_title} is not a registered peer")
    instances = matched_instances(exchange, request, context)
    retrieval = Retrieval(exchange, request, instances)
    if instances:
        try:
            destination = _Destination(exchange, request, peer, proposals(instances))
        except PeerUnreachable as exc:
            retrieval.give_up(str(exc))
        else:
            _send_all(retrieval, destination)
    retrieval.finish(context)


def _send_all(retrieval: Retrieval, destination: "_Destination") -> None:
    try:
        retrieval.run(destination)
    except BaseException:
        destination.abort()
        raise
    destination.release()


def proposals(instances: Sequence[HeldInstance]) -> list[Proposal]:
    """Return what to propose to a destination: each SOP Class in each stored syntax, most frequent first.

    Then, for what can be converted, each class in the uncompressed little endian syntaxes that are not
    proposed yet. An association has 128 contexts (PS3.8 9.3.2.2): what does not fit is left out.
    """
    stored = Counter((held.sop_class_uid, held.transfer_syntax) for held in instances)
    wanted: list[Proposal] = [(uid, (syntax,)) for (uid, syntax), _count in stored.most_common()]
    convertible: defaultdict[str, set[str]] = defaultdict(set)
    for uid, syntax in stored:
        if is_convertible(syntax):
            convertible[uid].add(syntax)
    for uid, syntaxes in convertible.items():
        others = tuple(each for each in (EXPLICIT_LE_UID, IMPLICIT_LE_UID) if each not in syntaxes)
        if others:
            wanted.append((uid, others))
    return wanted[:MAX_CONTEXTS]


class _Destination:
    """The outlet of a C-MOVE: an association with the destination."""

    def __init__(self, exchange: Exchange, request: Command, peer: Peer, wanted: Sequence[Proposal]) -> None:
        """Establish the association.

        Raises:
            PeerUnreachable: the destination cannot be connected to, or rejects the association.
        """
        self._exchange, self._peer, self._wanted = exchange, peer, wanted
        self._originator = (exchange.caller.calling_ae_title, request.message_id)
        self._open()

    def store(self, held: HeldInstance, data_set: DataSet, context: Context) -> int:
        """Send one instance and return the status it was answered with."""
        try:
            return self._sender.store(held, data_set, context)
        except AssociationEnded as exc:
            raise OutletLost(f"{self._peer.ae_title}: {exc}") from exc
        except VnaError:
            if self._association.messages.half_sent:
                self._open_again()
            raise

    def release(self) -> None:
        """End the association in order."""
        self._association.release(self._exchange.settings.artim_timeout_s)

    def abort(self) -> None:
        """End the association at once."""
        self._association.abort()

    def _open(self) -> None:
        self._association = request_association(
            self._peer,
            self._wanted,
            calling_ae_title=self._exchange.caller.called_ae_title,
            settings=self._exchange.settings,
            connections=self._exchange.connections,
        )
        self._sender = StoreSender(self._association.messages, originator=self._originator)
        self.contexts = self._association.contexts

    def _open_again(self) -> None:
        """Go on with a new association: a message begun and not finished makes the old one useless."""
        self._association.abort()
        try:
            self._open()
        except PeerUnreachable as exc:
            raise OutletLost(str(exc)) from exc
