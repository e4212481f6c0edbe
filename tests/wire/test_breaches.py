"""Breaches of the protocol: an abort or a rejection for the peer, nothing half stored, and the node goes on."""

import struct

import pytest

from conformance import oddities, phantoms
from conformance.corpus import Instance
from conformance.messages import pdata, store_command, store_rq
from conformance.requests import echo, find, query_proposals, store_proposals
from conformance.upper_layer import (
    ABORT,
    RELEASE_RQ,
    Aborted,
    Address,
    Association,
    PduReader,
    PduType,
    PeerClosed,
    Proposal,
    Refused,
    Requestor,
    associate_rq,
    connect,
)
from exchange import unique_keys
from running_node import RunningNode

CT = oddities.encoded(phantoms.ct_slice(study=700, size=16))


def assert_alive(node: RunningNode) -> None:
    """Check that the node answers."""
    with Association.open(node.address, query_proposals()) as association:
        assert echo(association).status == 0


def test_a_wrong_called_ae_title_is_rejected(node: RunningNode) -> None:
    with pytest.raises(Refused) as refused:
        Association.open(Address(node.address.host, node.address.port, "SOMEBODY"), query_proposals())

    assert (refused.value.result, refused.value.source, refused.value.reason) == (1, 1, 7)  # PS3.8 9.3.4


def ending(node: RunningNode, *sent: bytes, associate: bool) -> int | None:
    """Send bytes, on an association or instead of one; return the type of the PDU that ends it, None for none."""
    with connect(node.address, timeout_s=20) as sock:
        pdus = PduReader(sock)
        if associate:
            sock.sendall(associate_rq("VNA", [Proposal(CT.sop_class_uid, (CT.transfer_syntax,))], Requestor()))
            assert pdus.read()[0] == PduType.ASSOCIATE_AC
        for part in sent:
            sock.sendall(part)
        try:
            return pdus.read()[0]
        except (PeerClosed, ConnectionResetError):
            return None


LYING = {
    "PDV longer than its PDU": struct.pack(">BxIIBB", 4, 8, 100, 1, 2) + b"ab",
    "PDV shorter than its header": struct.pack(">BxIIBB", 4, 6, 1, 1, 2),
    "PDU longer than agreed": struct.pack(">BxI", 4, 0x7FFFFFFF) + bytes(100),
    "PDU of length 0": struct.pack(">BxI", 4, 0),
    "data before its command": pdata(1, CT.data, max_pdu=16384),
    "a context that was not agreed": pdata(99, store_command("1.2", "1.2", message_id=1), max_pdu=16384, command=True),
    "no PDU type": struct.pack(">BxI", 0x99, 4) + bytes(4),
    "a second request": associate_rq("VNA", [Proposal("1.2.3", ("1.2.4",))], Requestor()),
    "an acceptance": struct.pack(">BxI", 2, 68) + bytes(68),
    "a release confirmed unasked": struct.pack(">BxI4x", 6, 4),
    "a command set of noise": pdata(1, bytes(range(200)), max_pdu=16384, command=True),
}


@pytest.mark.parametrize("what", LYING)
def test_a_breach_of_the_protocol_is_aborted(node: RunningNode, what: str) -> None:
    assert ending(node, LYING[what], associate=True) == PduType.ABORT
    assert_alive(node)


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\n\r\n", RELEASE_RQ, pdata(1, CT.data, max_pdu=16384), ABORT + ABORT]
)
def test_what_is_no_association_request_ends_the_connection(node: RunningNode, first: bytes) -> None:
    assert ending(node, first, associate=False) in (PduType.ABORT, None)
    assert_alive(node)


def conversation(number: int) -> tuple[Instance, bytes, bytes]:
    """Return an instance, the request of an association, and all that is sent over it."""
    instance = oddities.encoded(oddities.secondary_capture(study=710, number=number))
    request = associate_rq("VNA", store_proposals([instance]), Requestor())
    return instance, request, store_rq(instance, 1, message_id=1, max_pdu=128) + RELEASE_RQ


def cut_short(address: Address, number: int, at: int, *, abort: bool) -> tuple[Instance, bool]:
    """Send the first `at` bytes of a conversation and leave; tell whether a whole message was among them.

    The bytes of an abort, sent too early, are taken for what is missing of a PDU.
    """
    instance, request, rest = conversation(number)
    with connect(address, timeout_s=20) as sock:
        sock.sendall(request[:at])
        if at > len(request):
            assert PduReader(sock).read()[0] == PduType.ASSOCIATE_AC
            sock.sendall(rest[: at - len(request)])
        if abort:
            sock.sendall(ABORT)
    missing = len(request) + len(rest) - len(RELEASE_RQ) - at
    return instance, missing <= (len(ABORT) if abort else 0)


@pytest.mark.parametrize("abort", [False, True])
@pytest.mark.parametrize("step", [41, pytest.param(1, marks=pytest.mark.long)])
def test_leaving_at_any_byte_stores_nothing_halfway(node: RunningNode, step: int, abort: bool) -> None:
    _, request, rest = conversation(1)
    sent = {}
    for at in range(0, len(request) + len(rest), step):
        instance, complete = cut_short(node.address, at + 1 + 100_000 * abort, at, abort=abort)
        if not complete:
            sent[instance.sop_instance_uid] = instance

    keys = unique_keys(conversation(1)[0])
    with Association.open(node.address, query_proposals()) as association:
        found = find(association, {**keys, "SOPInstanceUID": ""}, level="IMAGE").matches
    assert not sent.keys() & {match.SOPInstanceUID for match in found}


def test_an_abort_is_not_answered(node: RunningNode) -> None:
    assert ending(node, ABORT, associate=True) is None


def test_no_usable_context_is_still_an_association(node: RunningNode) -> None:
    with Association.open(node.address, [Proposal("1.2.3.4", ("1.2.5",))]) as association:
        assert association.accepted == {}


def test_an_empty_called_ae_title_is_rejected(node: RunningNode) -> None:
    with pytest.raises((Refused, Aborted)):
        Association.open(Address(node.address.host, node.address.port, ""), query_proposals())
