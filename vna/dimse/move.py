"""C-MOVE as SCP (PS3.4 C.4.2): instances go to a registered peer over associations of their own."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from vna.archive import HeldInstance
from vna.dicom.encoding import EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dimse.associate import MAX_CONTEXTS
from vna.dimse.command import Command, ElementNumber
from vna.dimse.delivery import LOOK_EVERY_S, Delivery
from vna.dimse.exchange import Exchange
from vna.dimse.negotiation import Context
from vna.dimse.requestor import Proposal
from vna.dimse.retrieve import Retrieval, matched_instances
from vna.dimse.sender import Route
from vna.errors import MoveDestinationUnknown
from vna.model import Peer
from vna.pixels.targets import LOSSLESS, targets_of


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
    retrieval = Retrieval(exchange, request, instances=len(instances))
    if instances:
        _deliver_in_turn(exchange, request, retrieval, peer, instances)
    retrieval.finish(context)


def _deliver_in_turn(
    exchange: Exchange, request: Command, retrieval: Retrieval, peer: Peer, instances: Sequence[HeldInstance]
) -> None:
    turn = exchange.connections.moves.ask(peer.ae_title, at_most=exchange.settings.max_moves)
    try:
        while not turn.granted.wait(LOOK_EVERY_S):
            if not retrieval.goes_on():
                return
        for group in association_groups(instances):
            route = Route(
                peer,
                proposals(group),
                calling_ae_title=exchange.caller.called_ae_title,
                originator=(exchange.caller.calling_ae_title, request.message_id),
                settings=exchange.settings,
                connections=exchange.connections,
            )
            if not Delivery(exchange, retrieval, route).run(group):
                return
    finally:
        turn.end()


def association_groups(instances: Sequence[HeldInstance]) -> list[list[HeldInstance]]:
    """Return the instances in groups of which each has presentation contexts enough on one association.

    An association has 128 of them (PS3.8 9.3.2.2). A SOP Class is in one group whole, and the instances
    of a group are in the order they came in.
    """
    by_class: defaultdict[str, list[HeldInstance]] = defaultdict(list)
    for held in instances:
        by_class[held.sop_class_uid].append(held)
    group_of: dict[str, int] = {}
    number = used = 0
    for uid, of_class in by_class.items():
        needed = len(_needed(of_class))
        if used + needed > MAX_CONTEXTS:
            number, used = number + 1, 0
        group_of[uid], used = number, used + needed
    groups: list[list[HeldInstance]] = [[] for _ in range(number + 1)]
    for held in instances:
        groups[group_of[held.sop_class_uid]].append(held)
    return groups


def proposals(instances: Sequence[HeldInstance]) -> list[Proposal]:
    """Return what to propose to a destination: each SOP Class in each stored syntax, most frequent first.

    Then, for what can be converted, each class in the uncompressed little endian syntaxes that are not
    proposed yet; and in the losslessly compressed ones, for a destination that takes nothing else, as long as
    contexts are left: an association has 128 (PS3.8 9.3.2.2).
    """
    needed = _needed(instances)
    compressed = [(uid, _others(stored, LOSSLESS)) for uid, stored in _convertible(instances).items()]
    return (needed + [(uid, syntaxes) for uid, syntaxes in compressed if syntaxes])[:MAX_CONTEXTS]


def _needed(instances: Sequence[HeldInstance]) -> list[Proposal]:
    """Return the proposals without which instances could not be delivered to a destination that takes native pixels."""
    stored = Counter((held.sop_class_uid, held.transfer_syntax) for held in instances)
    wanted: list[Proposal] = [(uid, (syntax,)) for (uid, syntax), _count in stored.most_common()]
    for uid, syntaxes in _convertible(instances).items():
        others = _others(syntaxes, (EXPLICIT_LE_UID, IMPLICIT_LE_UID))
        if others:
            wanted.append((uid, others))
    return wanted


def _convertible(instances: Sequence[HeldInstance]) -> dict[str, set[str]]:
    """Return in which syntaxes that can be converted the instances of each class are stored."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for held in instances:
        if targets_of(held.transfer_syntax):
            found[held.sop_class_uid].add(held.transfer_syntax)
    return found


def _others(stored: set[str], syntaxes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in syntaxes if each not in stored)
