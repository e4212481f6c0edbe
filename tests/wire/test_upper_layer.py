"""The upper layer and C-STORE over real sockets: what is aborted, rejected, refused or answered, and how it ends."""

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_node import ECHO, NODE, STORE, TAKES_CT, FakeNode, fake_node, store_command
from raw_peer import CT, EXPLICIT, IMPLICIT, VERIFICATION, command_set, message, pdv, request
from vna.dimse import echo_peer
from vna.dimse.pdu import PDU_HEADER, RELEASE_RQ, AbortReason, AbortSource, PduType, abort
from vna.errors import CannotUnderstand
from vna.model import Outcome, Peer, Source


@pytest.fixture
def node() -> Iterator[FakeNode]:
    """A node that must still be alive after each test."""
    with fake_node() as running:
        yield running
        running.assert_alive()


def test_echo_answers_success(node: FakeNode) -> None:
    host, port = node.address

    assert echo_peer(Peer("VNA", host, port), calling_ae_title="TEST", timeout_s=5) is None


def test_echo_tells_why_it_failed(node: FakeNode) -> None:
    host, port = node.address

    rejected = echo_peer(Peer("NOT-US", host, port), calling_ae_title="TEST", timeout_s=5)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    unreachable = echo_peer(Peer("VNA", host, nobody), calling_ae_title="TEST", timeout_s=5)

    assert rejected is not None
    assert "called AE title not recognized" in rejected
    assert unreachable is not None
    assert "refused" in unreachable


def test_a_wrong_called_ae_title_is_rejected(node: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), node.peer() as peer:
        peer.send(request(STORE, called="NOBODY"))

        assert peer.read_pdu() == (PduType.ASSOCIATE_RJ, bytes((0, 1, 1, 7)))
        peer.expect_abort_or_end(None)

    assert "no AE title of this node was called" in caplog.text


@pytest.mark.parametrize(
    ("first", "source_and_reason"),
    [
        (pdv(1, 3, ECHO), (0, 0)),
        (RELEASE_RQ, (0, 0)),
        (PDU_HEADER.pack(9, 0), (0, 0)),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", (0, 0)),
        (PDU_HEADER.pack(PduType.ASSOCIATE_RQ, 2**32 - 1), (0, 0)),
        (PDU_HEADER.pack(PduType.ASSOCIATE_RQ, 4) + b"abcd", (0, 0)),
    ],
)
def test_what_is_no_request_is_aborted(node: FakeNode, first: bytes, source_and_reason: tuple[int, int]) -> None:
    """PS3.8 table 9-10, Sta2: AA-1 is an abort by the service user."""
    with node.peer() as peer:
        peer.send(first)

        peer.expect_abort_or_end(source_and_reason)


@pytest.mark.parametrize(
    ("wrong", "source_and_reason"),
    [
        (request(STORE), (2, 2)),
        (PDU_HEADER.pack(PduType.ASSOCIATE_AC, 0), (2, 2)),
        (PDU_HEADER.pack(PduType.RELEASE_RP, 4) + bytes(4), (2, 2)),
        (PDU_HEADER.pack(0x42, 4) + bytes(4), (2, 1)),
        (PDU_HEADER.pack(PduType.DATA, NODE.max_pdu + 5000), (2, 6)),
        (PDU_HEADER.pack(PduType.DATA, 0), (2, 6)),
        (PDU_HEADER.pack(PduType.DATA, 3) + b"abc", (2, 6)),
        (PDU_HEADER.pack(PduType.DATA, 6) + (100).to_bytes(4, "big") + b"\1\3", (2, 6)),
        (PDU_HEADER.pack(PduType.DATA, 6) + (1).to_bytes(4, "big") + b"\1\3", (2, 6)),
        (pdv(9, 3, ECHO), (2, 6)),
        (pdv(1, 2, b"data without command"), (0, 0)),
        (pdv(1, 3, b"no command set"), (0, 0)),
        (pdv(1, 3, store_command()) + pdv(3, 2, b"elsewhere"), (0, 0)),
        (pdv(1, 3, store_command()) + pdv(1, 3, ECHO), (0, 0)),
        (pdv(1, 1, ECHO[:20]) + pdv(3, 3, ECHO[20:]), (0, 0)),
        (b"".join([pdv(1, 1, bytes(16000))] * 6), (0, 0)),
        (pdv(1, 3, command_set(CT, 0x8001, x0120=b"\1\0", data_set=False)), (0, 0)),
    ],
)
def test_a_breach_of_protocol_is_aborted(node: FakeNode, wrong: bytes, source_and_reason: tuple[int, int]) -> None:
    """PS3.8 table 9-10, Sta6: AA-8, an abort by the provider; by the user where DIMSE is broken."""
    with node.peer() as peer:
        peer.associate(STORE, (VERIFICATION, [IMPLICIT]))
        peer.send(wrong)

        peer.expect_abort_or_end(source_and_reason)

    assert not node.archive.arrived


def test_an_abort_of_the_peer_ends_it_without_an_answer(node: FakeNode) -> None:
    with node.peer() as peer:
        peer.associate(STORE)
        peer.send(pdv(1, 3, store_command()), abort(AbortSource.USER, AbortReason.NOT_SPECIFIED))

        peer.expect_abort_or_end(None)

    assert not node.archive.arrived


def test_nothing_requested_in_time_ends_the_connection() -> None:
    with fake_node(artim_timeout_s=0.2) as node, node.peer() as peer:
        peer.send(request(STORE)[:50])

        assert peer.socket.recv(1) == b""


def test_an_idle_association_is_ended() -> None:
    with fake_node(idle_timeout_s=0.2) as node, node.peer() as peer:
        peer.associate(STORE)

        peer.expect_abort_or_end((0, 0))


def test_one_association_too_many_is_rejected_for_now() -> None:
    with fake_node(max_associations=1) as node, node.peer() as first, node.peer() as second:
        first.associate(STORE)
        second.send(request(STORE))

        assert second.read_pdu() == (PduType.ASSOCIATE_RJ, bytes((0, 2, 3, 2)))
        second.expect_abort_or_end(None)
        first.release()


def test_a_disconnect_at_any_byte_stores_nothing(node: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
    whole = message(1, store_command(), bytes(300), step=100)
    for cut in range(0, len(whole), 7):
        with node.peer() as peer:
            peer.associate(STORE)
            peer.send(whole[:cut])
    for cut in range(0, len(request(STORE)), 11):
        with node.peer() as peer:
            peer.send(request(STORE)[:cut])
    node.assert_alive()

    assert not node.archive.arrived
    assert "Traceback" not in caplog.text


@given(st.binary(min_size=1, max_size=60), st.integers(0, 2), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_pdus_end_the_association_and_nothing_else(
    node: FakeNode, noise: bytes, where: int, data: st.DataObject
) -> None:
    good = bytearray(message(1, store_command(), bytes(200), step=64))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at : at + len(noise)] = noise
    with node.peer() as peer:
        if where:
            peer.associate(STORE)
        peer.send(bytes(good))
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.socket.recv(65536):
            pass


def test_a_data_set_arrives_as_it_was_sent(node: FakeNode) -> None:
    data = bytes(range(256)) * 2000
    with node.peer() as peer:
        peer.associate(STORE, max_pdu=0)
        for step in (100000, 16000, 252):
            peer.send(message(1, store_command(), data, step=step))
            answer = peer.read_message().command
            assert (answer.status, answer.field, answer.message_id) == (0, 0x8001, 1)
        peer.release()

    assert [each[2] for each in node.archive.arrived] == [data] * 3
    source, arrived, _data = node.archive.arrived[0]
    assert source == Source("RAW@127.0.0.1")
    assert arrived.transfer_syntax == EXPLICIT
    assert (arrived.expected.sop_class_uid, arrived.expected.sop_instance_uid) == (CT, "1.2.3.1.1")
    assert all(each.discarded for each in node.archive.incomings)


def test_many_pdvs_may_share_a_pdu(node: FakeNode) -> None:
    """PS3.8 9.3.5: a P-DATA-TF has one or more PDVs, also of two messages."""
    pdvs = message(1, store_command(), b"abcdef", step=2) + message(1, store_command(), b"ghij", step=3)
    body = b"".join(_bodies(pdvs))
    with node.peer() as peer:
        peer.associate(STORE)
        peer.send(PDU_HEADER.pack(PduType.DATA, len(body)), body)

        assert peer.read_message().command.status == 0
        assert peer.read_message().command.status == 0
        peer.release()

    assert [each[2] for each in node.archive.arrived] == [b"abcdef", b"ghij"]


def _bodies(pdus: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(pdus):
        _kind, length = PDU_HEADER.unpack_from(pdus, offset)
        offset += PDU_HEADER.size + length
        yield pdus[offset - length : offset]


def test_an_empty_data_set_goes_to_the_archive(node: FakeNode) -> None:
    node.archive.failure = CannotUnderstand("the data set is empty")
    with node.peer() as peer:
        peer.associate(STORE)
        peer.send(message(1, store_command(), b""))

        answer = peer.read_message().command
        assert answer.status == 0xC000
        assert answer.elements[0x0902].decode().strip() == "the data set is empty"
        peer.release()


@pytest.mark.parametrize(
    ("command", "status", "offending"),
    [
        (store_command(x1000=b""), 0x0117, 0x1000),
        (store_command(x1000=b"../../etc/passwd"), 0x0117, 0x1000),
        (store_command(x1000=b"1" * 65), 0x0117, 0x1000),
        (store_command(x0002=b""), 0x0115, 0x0002),
        (store_command(x0002=b"1.2.840.10008.5.1.4.1.1.4\0"), 0x0122, 0x0002),
        (store_command(x0100=b"\x30\0"), 0x0211, 0x0100),
        (store_command(x0100=b"\x00\x01"), 0x0211, 0x0100),
        (store_command(x0100=b"\x20\0"), 0x0211, 0x0100),
    ],
)
def test_an_odd_command_is_answered_and_the_association_goes_on(
    node: FakeNode, command: bytes, status: int, offending: int
) -> None:
    """PS3.7 Annex C."""
    with node.peer() as peer:
        peer.associate(STORE)
        peer.send(message(1, command, bytes(1000)))

        answer = peer.read_message().command
        assert answer.status == status
        assert answer.elements[0x0901] == b"\0\0" + offending.to_bytes(2, "little")
        peer.send(message(1, store_command(), b"ok"))
        assert peer.read_message().command.status == 0
        peer.release()


def test_a_store_without_a_data_set_is_refused(node: FakeNode) -> None:
    with node.peer() as peer:
        peer.associate(STORE)
        peer.send(message(1, command_set(CT, 1, data_set=False, x1000=b"1.2.3.4\0")))

        assert peer.read_message().command.status == 0xC000
        peer.release()


def test_a_store_needs_the_scu_role(node: FakeNode) -> None:
    with node.peer() as peer:
        peer.associate(STORE, roles=TAKES_CT)
        peer.send(message(1, store_command(), b"ab"))

        assert peer.read_message().command.status == 0x0124
        peer.release()


def test_a_full_disk_is_told_after_the_message_and_forgotten_when_there_is_room(node: FakeNode) -> None:
    node.archive.room = 40000
    with node.peer() as peer:
        peer.associate(STORE)
        peer.send(message(1, store_command(), bytes(200000)))
        full = peer.read_message().command
        node.archive.room = 10**6
        peer.send(message(1, store_command(), bytes(200000)))

        assert full.status == 0xA700
        assert b"full" in full.elements[0x0902]
        assert peer.read_message().command.status == 0
        peer.release()

    assert all(each.discarded for each in node.archive.incomings)


def test_a_bug_is_a_processing_failure_and_its_traceback_stays_here(
    node: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    node.archive.failure = RuntimeError("secret inner state")
    with caplog.at_level(logging.INFO), node.peer() as peer:
        peer.associate(STORE)
        peer.send(message(1, store_command(), b"ab"))

        answer = peer.read_message().command
        assert answer.status == 0x0110
        assert b"secret" not in answer.elements[0x0902]
        peer.release()

    assert "secret inner state" in caplog.text


def test_a_conflict_is_a_warning_where_the_peer_wants_it() -> None:
    statuses = []
    with fake_node(allow_loopback=False) as node:
        node.archive.outcome = Outcome.ASIDE
        node.archive.registered = {
            "LOUD": Peer("LOUD", "127.0.0.1", 104, issuer="H", warn_on_conflict=True),
            "QUIET": Peer("QUIET", "localhost", 104),
        }
        for calling in ("LOUD", "QUIET"):
            with node.peer() as peer:
                peer.associate(STORE, calling=calling)
                peer.send(message(1, store_command(), b"ab"))
                statuses.append(peer.read_message().command.status)
                peer.release()
        with node.peer() as peer:
            peer.send(request(STORE, calling="STRANGER"))
            rejected = peer.read_pdu()

    assert statuses == [0xB000, 0]
    assert rejected == (PduType.ASSOCIATE_RJ, bytes((0, 1, 1, 3)))
    assert [each[0].name for each in node.archive.arrived] == ["LOUD", "QUIET"]


def _threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name.startswith("dimse-")}


def test_a_stop_finishes_what_is_begun_and_ends_what_rests() -> None:
    before = _threads()
    with fake_node() as node, node.peer() as busy, node.peer() as idle:
        address = node.address
        busy.associate(STORE)
        idle.associate(STORE)
        whole = message(1, store_command(), bytes(1000))
        busy.send(whole[:500])
        stopping = threading.Thread(target=node.server.stop, args=(10,))
        stopping.start()
        assert idle.read_pdu()[0] == PduType.ABORT
        idle.socket.close()
        busy.send(whole[500:])

        assert busy.read_message().command.status == 0
        busy.release()
        stopping.join(10)
    assert not stopping.is_alive()
    assert _threads() == before
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(address)


def test_a_stop_without_patience_ends_everything_with_an_abort() -> None:
    before = _threads()
    with fake_node() as node, node.peer() as peer:
        peer.associate(STORE)
        peer.send(message(1, store_command(), bytes(1000))[:500])
        started = time.monotonic()

        node.server.stop(0)

        assert time.monotonic() - started < 4
        assert _threads() == before
        assert peer.read_pdu()[0] == PduType.ABORT
    assert not node.archive.arrived
