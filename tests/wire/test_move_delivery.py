"""C-MOVE to destinations of every temper: several associations, retries, stand-stills, cancels, limits."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from destinations import Destination, Visit
from fake_door import held_instance
from fake_node import FakeNode, decoded, fake_node, identifier
from raw_peer import IMPLICIT, STUDY_MOVE, Message, RawPeer, cancel, command_set, message
from vna.archive import HeldInstance
from vna.dimse.pdu import LOCAL_LIMIT_EXCEEDED, TEMPORARY_CONGESTION, Rejection
from vna.model import Peer

STUDY = identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
MANY = [held_instance(n) for n in range(1, 201)]
FEW = MANY[:6]
COMPLETED, FAILED, REMAINING = 0x1021, 0x1022, 0x1020


@contextmanager
def moving(behave: Callable[[Visit], None], **settings: object) -> Iterator[tuple[FakeNode, Destination]]:
    """Run a node and a destination it knows as DEST; the node must still be alive afterwards."""
    buffer = int(str(settings.pop("receive_buffer", 0)))
    with Destination(behave, receive_buffer=buffer) as destination, fake_node(**settings) as node:
        node.archive.registered = {"DEST": destination.peer}
        yield node, destination
        node.assert_alive()


def begin(peer: RawPeer, *, destination: bytes = b"DEST") -> None:
    """Send a C-MOVE-RQ with Message ID 9 on a new association."""
    peer.associate((STUDY_MOVE, [IMPLICIT]), calling="CONSOLE")
    request = command_set(STUDY_MOVE, 0x21, message_id=9, x0600=destination)
    peer.send(message(1, request, STUDY))


def final(peer: RawPeer) -> Message:
    """Read responses until the last one, checking that the counts of each add up."""
    total = None
    while (answer := peer.read_message()).command.status == 0xFF00:
        counts = sum(number(answer, element) for element in (REMAINING, COMPLETED, FAILED, 0x1023))
        total = counts if total is None else total
        assert counts == total
    return answer


def number(answer: Message, element: int) -> int:
    """Return one of the counts of a response."""
    return int.from_bytes(answer.command.elements.get(element, b""), "little")


def move(node: FakeNode, instances: Sequence[HeldInstance]) -> Message:
    """Move instances to DEST and return the final response."""
    node.archive.held = list(instances)
    with node.peer() as peer:
        begin(peer)
        answer = final(peer)
        peer.release()
    return answer


def uids(instances: Sequence[HeldInstance]) -> list[str]:
    """Return their SOP Instance UIDs."""
    return [held.key.instance for held in instances]


def _serve(visit: Visit) -> None:
    visit.accept()
    visit.serve()


def test_much_goes_over_several_associations_each_in_order() -> None:
    together = threading.Barrier(4)

    def behave(visit: Visit) -> None:
        visit.accept()
        received = visit.take()
        together.wait(10)
        visit.answer(received)
        visit.serve()

    with moving(behave) as (node, destination):
        answer = move(node, MANY)

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 200)
    assert len(destination.visits) == 4
    assert [visit.ending for visit in destination.visits] == ["released"] * 4
    assert sorted(destination.received) == sorted(uids(MANY))
    order = {uid: place for place, uid in enumerate(uids(MANY))}
    for visit in destination.visits:
        places = [order[uid] for uid in visit.received]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("instances", "settings"), [(FEW, {}), (MANY, {"move_associations": 1})], ids=["little to send", "by setting"]
)
def test_one_association_is_enough(instances: list[HeldInstance], settings: dict[str, object]) -> None:
    with moving(_serve, **settings) as (node, destination):
        move(node, instances)

    (visit,) = destination.visits
    assert visit.received == uids(instances)


@pytest.mark.parametrize("rejection", [LOCAL_LIMIT_EXCEEDED, TEMPORARY_CONGESTION, Rejection(1, 1, 1)], ids=str)
def test_a_destination_that_refuses_further_associations_gets_all_over_the_first(rejection: Rejection) -> None:
    refused = threading.Semaphore(0)

    def behave(visit: Visit) -> None:
        if visit.number:
            visit.reject(rejection)
            refused.release()
            return
        visit.accept()
        received = visit.take()
        for _ in range(3):
            assert refused.acquire(timeout=10)
        visit.answer(received)
        visit.serve()

    with moving(behave) as (node, destination):
        answer = move(node, MANY)

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 200)
    assert destination.received == uids(MANY)


def test_a_destination_that_serves_one_association_at_a_time_delays_nothing() -> None:
    """As DCMTK's storescp, which accepts the next association when the one before has ended."""

    def behave(visit: Visit) -> None:
        if visit.number:
            visit.pause(20)
        _serve(visit)

    with moving(behave, artim_timeout_s=30) as (node, _):
        started = time.monotonic()
        answer = move(node, MANY)

        assert time.monotonic() - started < 10
    assert (answer.command.status, number(answer, COMPLETED)) == (0, 200)


def test_an_association_that_is_accepted_otherwise_is_not_used() -> None:
    others = threading.Semaphore(0)

    def behave(visit: Visit) -> None:
        if visit.number == 0:
            visit.accept()
            received = visit.take()
            for _ in range(3):
                assert others.acquire(timeout=10)
            visit.answer(received)
            visit.serve()
        visit.accept(only=IMPLICIT)
        others.release()
        visit.serve()

    with moving(behave) as (node, destination):
        answer = move(node, MANY)

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 200)
    assert len(destination.visits[0].received) == 200


def test_an_association_lost_half_way_is_replaced_and_nothing_is_lost() -> None:
    def behave(visit: Visit) -> None:
        visit.accept()
        for _ in range(2):
            visit.answer(visit.take())
        visit.take()
        visit.abort()

    with moving(behave) as (node, destination):
        answer = move(node, FEW)

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 6)
    assert set(destination.received) == set(uids(FEW))


@pytest.mark.parametrize("each_takes", [1, 2])
def test_a_destination_that_ends_every_association_early_gets_everything(
    each_takes: int, caplog: pytest.LogCaptureFixture
) -> None:
    """An association that was of use is replaced at once; only what was lost with it waits for a retry."""

    def behave(visit: Visit) -> None:
        visit.accept()
        for _ in range(each_takes):
            visit.answer(visit.take())
        visit.abort()

    with moving(behave, move_retries=1, move_associations=1) as (node, destination):
        answer = move(node, MANY[:33])

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 33)
    assert sorted(destination.received) == sorted(uids(MANY[:33]))
    assert caplog.text.count("move tried again") <= 8


def test_a_destination_that_is_started_while_it_is_asked_for_gets_everything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host, port = closed.getsockname()
    with fake_node(move_retries=8) as node, node.peer() as peer:
        node.archive.registered = {"DEST": Peer("DEST", host, port)}
        node.archive.held = FEW
        begin(peer)
        assert peer.read_message().command.status == 0xFF00
        with fake_node(ae_title="DEST", host=host, port=port) as destination:
            answer = final(peer)
            assert len(destination.archive.arrived) == 6

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 6)


def test_what_a_full_destination_refuses_is_tried_again() -> None:
    """PS3.4 B.2.3: A7xx, out of resources."""
    seen: set[str] = set()

    def status_of(uid: str) -> int:
        full = uid not in seen and len(seen) < 3
        seen.add(uid)
        return 0xA700 if full else 0

    def behave(visit: Visit) -> None:
        visit.accept()
        visit.serve(status_of)

    with moving(behave) as (node, destination):
        answer = move(node, FEW)

    assert (answer.command.status, number(answer, COMPLETED), number(answer, FAILED)) == (0, 6, 0)
    assert destination.received == uids(FEW) + uids(FEW)[:3]
    assert len(destination.visits) == 2


@pytest.mark.parametrize(
    ("status", "tries"), [(0xA700, 3), (0xA7FF, 3), (0x0213, 3), (0xA900, 1), (0xC001, 1), (0x0122, 1), (0x0110, 1)]
)
def test_only_what_may_pass_is_tried_again_and_a_bounded_number_of_times(status: int, tries: int) -> None:
    def behave(visit: Visit) -> None:
        visit.accept()
        visit.serve(lambda uid: status if uid == uids(FEW)[1] else 0)

    with moving(behave) as (node, destination):
        answer = move(node, FEW)

    assert destination.received.count(uids(FEW)[1]) == tries
    assert len(destination.received) == 5 + tries
    assert (answer.command.status, number(answer, COMPLETED), number(answer, FAILED)) == (0xB000, 5, 1)
    assert decoded(answer.data).FailedSOPInstanceUIDList == uids(FEW)[1]
    assert f"{status:04X}".encode() in answer.command.elements[0x0902]


@pytest.mark.parametrize(("place", "tries"), [(0, 4), (3, 3), (5, 3)])
def test_the_one_instance_that_a_destination_dies_of_fails_alone(place: int, tries: int) -> None:
    """A loss after something was delivered may be chance and is not held against the instance."""
    deadly = uids(FEW)[place]

    def behave(visit: Visit) -> None:
        visit.accept()
        while True:
            received = visit.take()
            if visit.received[-1] == deadly:
                visit.abort()
                return
            visit.answer(received)

    with moving(behave) as (node, destination):
        answer = move(node, FEW)

    assert (answer.command.status, number(answer, COMPLETED), number(answer, FAILED)) == (0xB000, 5, 1)
    assert decoded(answer.data).FailedSOPInstanceUIDList == deadly
    assert destination.received.count(deadly) == tries


@pytest.mark.parametrize(
    ("rejection", "tries"), [(TEMPORARY_CONGESTION, 3), (LOCAL_LIMIT_EXCEEDED, 3), (Rejection(1, 1, 7), 1)], ids=str
)
def test_a_rejection_for_now_is_tried_again_a_permanent_one_is_not(rejection: Rejection, tries: int) -> None:
    with moving(lambda visit: visit.reject(rejection)) as (node, destination):
        answer = move(node, FEW)

    assert len(destination.visits) == tries
    assert (answer.command.status, number(answer, FAILED)) == (0xA702, 6)
    assert b"rejected" in answer.command.elements[0x0902]


def test_a_destination_that_never_answers_is_given_up_and_the_move_ends() -> None:
    def behave(visit: Visit) -> None:
        visit.accept()
        visit.take()
        visit.pause(10)

    with moving(behave, move_stall_s=0.2, move_retries=1) as (node, destination):
        answer = move(node, FEW)
        destination.wait_until_left()

    assert (answer.command.status, number(answer, FAILED)) == (0xA702, 6)
    assert b"stood still for 0.2 s" in answer.command.elements[0x0902]
    assert [visit.ending for visit in destination.visits] == ["closed"] * 2


def test_a_destination_that_reads_a_byte_now_and_then_is_given_up() -> None:
    def behave(visit: Visit) -> None:
        visit.accept()
        visit.drip()

    with moving(behave, move_stall_s=0.3, move_retries=0, receive_buffer=4096) as (node, _):
        node.archive.data = lambda _held: iter([bytes(1 << 20)] * 8)
        answer = move(node, FEW)

    assert (answer.command.status, number(answer, FAILED)) == (0xA702, 6)
    assert b"stood still" in answer.command.elements[0x0902]


def test_a_slow_destination_is_waited_for() -> None:
    def behave(visit: Visit) -> None:
        visit.accept()
        while True:
            received = visit.take()
            visit.pause(0.15)
            visit.answer(received)

    with moving(behave, move_stall_s=0.5, move_retries=0) as (node, _):
        answer = move(node, FEW)

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 6)


def test_an_instance_that_goes_out_slowly_but_steadily_is_waited_for() -> None:
    def behave(visit: Visit) -> None:
        visit.accept()
        visit.pause_per_pdu_s = 0.01
        visit.serve()

    with moving(behave, move_stall_s=0.3, move_retries=0, receive_buffer=16384) as (node, _):
        node.archive.data = lambda _held: iter([bytes(1 << 20)] * 2)
        answer = move(node, FEW[:1])

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 1)


def test_our_own_slowness_is_not_held_against_the_destination() -> None:
    slow = threading.Event()

    def data(_held: object) -> Iterator[bytes]:
        yield bytes(1000)
        slow.wait(0.4)
        yield bytes(1000)

    with moving(_serve, move_stall_s=0.1, move_retries=0) as (node, _):
        node.archive.data = data
        answer = move(node, FEW[:2])

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 2)


def test_one_association_that_stands_still_does_not_hold_the_others() -> None:
    def behave(visit: Visit) -> None:
        visit.accept()
        if visit.number == 1:
            visit.take()
            visit.pause(10)
        visit.serve()

    with moving(behave, move_stall_s=0.3) as (node, destination):
        answer = move(node, MANY)

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 200)
    assert sorted(destination.received) == sorted([*uids(MANY), *destination.visits[1].received])


def test_a_cancel_is_honoured_while_the_destination_stands_still() -> None:
    stuck = threading.Semaphore(0)

    def behave(visit: Visit) -> None:
        visit.accept()
        visit.answer(visit.take())
        visit.take()
        stuck.release()
        visit.pause(10)

    with moving(behave) as (node, destination), node.peer() as peer:
        node.archive.held = MANY
        begin(peer)
        for _ in range(4):
            assert stuck.acquire(timeout=10)
        started = time.monotonic()
        peer.send(message(1, cancel(9)))
        answer = final(peer)
        peer.release()
        destination.wait_until_left()

        assert time.monotonic() - started < 4
    assert answer.command.status == 0xFE00
    assert (number(answer, COMPLETED), number(answer, REMAINING), number(answer, FAILED)) == (4, 196, 0)


def test_a_cancel_ends_all_associations_after_the_instance_each_is_at() -> None:
    at_it = threading.Semaphore(0)

    def behave(visit: Visit) -> None:
        visit.accept()
        while True:
            received = visit.take()
            at_it.release()
            visit.pause(0.02)
            visit.answer(received)

    with moving(behave) as (node, destination), node.peer() as peer:
        node.archive.held = MANY
        begin(peer)
        for _ in range(8):
            assert at_it.acquire(timeout=10)
        peer.send(message(1, cancel(9)))
        answer = final(peer)
        peer.release()
        destination.wait_until_left()

    assert answer.command.status == 0xFE00
    assert number(answer, COMPLETED) == len(destination.received) < 200
    assert number(answer, COMPLETED) + number(answer, REMAINING) == 200
    assert [visit.ending for visit in destination.visits] == ["released"] * 4


def test_a_cancel_is_honoured_in_the_pause_before_a_retry() -> None:
    refused = threading.Event()

    def behave(visit: Visit) -> None:
        visit.reject(TEMPORARY_CONGESTION)
        refused.set()

    with moving(behave, move_retry_pause_s=60) as (node, _), node.peer() as peer:
        node.archive.held = FEW
        begin(peer)
        assert refused.wait(10)
        peer.send(message(1, cancel(9)))
        answer = final(peer)
        peer.release()

    assert (answer.command.status, number(answer, REMAINING)) == (0xFE00, 6)


def test_a_requestor_that_is_gone_ends_all_associations() -> None:
    at_it = threading.Semaphore(0)

    def behave(visit: Visit) -> None:
        visit.accept()
        visit.take()
        at_it.release()
        visit.pause(10)

    with moving(behave) as (node, destination):
        node.archive.held = MANY
        with node.peer() as peer:
            begin(peer)
            for _ in range(4):
                assert at_it.acquire(timeout=10)
        left_at = time.monotonic()
        destination.wait_until_left()

        assert time.monotonic() - left_at < 4

    assert [visit.ending for visit in destination.visits] == ["closed"] * 4


def test_pending_responses_go_on_while_the_destination_takes_its_time() -> None:
    enough = threading.Event()

    def behave(visit: Visit) -> None:
        visit.accept()
        received = visit.take()
        assert enough.wait(10)
        visit.answer(received)
        visit.serve()

    with moving(behave) as (node, _), node.peer() as peer:
        node.archive.held = FEW
        begin(peer)
        pending = [peer.read_message().command.status for _ in range(3)]
        enough.set()
        answer = final(peer)
        peer.release()

    assert pending == [0xFF00] * 3
    assert answer.command.status == 0


def test_more_classes_than_an_association_has_contexts_go_over_several() -> None:
    """PS3.8 9.3.2.2: odd IDs from 1 to 255."""
    classes = [held_instance(n, sop_class_uid=f"1.2.3.4.{n % 150}") for n in range(300)]

    with moving(_serve) as (node, destination):
        answer = move(node, classes)

    assert (answer.command.status, number(answer, COMPLETED)) == (0, 300)
    assert sorted(destination.received) == sorted(uids(classes))


@pytest.mark.parametrize(
    ("announced", "registered", "longest"), [(64, 0, 64), (0, 4096, 4096), (16384, 128, 128), (1024, 4096, 1024)]
)
def test_no_pdu_is_longer_than_the_destination_takes_or_was_registered_with(
    announced: int, registered: int, longest: int
) -> None:
    """PS3.8 D.1; a peer can be registered with less than it announces."""

    def behave(visit: Visit) -> None:
        visit.accept(max_pdu=announced)
        visit.serve()

    with moving(behave) as (node, destination):
        host, port = destination.peer.host, destination.peer.port
        node.archive.registered = {"DEST": Peer("DEST", host, port, max_pdu=registered)}
        node.archive.data = lambda _held: iter([bytes(6000)])
        answer = move(node, FEW)

    assert number(answer, COMPLETED) == 6
    assert longest - 1 <= destination.visits[0].longest_pdu <= longest


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_host_that_is_not_known_fails_at_once(host: str) -> None:
    with fake_node(move_retry_pause_s=60) as node:
        node.archive.registered = {"DEST": Peer("DEST", host, 104)}
        answer = move(node, FEW)

    assert (answer.command.status, number(answer, FAILED)) == (0xA702, 6)
    assert b"cannot be reached" in answer.command.elements[0x0902]


def test_a_host_that_drops_connection_requests_fails_after_the_time_for_it() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
        fake_node(artim_timeout_s=0.3, move_retry_pause_s=60) as node,
    ):
        node.archive.registered = {"DEST": Peer("DEST", *full.getsockname())}
        answer = move(node, FEW)

    assert (answer.command.status, number(answer, FAILED)) == (0xA702, 6)
    assert b"timed out" in answer.command.elements[0x0902]


def test_a_listener_that_never_answers_the_association_request_fails_after_the_time_for_it() -> None:
    with moving(lambda visit: visit.pause(10), artim_timeout_s=0.3, move_retry_pause_s=60) as (node, destination):
        answer = move(node, FEW)

    assert len(destination.visits) == 1
    assert b"no answer to the association request" in answer.command.elements[0x0902]


def test_moves_wait_for_their_turn_and_can_be_cancelled_meanwhile() -> None:
    at_it, go_on = threading.Event(), threading.Event()

    def behave(visit: Visit) -> None:
        visit.accept()
        received = visit.take()
        at_it.set()
        assert go_on.wait(10)
        visit.answer(received)
        visit.serve()

    with moving(behave, max_moves=1) as (node, destination):
        node.archive.held = FEW
        with node.peer() as first, node.peer() as second, node.peer() as third:
            begin(first)
            assert at_it.wait(10)
            begin(second)
            begin(third)
            assert second.read_message().command.status == 0xFF00
            second.send(message(1, cancel(9)))
            cancelled = final(second)
            assert len(destination.visits) == 1
            go_on.set()
            done = [final(first), final(third)]
            for peer in (first, second, third):
                peer.release()

    assert (cancelled.command.status, number(cancelled, REMAINING)) == (0xFE00, 6)
    assert [(each.command.status, number(each, COMPLETED)) for each in done] == [(0, 6)] * 2
    assert len(destination.visits) == 2


def test_the_node_stops_while_a_destination_stands_still() -> None:
    at_it = threading.Event()

    def behave(visit: Visit) -> None:
        visit.accept()
        visit.take()
        at_it.set()
        visit.pause(10)

    with Destination(behave) as destination:
        with fake_node() as node, node.peer() as peer:
            node.archive.registered, node.archive.held = {"DEST": destination.peer}, FEW
            begin(peer)
            assert at_it.wait(10)
            started = time.monotonic()
            node.server.stop(0)

            assert time.monotonic() - started < 4
        destination.wait_until_left()


def test_a_bug_met_while_sending_is_answered_and_the_node_lives(caplog: pytest.LogCaptureFixture) -> None:
    def data(_held: object) -> Iterator[bytes]:
        raise RuntimeError("a bug")

    with moving(_serve) as (node, _):
        node.archive.data = data
        answer = move(node, FEW)

    assert answer.command.status == 0x0110
    assert "a bug" in caplog.text
