"""PDUs as PS3.8 section 9.3 draws them, read from a socket however they are cut."""

import socket
import struct
from collections.abc import Iterator

import pytest
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from conformance.upper_layer import (
    ABORT,
    Association,
    PduReader,
    PeerClosed,
    Proposal,
    Requestor,
    accept_all,
    associate_rq,
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.settimeout(10)
    with near, far:
        yield near, far


PROPOSALS = [
    Proposal("1.2.3", ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")),
    Proposal("1.2.4", ("1.2.5",), as_scp=True),
]


def test_pynetdicom_reads_our_request() -> None:
    pdu = A_ASSOCIATE_RQ()

    pdu.decode(associate_rq("ARCHIVE", PROPOSALS, Requestor("ME", 32768, {"1.2.3": b"\1\0"})))

    assert (pdu.called_ae_title, pdu.calling_ae_title) == ("ARCHIVE", "ME")
    contexts = [(c.context_id, c.abstract_syntax, c.transfer_syntax) for c in pdu.presentation_context]
    assert contexts == [(1, "1.2.3", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]), (3, "1.2.4", ["1.2.5"])]
    assert pdu.user_information.maximum_length == 32768
    assert [(r.uid, r.scu, r.scp) for r in pdu.user_information.role_selection.values()] == [("1.2.4", False, True)]
    assert pdu.user_information.ext_neg[0].app_info == b"\1\0"


def test_our_acceptance_takes_the_first_syntax_of_every_context() -> None:
    request = associate_rq("ARCHIVE", PROPOSALS, Requestor())

    answer, taken = accept_all(request[6:], max_pdu=5000)

    assert taken == {1: ("1.2.3", "1.2.840.10008.1.2"), 3: ("1.2.4", "1.2.5")}
    pdu = A_ASSOCIATE_AC()
    pdu.decode(answer)
    assert [(c.context_id, c.result, c.transfer_syntax) for c in pdu.presentation_context] == [
        (1, 0, "1.2.840.10008.1.2"),
        (3, 0, "1.2.5"),
    ]


def test_an_association_knows_its_contexts_and_the_peers_limit(pair: tuple[socket.socket, socket.socket]) -> None:
    answer, _ = accept_all(associate_rq("ARCHIVE", PROPOSALS, Requestor())[6:], max_pdu=5000)

    association = Association(pair[0], PROPOSALS, answer[6:])

    assert association.max_pdu == 5000
    assert association.context("1.2.3") == association.context("1.2.3", "1.2.840.10008.1.2") == 1
    assert association.context("1.2.3", "1.2.840.10008.1.2.1") is None
    assert association.context("1.2.9") is None


@pytest.mark.parametrize("step", [1, 5, 100_000])
def test_pdus_are_read_whole_however_they_arrive(pair: tuple[socket.socket, socket.socket], step: int) -> None:
    near, far = pair
    bodies = [b"", b"x", bytes(range(100)), b"y" * 3]
    stream = b"".join(struct.pack(">BxI", 4, len(body)) + body for body in bodies)
    for at in range(0, len(stream), step):
        far.sendall(stream[at : at + step])

    reader = PduReader(near)

    assert [bytes(reader.read()[1]) for _ in bodies] == bodies


def test_a_pdu_larger_than_the_buffer_is_read(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    body = bytes(150_000)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
    far.sendall(ABORT + struct.pack(">BxI", 4, len(body)) + body + ABORT)

    reader = PduReader(near)

    assert [(kind, len(view)) for kind, view in (reader.read() for _ in range(3))] == [(7, 4), (4, 150_000), (7, 4)]


def test_an_early_end_is_told(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.sendall(struct.pack(">BxI", 4, 10) + b"short")
    far.close()

    with pytest.raises(PeerClosed, match="after 5 of 10 bytes"):
        PduReader(near).read()
