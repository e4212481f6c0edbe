"""Storage Commitment with pynetdicom as SCU: asked, answered, and told, whatever comes in between (PS3.4 Annex J)."""

import os
import signal
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from committing import SLICES, TRANSACTION, CommittingNode, Scu, committing_node, reference
from conformance.node_process import NodeProcess
from raw_peer import IMPLICIT, RawPeer, command_set, message
from vna.dimse.associate import Roles
from vna.model import Peer

HELD = [reference(ds) for ds in SLICES[:2]]
NOT_HELD = reference(SLICES[2])
ALL_KEPT, SOME_FAILED = 1, 2


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CommittingNode]:
    with committing_node(tmp_path) as node:
        yield node


def register(node: CommittingNode, port: int, ae_title: str = "MODALITY") -> None:
    node.archive.add_peer(Peer(ae_title, "127.0.0.1", port), actor="test")


def store_and_ask(node: CommittingNode, scu: Scu, *, instances: Sequence[tuple[str, str]] = HELD) -> None:
    """Store two slices, ask, and release without waiting for a report; refuse one that comes all the same."""
    scu.store(node.address, SLICES[:2])
    association = scu.associate(node.address)
    scu.status = 0x0110
    assert scu.ask(association, instances) == 0
    association.release()
    scu.status = 0


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def named(sequence: Sequence[Dataset]) -> list[tuple[str, str]]:
    return [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in sequence]


def test_who_keeps_the_association_open_is_told_over_it(node: CommittingNode) -> None:
    scu = Scu()
    scu.store(node.address, SLICES[:2])
    association = scu.associate(node.address)

    assert scu.ask(association, HELD) == 0

    event_type, told = scu.next_report()
    association.release()
    assert (event_type, told.TransactionUID, named(told.ReferencedSOPSequence)) == (ALL_KEPT, TRANSACTION, HELD)
    assert "FailedSOPSequence" not in told
    assert node.archive.commitments.count() == 0


def test_what_failed_is_told_with_its_reason_beside_what_did_not(node: CommittingNode) -> None:
    scu = Scu()
    scu.store(node.address, SLICES[:1])
    association = scu.associate(node.address)

    scu.ask(association, [HELD[0], NOT_HELD])

    event_type, told = scu.next_report()
    association.release()
    assert (event_type, named(told.ReferencedSOPSequence)) == (SOME_FAILED, [HELD[0]])
    assert named(told.FailedSOPSequence) == [NOT_HELD]
    assert told.FailedSOPSequence[0].FailureReason == 0x0112


def test_two_requests_over_one_association_are_both_told(node: CommittingNode) -> None:
    scu = Scu()
    scu.store(node.address, SLICES[:1])
    association = scu.associate(node.address)

    for transaction in ("2.25.1", "2.25.2"):
        assert scu.ask(association, HELD[:1], TransactionUID=transaction) == 0

    told = {scu.next_report()[1].TransactionUID for _ in range(2)}
    association.release()
    assert told == {"2.25.1", "2.25.2"}
    assert node.archive.commitments.count() == 0


def test_who_releases_is_told_over_an_association_of_the_nodes_own(node: CommittingNode) -> None:
    scu = Scu()
    with scu.listening() as port:
        register(node, port)
        store_and_ask(node, scu)
        assert node.archive.commitments.count() == 1

        node.report_once()

        event_type, told = scu.next_report()
    assert (event_type, named(told.ReferencedSOPSequence)) == (ALL_KEPT, HELD)
    assert node.archive.commitments.count() == 0


def test_a_destination_that_was_down_is_told_after_a_restart(tmp_path: Path) -> None:
    scu, port = Scu(), unused_port()
    with committing_node(tmp_path) as node:
        register(node, port)
        store_and_ask(node, scu)
        node.report_once()
        assert node.archive.commitments.count() == 1

    with committing_node(tmp_path) as node, scu.listening(port):
        node.report_once()

        assert scu.next_report()[0] == ALL_KEPT
        assert node.archive.commitments.count() == 0


def test_a_report_that_is_refused_is_told_again(node: CommittingNode) -> None:
    scu = Scu()
    with scu.listening() as port:
        register(node, port)
        store_and_ask(node, scu)
        scu.status = 0x0110
        node.report_once()
        assert node.archive.commitments.count() == 1
        scu.status = 0

        while scu.reports.empty():
            node.report_once()

    assert scu.reports.qsize() == 1


def test_who_is_no_registered_peer_is_given_up_in_the_end(tmp_path: Path) -> None:
    with committing_node(tmp_path, commitment_retry_s=0) as node:
        store_and_ask(node, Scu())

        node.report_once()

        assert node.archive.commitments.count() == 0


def test_two_nodes_at_once_tell_it_once(tmp_path: Path) -> None:
    scu = Scu()
    with committing_node(tmp_path) as first, committing_node(tmp_path) as second, scu.listening() as port:
        register(first, port)
        store_and_ask(first, scu)

        with ThreadPoolExecutor(4) as threads:
            for each in [threads.submit(node.report_once) for node in (first, second) * 2]:
                each.result()

        assert first.archive.commitments.count() == 0
    assert scu.reports.qsize() == 1


def test_a_peer_that_takes_no_reports_is_not_sent_any(node: CommittingNode) -> None:
    application, scu = AE("MODALITY"), Scu()
    application.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=False)
    server = application.start_server(("127.0.0.1", 0), block=False)
    try:
        register(node, server.server_address[1])
        store_and_ask(node, scu)

        node.report_once()
    finally:
        server.shutdown()
    assert node.archive.commitments.count() == 1


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"about": "1.2.3"}, 0x0112),
        ({"action": 2}, 0x0123),
        ({"TransactionUID": None}, 0x0115),
        ({"ReferencedSOPSequence": []}, 0x0115),
        ({"RetrieveURL": "x" * 5_000_000}, 0x0213),
    ],
    ids=["instance", "action", "no transaction", "no references", "huge"],
)
def test_a_request_that_is_none_is_refused_and_not_recorded(
    node: CommittingNode, changed: dict[str, object], status: int
) -> None:
    association = Scu().associate(node.address)

    assert Scu().ask(association, HELD, **changed) == status  # type: ignore[arg-type]

    association.release()
    assert node.archive.commitments.count() == 0


def test_a_request_without_a_data_set_is_refused(node: CommittingNode) -> None:
    about = {"x0003": b"1.2.840.10008.1.20.1", "x1001": b"1.2.840.10008.1.20.1.1", "x1008": b"\1\0"}
    with RawPeer(socket.create_connection(node.address)) as peer:
        peer.associate(("1.2.840.10008.1.20.1", [IMPLICIT]))
        peer.send(message(1, command_set("", 0x130, data_set=False, **about)))

        answer = peer.read_message().command

        assert (answer.field, answer.status, answer.sop_class_uid) == (0x8130, 0x0115, "1.2.840.10008.1.20.1")
        peer.release()


def test_who_wants_to_be_scp_is_refused_the_context(node: CommittingNode) -> None:
    commitment = "1.2.840.10008.1.20.1"
    with RawPeer(socket.create_connection(node.address)) as peer:
        accept = peer.associate((commitment, [IMPLICIT]), roles={commitment: Roles(scu=False, scp=True)})

        assert accept.contexts[0].result == 1
        peer.release()


def test_a_response_to_no_report_ends_the_association(node: CommittingNode) -> None:
    with RawPeer(socket.create_connection(node.address)) as peer:
        peer.associate(("1.2.840.10008.1.20.1", [IMPLICIT]))
        answer = command_set("1.2.840.10008.1.20.1", 0x8100, data_set=False, x0120=b"\1\0", x0900=b"\0\0")

        peer.send(message(1, answer))

        peer.expect_abort_or_end((0, 0))


@pytest.mark.long
def test_a_commitment_outlives_a_node_that_is_killed(tmp_path: Path) -> None:
    scu, port = Scu(), unused_port()
    fast = {"VNA_SERVE__WORKERS": "1", "VNA_DIMSE__COMMITMENT_RETRY_PAUSE_S": "0.2"}
    with NodeProcess(tmp_path, settings=fast) as process:
        server = process.start()
        assert process.vna("peers", "add", "MODALITY", "127.0.0.1", str(port)).returncode == 0
        scu.store((server.address.host, server.address.port), SLICES[:2])
        association = scu.associate((server.address.host, server.address.port))
        scu.status = 0x0110
        assert scu.ask(association, HELD) == 0
        os.kill(server.pid, signal.SIGKILL)
        process.process.wait()
        association.abort()
        scu.status = 0

    with NodeProcess(tmp_path, settings=fast) as process, scu.listening(port):
        process.start()
        event_type, told = scu.reports.get(timeout=90)  # who was killed may have had the turn
        assert (event_type, named(told.ReferencedSOPSequence)) == (ALL_KEPT, HELD)
        assert process.stop() == 0
