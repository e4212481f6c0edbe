"""C-FIND, C-GET and C-MOVE over real sockets, up to the door of the archive."""

import socket
import threading
from collections.abc import Iterator

import pytest

from fake_door import held_instance
from fake_node import STORE, TAKES_CT, FakeNode, decoded, fake_node, identifier
from raw_peer import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG_LOSSLESS,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    Message,
    RawPeer,
    cancel,
    command_set,
    message,
    store_response,
)
from vna.dimse.associate import AnsweredContext, AssociateAccept, UserInformation
from vna.dimse.pdu import PduType
from vna.errors import Damaged
from vna.model import Peer


@pytest.fixture
def node() -> Iterator[FakeNode]:
    """A node that must still be alive after each test."""
    with fake_node() as running:
        yield running
        running.assert_alive()


def _find(peer: RawPeer, **keys: str) -> list[Message]:
    peer.send(message(1, command_set(STUDY_FIND, 0x20), identifier(**keys)))
    found = [peer.read_message()]
    while found[-1].command.status in (0xFF00, 0xFF01):
        found.append(peer.read_message())
    return found


def test_matches_are_pending_answers_then_success(node: FakeNode) -> None:
    node.archive.answers = [{"StudyInstanceUID": f"1.2.{n}", "PatientName": "Doe^J"} for n in range(700)]
    with node.peer() as peer:
        peer.associate((STUDY_FIND, [IMPLICIT]))
        *pending, final = _find(peer, QueryRetrieveLevel="STUDY", PatientName="D*", InstanceAvailability="")
        peer.release()

    assert [each.command.status for each in pending] == [0xFF00] * 700
    answer = decoded(pending[699].data)
    assert (answer.StudyInstanceUID, answer.PatientName, answer.QueryRetrieveLevel) == ("1.2.699", "Doe^J", "STUDY")
    assert (answer.RetrieveAETitle, answer.InstanceAvailability) == ("VNA", "ONLINE")
    assert (final.command.status, final.data) == (0, b"")


def test_how_soon_and_from_whom_a_study_is_had_is_what_the_archive_says(node: FakeNode) -> None:
    told = {"InstanceAvailability": "NEARLINE", "RetrieveAETitle": "DEEP"}
    node.archive.answers = [{"StudyInstanceUID": "1.2", **told}]
    with node.peer() as peer:
        peer.associate((STUDY_FIND, [IMPLICIT]))
        asked, _ = _find(peer, QueryRetrieveLevel="STUDY", StudyInstanceUID="", InstanceAvailability="")
        unasked, _ = _find(peer, QueryRetrieveLevel="STUDY", StudyInstanceUID="")
        peer.release()

    assert (decoded(asked.data).InstanceAvailability, decoded(asked.data).RetrieveAETitle) == ("NEARLINE", "DEEP")
    assert "InstanceAvailability" not in decoded(unasked.data)


def test_an_unsupported_key_is_told(node: FakeNode) -> None:
    """PS3.4 table C.4-1: FF01."""
    node.archive.answers = [{"StudyInstanceUID": "1.2"}]
    with node.peer() as peer:
        peer.associate((STUDY_FIND, [IMPLICIT]))
        pending, _final = _find(peer, QueryRetrieveLevel="STUDY", AcquisitionProtocolDescription="")
        peer.release()

    assert pending.command.status == 0xFF01


def test_answers_stop_at_the_limit() -> None:
    statuses = []
    with fake_node(max_find_answers=3) as node, node.peer() as peer:
        peer.associate((STUDY_FIND, [IMPLICIT]))
        for matches in (3, 4):
            node.archive.answers = [{"StudyInstanceUID": "1.2"}] * matches
            statuses.append([each.command.status for each in _find(peer, QueryRetrieveLevel="STUDY")])
        peer.release()

    assert statuses == [[0xFF00] * 3 + [0], [0xFF00] * 3 + [0xA700]]


def test_a_wrong_identifier_is_refused(node: FakeNode) -> None:
    with node.peer() as peer:
        peer.associate((STUDY_FIND, [IMPLICIT]))

        (no_level,) = _find(peer, StudyInstanceUID="1.2")
        peer.send(message(1, command_set(STUDY_FIND, 0x20), b"\x08\0\x52\0\xff\xff\0\0AB"))
        garbage = peer.read_message()
        peer.send(message(1, command_set(STUDY_FIND, 0x20, data_set=False)))
        nothing = peer.read_message()
        peer.release()

    assert no_level.command.status == 0xA900
    assert garbage.command.status == 0xC000
    assert nothing.command.status == 0xC000


def test_a_query_can_be_cancelled(node: FakeNode) -> None:
    asked = threading.Event()

    def endless() -> Iterator[dict[str, str]]:
        while True:
            asked.set()
            yield {"StudyInstanceUID": "1.2"}

    node.archive.answers = endless()  # type: ignore[assignment]
    with node.peer() as peer:
        peer.associate((STUDY_FIND, [IMPLICIT]))
        peer.send(message(1, command_set(STUDY_FIND, 0x20, message_id=7), identifier(QueryRetrieveLevel="STUDY")))
        assert asked.wait(5)
        peer.send(message(1, cancel(7)))
        statuses = []
        while not statuses or statuses[-1] == 0xFF00:
            statuses.append(peer.read_message().command.status)
        peer.send(message(1, cancel(7)))
        peer.release()

    assert statuses[-1] == 0xFE00


def test_extended_negotiation_reaches_the_query(node: FakeNode) -> None:
    with node.peer() as peer:
        accept = peer.associate((STUDY_FIND, [IMPLICIT]), extended={STUDY_FIND: b"\1\1\1"})
        _find(peer, QueryRetrieveLevel="IMAGE", StudyDate="20200101-20200102", StudyTime="10-11")
        peer.release()

    assert accept.user.extended == {STUDY_FIND: b"\1\1\0"}
    assert node.archive.queries[0].relational
    assert node.archive.queries[0].combined == (("StudyDate", "StudyTime"),)


GET = command_set(STUDY_GET, 0x10, message_id=5)
STUDY = identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")


def _get(peer: RawPeer, *, status: int = 0) -> tuple[list[Message], list[Message]]:
    """Return the instances and the responses to a C-GET."""
    peer.send(message(1, GET, STUDY))
    instances: list[Message] = []
    responses: list[Message] = []
    while not responses or responses[-1].command.status == 0xFF00:
        received = peer.read_message()
        if received.command.is_response:
            responses.append(received)
        else:
            instances.append(received)
            peer.send(message(received.command.context_id, store_response(received.command, status)))
    return instances, responses


@pytest.mark.parametrize("max_pdu", [128, 16384, 0])
def test_instances_come_back_over_the_same_association(node: FakeNode, max_pdu: int) -> None:
    node.archive.held = [held_instance(n) for n in range(5)]
    with node.peer() as peer:
        peer.associate((STUDY_GET, [IMPLICIT]), STORE, roles=TAKES_CT, max_pdu=max_pdu)
        instances, responses = _get(peer)
        peer.release()

    assert [each.data for each in instances] == [each.digest.encode() * 10 for each in node.archive.held]
    assert [each.command.sop_instance_uid for each in instances] == [h.key.instance for h in node.archive.held]
    assert {each.command.context_id for each in instances} == {3}
    first, last = responses[0].command, responses[-1].command
    assert (first.status, first.elements[0x1020]) == (0xFF00, b"\5\0")
    assert (last.status, last.elements[0x1021], last.elements[0x1022]) == (0, b"\5\0", b"\0\0")
    assert 0x1020 not in last.elements
    assert responses[-1].data == b""


def test_each_instance_goes_on_the_context_of_its_own_syntax(node: FakeNode) -> None:
    node.archive.held = [
        held_instance(1),
        held_instance(2, transfer_syntax=JPEG_LOSSLESS),
        held_instance(3, transfer_syntax="1.2.840.10008.1.2.2"),
        held_instance(4, transfer_syntax="1.2.840.10008.1.2.4.102"),
        held_instance(5, sop_class_uid="1.2.840.10008.5.1.4.1.1.4"),
    ]
    contexts = [(STUDY_GET, [IMPLICIT]), (CT, [IMPLICIT]), (CT, [EXPLICIT]), (CT, [JPEG_LOSSLESS])]
    with node.peer() as peer:
        peer.associate(*contexts, roles=TAKES_CT)
        instances, responses = _get(peer)
        peer.release()

    assert [each.command.context_id for each in instances] == [5, 7, 5]
    final = responses[-1]
    assert final.command.status == 0xB000
    assert (final.command.elements[0x1021], final.command.elements[0x1022]) == (b"\3\0", b"\2\0")
    assert list(decoded(final.data).FailedSOPInstanceUIDList) == ["1.2.3.1.4", "1.2.3.1.5"]


@pytest.mark.parametrize(
    ("answered", "final", "count"), [(0xB000, 0xB000, 0x1023), (0xA700, 0xA702, 0x1022), (0, 0, 0x1021)]
)
def test_what_the_peer_answers_is_counted(node: FakeNode, answered: int, final: int, count: int) -> None:
    node.archive.held = [held_instance(1), held_instance(2)]
    with node.peer() as peer:
        peer.associate((STUDY_GET, [IMPLICIT]), STORE, roles=TAKES_CT)
        _instances, responses = _get(peer, status=answered)
        peer.release()

    assert responses[-1].command.status == final
    assert responses[-1].command.elements[count] == b"\2\0"


def test_nothing_matched_is_success(node: FakeNode) -> None:
    with node.peer() as peer:
        peer.associate((STUDY_GET, [IMPLICIT]), STORE, roles=TAKES_CT)
        instances, responses = _get(peer)
        peer.release()

    assert not instances
    assert responses[-1].command.status == 0
    assert responses[-1].command.elements[0x1021] == b"\0\0"


def test_a_retrieve_can_be_cancelled_while_an_instance_is_answered(node: FakeNode) -> None:
    node.archive.held = [held_instance(n) for n in range(4)]
    with node.peer() as peer:
        peer.associate((STUDY_GET, [IMPLICIT]), STORE, roles=TAKES_CT)
        peer.send(message(1, GET, STUDY))
        while (received := peer.read_message()).command.is_response:
            pass
        peer.send(message(1, cancel(5)), message(3, store_response(received.command)))
        while (final := peer.read_message()).command.status == 0xFF00:
            pass
        peer.release()

    assert final.command.status == 0xFE00
    assert (final.command.elements[0x1020], final.command.elements[0x1021]) == (b"\3\0", b"\1\0")


def test_damage_found_half_way_aborts_what_cannot_be_taken_back(node: FakeNode) -> None:
    def damaged(_held: object) -> Iterator[bytes]:
        yield bytes(100000)
        raise Damaged("blob 1234 does not give its digest")

    node.archive.held, node.archive.data = [held_instance(1)], damaged
    with node.peer() as peer:
        peer.associate((STUDY_GET, [IMPLICIT]), STORE, roles=TAKES_CT)
        peer.send(message(1, GET, STUDY))
        kind = PduType.DATA
        while kind == PduType.DATA:
            kind, body = peer.read_pdu()

        assert (kind, tuple(body[2:4])) == (PduType.ABORT, (0, 0))


MOVE = command_set(STUDY_MOVE, 0x21, message_id=9, x0600=b"DEST")


def _move(peer: RawPeer) -> list[Message]:
    peer.associate((STUDY_MOVE, [IMPLICIT]), calling="CONSOLE")
    peer.send(message(1, MOVE, STUDY))
    responses = [peer.read_message()]
    while responses[-1].command.status == 0xFF00:
        responses.append(peer.read_message())
    return responses


def test_an_unknown_destination_is_refused(node: FakeNode) -> None:
    with node.peer() as peer:
        (answer,) = _move(peer)
        peer.release()

    assert answer.command.status == 0xA801


def test_instances_go_to_the_destination_and_name_their_originator(node: FakeNode) -> None:
    with fake_node(ae_title="DEST") as destination:
        node.archive.registered = {"DEST": Peer("DEST", *destination.address)}
        node.archive.held = [held_instance(1), held_instance(2, transfer_syntax=JPEG_LOSSLESS)]
        with node.peer() as peer:
            responses = _move(peer)
            peer.release()

    assert [each[2] for each in destination.archive.arrived] == [h.digest.encode() * 10 for h in node.archive.held]
    assert [each[1].transfer_syntax for each in destination.archive.arrived] == [EXPLICIT, JPEG_LOSSLESS]
    assert destination.archive.arrived[0][0].name == "VNA@127.0.0.1"
    assert responses[-1].command.status == 0
    assert responses[-1].command.elements[0x1021] == b"\2\0"


def test_a_destination_that_is_not_there_fails_every_instance(node: FakeNode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    node.archive.registered = {"DEST": Peer("DEST", "127.0.0.1", nobody)}
    node.archive.held = [held_instance(1), held_instance(2)]
    with node.peer() as peer:
        final = _move(peer)[-1]
        peer.release()

    assert final.command.status == 0xA702
    assert final.command.elements[0x1022] == b"\2\0"
    assert b"cannot be reached" in final.command.elements[0x0902]
    assert list(decoded(final.data).FailedSOPInstanceUIDList) == ["1.2.3.1.1", "1.2.3.1.2"]


def test_a_destination_lost_half_way_fails_the_rest(node: FakeNode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        node.archive.registered = {"DEST": Peer("DEST", *listener.getsockname())}
        node.archive.held = [held_instance(n) for n in range(1, 4)]
        dropping = threading.Thread(target=_accept_one_instance, args=(listener,))
        dropping.start()
        with node.peer() as peer:
            final = _move(peer)[-1]
            peer.release()
        dropping.join(5)

    assert final.command.status == 0xB000
    assert (final.command.elements[0x1021], final.command.elements[0x1022]) == (b"\1\0", b"\2\0")


def _accept_one_instance(listener: socket.socket) -> None:
    """Be a destination that answers one instance and is gone."""
    with RawPeer(listener.accept()[0]) as from_vna:
        listener.close()
        assert from_vna.read_pdu()[0] == PduType.ASSOCIATE_RQ
        accept = AssociateAccept("DEST", "VNA", (AnsweredContext(1, 0, EXPLICIT),), UserInformation())
        from_vna.send(accept.encode())
        received = from_vna.read_message()
        assert received.command.elements[0x1030].strip() == b"CONSOLE"
        assert received.command.elements[0x1031] == b"\x09\0"
        from_vna.send(message(received.command.context_id, store_response(received.command)))


def test_a_damaged_instance_fails_alone_and_the_rest_is_moved(node: FakeNode) -> None:
    with fake_node(ae_title="DEST") as destination:

        def data(held: object) -> Iterator[bytes]:
            yield bytes(70000)
            if held == node.archive.held[1]:
                raise Damaged("blob 1234 does not give its digest")

        node.archive.registered = {"DEST": Peer("DEST", *destination.address)}
        node.archive.held, node.archive.data = [held_instance(n) for n in range(1, 4)], data
        with node.peer() as peer:
            final = _move(peer)[-1]
            peer.release()

    assert final.command.status == 0xB000
    assert decoded(final.data).FailedSOPInstanceUIDList == "1.2.3.1.2"
    assert [each[2] for each in destination.archive.arrived] == [bytes(70000)] * 2
