"""What a peer sends before and around its data sets: PDUs, association requests, command sets."""

import logging
import socket
from collections.abc import Iterator, Sequence
from contextvars import copy_context

from fake_door import FakeArchive, held_instance
from fake_node import ECHO, NODE, STORE, TAKES_CT, identifier, store_command
from fuzz.target import Finding
from raw_peer import (
    CT,
    EXPLICIT,
    IMPLICIT,
    STUDY_FIND,
    STUDY_GET,
    VERIFICATION,
    cancel,
    command_set,
    message,
    pdv,
    request,
)
from vna.dimse.access import admit
from vna.dimse.associate import AssociateRequest, MalformedPdu, decode_accept, decode_request
from vna.dimse.association import Association
from vna.dimse.command import MalformedCommand, Verdict, parse_command, response
from vna.dimse.connections import Connections
from vna.dimse.negotiation import negotiate
from vna.dimse.pdu import PDU_HEADER, RELEASE_RQ, AbortReason, AbortSource, PduType, abort
from vna.dimse.seats import Seats, Visit
from vna.dimse.upper_layer import Connection

_MOST = 60_000
"""More than this does not fit the buffer of a socket that nobody reads from yet."""
_EVERYTHING = (STORE, (VERIFICATION, [IMPLICIT]), (STUDY_FIND, [IMPLICIT]), (STUDY_GET, [IMPLICIT]))
_OPENING = request(*_EVERYTHING, max_pdu=16384)
_ANSWER = {"StudyInstanceUID": "1.2.3", "PatientName": "A^B"}


class _Socket(socket.socket):
    """A socket of this machine that lets itself be talked to as if it were TCP."""

    def setsockopt(self, level: int, *rest: object) -> None:
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *rest)


class _Tracebacks(logging.Handler):
    """Notes what was logged with a traceback: errors that nobody had thought of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.seen.append(record.exc_info[1])


_TRACEBACKS = _Tracebacks()
_LOG = logging.getLogger("vna.dimse")
_LOG.addHandler(_TRACEBACKS)


def connection(data: bytes) -> None:
    """Say something to a node and hang up; what it answers are PDUs, and nothing goes wrong inside of it."""
    _talk(data)


def association(data: bytes) -> None:
    """Say something to a node on an association that was accepted, and hang up."""
    _talk(_OPENING + data)


def _talk(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, _Socket(fileno=theirs.detach()) as node:
        ours.sendall(data[:_MOST])
        ours.shutdown(socket.SHUT_WR)
        archive = FakeArchive(held=[held_instance(1)], answers=[_ANSWER])
        _TRACEBACKS.seen.clear()
        visit = Seats(NODE).visit("127.0.0.1")
        assert isinstance(visit, Visit)
        connections = Connections()
        served = Association(Connection(node, NODE), visit, archive=archive, settings=NODE, connections=connections)
        copy_context().run(served.run)  # its id is to stand in no other test's log lines
        answers = _drained(ours)
    if _TRACEBACKS.seen:
        raise _TRACEBACKS.seen[0]
    _check_pdus(answers)


def _drained(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    parts = []
    try:
        while part := sock.recv(1 << 16):
            parts.append(part)
    except BlockingIOError as exc:
        raise Finding("the node has left the connection open") from exc
    except ConnectionResetError:  # what it had not read when it closed
        pass
    return b"".join(parts)


def _check_pdus(answers: bytes) -> None:
    at = 0
    while at + PDU_HEADER.size <= len(answers):
        kind, length = PDU_HEADER.unpack_from(answers, at)
        PduType(kind)
        at += PDU_HEADER.size + length
    if at > len(answers) and not answers.endswith(abort(AbortSource.PROVIDER, AbortReason.NOT_SPECIFIED)):
        raise Finding("the node has not finished a PDU")


def connections() -> Iterator[bytes]:
    """Whole dialogues, as they should be."""
    yield _OPENING + RELEASE_RQ
    yield b"GET / HTTP/1.1\r\n\r\n"
    for body in associations():
        yield _OPENING + body
    roles = request(STORE, (VERIFICATION, [IMPLICIT, EXPLICIT]), roles=TAKES_CT, extended={STUDY_FIND: b"\1\1\0\0\0"})
    yield roles + message(1, store_command(), bytes(100)) + RELEASE_RQ


def associations() -> Iterator[bytes]:
    """What comes after an association was accepted, as it should be."""
    study = identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3", PatientName="A*")
    find = command_set(STUDY_FIND, 0x20, x0700=b"\0\0")
    get = command_set(STUDY_GET, 0x10, x0700=b"\0\0")
    yield message(3, ECHO) + RELEASE_RQ
    yield message(1, store_command(), bytes(range(256)) * 4, step=100) + RELEASE_RQ
    yield message(5, find, study) + pdv(5, 3, cancel(1)) + RELEASE_RQ
    yield message(7, get, study) + RELEASE_RQ
    yield message(1, store_command(), b"ab") + abort(AbortSource.USER, AbortReason.NOT_SPECIFIED)


def association_items(data: bytes) -> None:
    """Read the items of an A-ASSOCIATE-RQ and answer it; the answer can be read."""
    try:
        requested = decode_request(data)
    except MalformedPdu:
        return
    finally:
        _decode_accept(data)
    admit(requested, "127.0.0.1", settings=NODE, peers={}, resolve=lambda _host: frozenset())
    agreement = negotiate(requested, NODE)
    encoded = agreement.accept(requested, max_pdu=NODE.max_pdu).encode()
    accepted = decode_accept(encoded[PDU_HEADER.size :])
    if len(accepted.contexts) != len(requested.contexts):
        raise Finding("not every presentation context is answered")
    _check_request(requested)


def _decode_accept(data: bytes) -> None:
    try:
        decode_accept(data)
    except MalformedPdu:
        return


def _check_request(requested: AssociateRequest) -> None:
    ids = [each.context_id for each in requested.contexts]
    if len(ids) > 128 or any(number % 2 == 0 for number in ids) or len(set(ids)) != len(ids):
        raise Finding("context IDs that nobody may use")
    if not all(text.isprintable() for text in (requested.calling_ae_title, requested.called_ae_title)):
        raise Finding("an AE title that would upset a log")


def requests() -> Iterator[bytes]:
    """Bodies of association requests."""
    every: Sequence[tuple[str, Sequence[str]]] = [(CT, [EXPLICIT, IMPLICIT])] * 20
    for whole in (
        _OPENING,
        request(*every),
        request(STORE, roles=TAKES_CT, extended={CT: b"\2\0\0\0\0\0", STUDY_FIND: b"\1"}),
    ):
        yield whole[PDU_HEADER.size :]


def command(data: bytes) -> None:
    """Read a command set, and answer what could be read; the answer can be read."""
    try:
        parsed = parse_command(1, data)
    except MalformedCommand:
        return
    answer = response(parsed, Verdict(0xC000, "it is\nnot \\ understood" * 9))
    if not parse_command(1, answer).is_response:
        raise Finding("the answer is none")


def commands() -> Iterator[bytes]:
    """Command sets as they should be."""
    yield from (ECHO, store_command(), cancel(7), command_set(STUDY_FIND, 0x20))
    yield command_set(CT, 0x21, x0600=b"ELSEWHERE ", x0700=b"\0\0")
