"""Peers that want too much, or are too slow: each limit with one that breaks it, and one beside it that is served."""

import logging
import queue
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from fake_door import FakeArchive, held_instance
from fake_node import ECHO, STORE, FakeNode, fake_node, identifier, store_command
from raw_peer import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG_LOSSLESS,
    STUDY_GET,
    VERIFICATION,
    RawPeer,
    command_set,
    message,
    pdv,
    request,
)
from vna.archive import Incoming, InFlight, Spool
from vna.dimse.associate import Roles
from vna.dimse.limits import Limit
from vna.dimse.pdu import PDU_HEADER, RELEASE_RQ, PduType
from vna.metrics.families import LIMITED
from vna.model import Peer

REJECTED_FOR_NOW = (PduType.ASSOCIATE_RJ, bytes((0, 2, 3, 2)))
"""Local limit exceeded, PS3.8 9.3.4."""
GET = (STUDY_GET, [IMPLICIT])
TAKES_CT = {CT: Roles(scu=False, scp=True)}
EVERY_S = 0.03


def reached(archive: FakeArchive) -> dict[tuple[str, str], float]:
    """Return how often which limit was reached, by (peer, limit)."""
    series = archive.metrics._board.series()
    return {each.key[1:]: each.values[0] for each in series if each.key[0] == LIMITED.name}


@contextmanager
def endings() -> Iterator["queue.Queue[str]"]:
    """Collect what is logged of associations that end, by any thread."""
    lines: queue.Queue[str] = queue.Queue()

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("association ended"):
                lines.put(record.getMessage())

    logger, handler = logging.getLogger("vna.dimse.association"), Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def drip(peer: RawPeer, data: bytes) -> None:
    """Send a byte at a time, slowly, until the node answers; it must, before the last one."""
    for byte in data:
        try:
            peer.send(bytes([byte]))
        except OSError:
            return
        if select.select([peer.socket], [], [], EVERY_S)[0]:
            return
    raise AssertionError("the node has taken it all")


def test_a_peer_with_too_many_associations_is_rejected_for_now(caplog: pytest.LogCaptureFixture) -> None:
    with fake_node(allow_loopback=False, max_associations_per_peer=3) as node, caplog.at_level(logging.WARNING):
        node.archive.registered = {name: Peer(name, "127.0.0.1", 104) for name in ("GREEDY", "MODEST")}
        with ExitStack() as open_, node.peer() as first, node.peer() as fourth, node.peer() as other:
            first.associate(STORE, calling="GREEDY")
            for _ in range(2):
                open_.enter_context(node.peer()).associate(STORE, calling="GREEDY")
            fourth.send(request(STORE, calling="GREEDY"))
            assert fourth.read_pdu() == REJECTED_FOR_NOW
            other.associate(STORE, calling="MODEST")
            other.send(message(1, store_command(), b"ab"))
            assert other.read_message().command.status == 0
            first.send(RELEASE_RQ)
            assert first.read_pdu()[0] == PduType.RELEASE_RP
            open_.enter_context(node.peer()).associate(STORE, calling="GREEDY")
        assert reached(node.archive) == {("GREEDY", Limit.ASSOCIATIONS): 1}

    assert "3 associations of this peer are open" in caplog.text


def test_names_that_are_made_up_share_the_limit_of_their_address() -> None:
    with fake_node(max_associations_per_peer=2) as node:
        with node.peer() as one, node.peer() as two, node.peer() as three:
            one.associate(STORE, calling="A")
            two.associate(STORE, calling="B")
            three.send(request(STORE, calling="C"))
            assert three.read_pdu() == REJECTED_FOR_NOW
        assert reached(node.archive) == {("unregistered", Limit.ASSOCIATIONS): 1}


def test_who_may_not_in_anyway_is_told_so_and_not_to_come_again() -> None:
    with fake_node(max_associations=1) as node, node.peer() as one, node.peer() as two:
        one.associate(STORE)
        two.send(request(STORE, called="NOBODY"))

        assert two.read_pdu() == (PduType.ASSOCIATE_RJ, bytes((0, 1, 1, 7)))


def test_connections_that_say_nothing_keep_out_their_own_address_only() -> None:
    with fake_node(max_associations_per_peer=2) as node:
        with node.peer(), node.peer(), node.peer() as third:
            assert third.socket.recv(1) == b""
            with RawPeer(socket.create_connection(node.address, source_address=("127.0.0.2", 0))) as other:
                other.associate((VERIFICATION, [IMPLICIT]))
                other.send(message(1, ECHO))
                assert other.read_message().command.status == 0
        assert reached(node.archive)["unregistered", Limit.CONNECTIONS] == 1


def test_a_request_that_drips_is_ended_in_time() -> None:
    """ARTIM counts from the connection on, however many bytes come (PS3.8 9.1.5)."""
    with fake_node(artim_timeout_s=0.4) as node, endings() as ended, node.peer() as peer:
        drip(peer, request(STORE))

        assert "ARTIM" in ended.get(timeout=10)
        assert reached(node.archive) == {("unregistered", Limit.ARTIM): 1}


WHOLE = message(1, store_command(), bytes(2000), step=500)
COMMAND = pdv(1, 1, store_command()[:50])


@pytest.mark.parametrize(
    ("first", "dripped"),
    [
        pytest.param(WHOLE[:1], WHOLE[1:], id="header"),
        pytest.param(WHOLE[:20], WHOLE[20:], id="command"),
        pytest.param(COMMAND, PDU_HEADER.pack(PduType.DATA, 1000) + bytes(1000), id="next-fragment"),
        pytest.param(WHOLE[:300], WHOLE[300:], id="data-set"),
        pytest.param(pdv(1, 3, store_command()), WHOLE, id="between-command-and-data-set"),
    ],
)
def test_a_message_that_drips_is_aborted(first: bytes, dripped: bytes) -> None:
    with fake_node(min_bytes_per_s=2000, min_rate_window_s=0.3, idle_timeout_s=60) as node:
        with node.peer() as peer, endings() as ended:
            peer.associate(STORE)
            peer.send(first)
            drip(peer, dripped)

            assert peer.read_pdu() == (PduType.ABORT, bytes(4))
            assert "least rate" in ended.get(timeout=10)
            node.assert_alive()
        assert reached(node.archive) == {("unregistered", Limit.RATE): 1}
        assert not node.archive.arrived


def test_silence_within_a_message_is_shorter_than_between_two() -> None:
    slow = fake_node(min_bytes_per_s=1, min_rate_window_s=0.2, idle_timeout_s=60)
    with slow as node, node.peer() as silent, node.peer() as resting:
        resting.associate((VERIFICATION, [IMPLICIT]))
        silent.associate(STORE)
        silent.send(WHOLE[:400])
        assert silent.read_pdu() == (PduType.ABORT, bytes(4))
        resting.send(message(1, ECHO))
        assert resting.read_message().command.status == 0


def test_a_slow_line_is_no_offence() -> None:
    """Twice the least rate, for several windows."""
    with fake_node(min_bytes_per_s=8_000, min_rate_window_s=0.2) as node, node.peer() as peer:
        peer.associate(STORE)
        whole = message(1, store_command(), bytes(16_000), step=4000)
        started = time.monotonic()
        for at in range(0, len(whole), 800):
            peer.send(whole[at : at + 800])
            due = started + (at + 800) / 16_000
            assert not select.select([peer.socket], [], [], max(0, due - time.monotonic()))[0] or at + 800 >= len(whole)

        assert peer.read_message().command.status == 0


def large(_held: object) -> Iterator[bytes]:
    """Give out 64 MB, more than any socket takes in."""
    return iter([bytes(1 << 20)] * 64)


def ask_for_all(node: FakeNode) -> RawPeer:
    """Have the node send something large to a peer with a small buffer."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.connect(node.address)
    peer = RawPeer(sock)
    peer.associate(GET, (CT, [EXPLICIT]), roles=TAKES_CT, max_pdu=0)
    study = identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
    peer.send(message(1, command_set(STUDY_GET, 0x10, x0700=b"\0\0"), study))
    return peer


@pytest.mark.parametrize(
    ("step", "least", "reason"),
    [
        pytest.param(0, 1000, "took nothing", id="nothing"),
        pytest.param(4000, 2_000_000, "least rate", id="too-little"),
    ],
)
def test_a_peer_that_does_not_read_its_answers_is_given_up(step: int, least: int, reason: str) -> None:
    with fake_node(min_bytes_per_s=least, min_rate_window_s=0.3, idle_timeout_s=60) as node, endings() as ended:
        node.archive.held, node.archive.data = [held_instance(1)], large
        with ask_for_all(node) as peer:
            line = None
            while line is None:
                if step:
                    assert peer.socket.recv(step)
                try:
                    line = ended.get(timeout=EVERY_S if step else 10)
                except queue.Empty:
                    continue
            assert reason in line
            node.assert_alive()
        assert reached(node.archive) == {("unregistered", Limit.RATE): 1}


def test_a_peer_that_reads_slowly_is_served() -> None:
    with fake_node(min_bytes_per_s=100_000, min_rate_window_s=0.2, idle_timeout_s=60) as node:
        node.archive.held, node.archive.data = [held_instance(1)], lambda _held: iter([bytes(1 << 20)] * 8)
        with ask_for_all(node) as peer:
            began, got = time.monotonic(), 0
            while time.monotonic() < began + 1.2:
                got += len(peer.socket.recv(20_000))
                select.select([], [], [], EVERY_S)
            assert got > 200_000
            peer.socket.settimeout(10)
            while got < 8 << 20:
                got += len(peer.socket.recv(1 << 20))
        assert reached(node.archive) == {}


def test_an_association_request_has_so_many_items() -> None:
    with fake_node() as node:
        with node.peer() as peer:
            peer.send(request((CT, [EXPLICIT] * 1100)))
            peer.expect_abort_or_end((0, 0))
        node.assert_alive()


def test_empty_fragments_of_a_command_come_to_an_end() -> None:
    with fake_node() as node, endings() as ended:
        with node.peer() as peer:
            peer.associate(STORE)
            with suppress(OSError):  # it is aborted before the last one
                peer.send(pdv(1, 1, b"") * 20_000)

            assert "a command set of more than" in ended.get(timeout=10)
        node.assert_alive()


def test_verification_has_no_use_for_compression() -> None:
    with fake_node() as node, node.peer() as peer:
        accepted = peer.associate((VERIFICATION, [JPEG_LOSSLESS]), (VERIFICATION, [JPEG_LOSSLESS, IMPLICIT]))

        assert [each.result for each in accepted.contexts] == [4, 0]
        assert accepted.contexts[1].transfer_syntax == IMPLICIT


class SpooledArchive(FakeArchive):
    """A door behind which data sets lie in a real spool while they arrive."""

    spool: Spool

    def incoming(self, source: str | None = None) -> Incoming:
        return self.spool.incoming(source)


class WatchedInFlight(InFlight):
    """Says when the third megabyte has been taken."""

    def __init__(self, most_bytes: int, *, most_of_source: int) -> None:
        super().__init__(most_bytes, most_of_source=most_of_source)
        self.taken, self.three = 0, threading.Event()

    def take(self, source: str, size: int) -> None:
        super().take(source, size)
        self.taken += size
        if self.taken >= 3 << 20:
            self.three.set()


def test_a_peer_cannot_fill_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PS3.4 B.2.3: A700, out of resources, after the last byte; the others go on."""
    monkeypatch.setattr("fake_node.FakeArchive", SpooledArchive)
    with fake_node(allow_loopback=False) as node:
        node.archive.registered = {name: Peer(name, "127.0.0.1", 104) for name in ("GREEDY", "MODEST")}
        in_flight = WatchedInFlight(6 << 20, most_of_source=4 << 20)
        node.archive.spool = Spool(tmp_path, in_flight=in_flight)
        whole = message(1, store_command(), bytes(3 << 20))
        with node.peer() as slow, node.peer() as greedy, node.peer() as modest:
            slow.associate(STORE, calling="GREEDY")
            slow.send(whole[:-20])
            assert in_flight.three.wait(10)
            greedy.associate(STORE, calling="GREEDY")
            modest.associate(STORE, calling="MODEST")
            statuses = []
            for peer in (greedy, modest, greedy, modest):
                peer.send(whole)
                statuses.append(peer.read_message().command.status)
            assert statuses == [0xA700, 0, 0xA700, 0]
            slow.send(whole[-20:])
            assert slow.read_message().command.status == 0
            greedy.send(whole)
            assert greedy.read_message().command.status == 0
        assert list(tmp_path.iterdir()) == []
