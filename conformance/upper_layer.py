"""The requestor's half of the upper layer (PS3.8) over a raw socket, for load and for mischief.

No state machine and no checks of what is sent: a test may send any bytes at any time. Reading is strict: what a peer
sends must be a whole PDU, else `PeerClosed` or `Aborted` says how it ended.
"""

import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
MAX_PDU = 262144
RELEASE_RQ = struct.pack(">BxI4x", 5, 4)
RELEASE_RP = struct.pack(">BxI4x", 6, 4)
ABORT = struct.pack(">BxI4x", 7, 4)
_SMALLEST_BIG_READ = 65536
_ASSUMED_MAX_PDU = 16384  # of a peer that names none
_REJECTIONS = {
    (1, 1): "no reason given",
    (1, 2): "application context not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}
"""PS3.8 table 9-21, by source and reason."""
_FIXED_SIZE = 68  # of an A-ASSOCIATE body, before its items


class PduType(IntEnum):
    """What a PDU is (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class PeerClosed(Exception):
    """The peer closed the connection where a PDU was expected."""


class Aborted(Exception):
    """The peer aborted the association; `source` and `reason` are those of PS3.8 9.3.8."""

    def __init__(self, source: int, reason: int) -> None:
        super().__init__(f"aborted by source {source}, reason {reason}")
        self.source, self.reason = source, reason


class Refused(Exception):
    """The peer rejected the association; `result`, `source` and `reason` are those of PS3.8 9.3.4."""

    def __init__(self, result: int, source: int, reason: int) -> None:
        told = _REJECTIONS.get((source, reason), f"source {source}, reason {reason}")
        super().__init__(f"association rejected: {told}")
        self.result, self.source, self.reason = result, source, reason


@dataclass(frozen=True, slots=True)
class Proposal:
    """One presentation context: an abstract syntax, the transfer syntaxes offered, and whether we can be its SCP."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_scp: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node listens, and the AE title it is called by."""

    host: str
    port: int
    ae_title: str = "VNA"


@dataclass(frozen=True, slots=True)
class Requestor:
    """What we say of ourselves in A-ASSOCIATE-RQ; a check may say what is wrong.

    `extended` maps a SOP Class UID to its extended negotiation bytes (PS3.7 D.3.3.5); `more_items` are encoded user
    information sub-items that follow ours.
    """

    ae_title: str = "LOADGEN"
    max_pdu: int = MAX_PDU
    extended: Mapping[str, bytes] = field(default_factory=dict)
    application_context: bytes = APPLICATION_CONTEXT
    protocol_version: int = 1
    more_items: bytes = b""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An A-ASSOCIATE-AC taken apart (PS3.8 9.3.3, PS3.7 D.3.3).

    `results` has for each context answered its result and transfer syntax; `max_pdu` is None and texts are empty where
    the item is missing; `roles` are (SCU, SCP) bytes and `extended` the extended negotiation bytes, by SOP Class UID;
    `operations_window` is how many operations may be invoked at a time, None where that was not answered.
    """

    protocol_version: int
    application_context: str
    results: Mapping[int, tuple[int, str]]
    max_pdu: int | None
    implementation_uid: str
    implementation_version: str
    roles: Mapping[str, tuple[int, int]]
    extended: Mapping[str, bytes]
    operations_window: int | None


class PduReader:
    """Reads whole PDUs from a socket; small ones arrive through a buffer so that a PDU costs one system call."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray(_SMALLEST_BIG_READ)
        self._start = self._end = 0

    @property
    def buffered(self) -> bool:
        """Whether something has come that was not read yet, though nothing may be left to come from the socket."""
        return self._end > self._start

    def read(self) -> tuple[int, memoryview]:
        """Return the type and the body of the next PDU; the body is valid until the next call.

        Raises:
            PeerClosed: the connection ended, within a PDU or between two.
        """
        self._ensure(6)
        kind, length = struct.unpack_from(">BxI", self._buffer, self._start)
        self._start += 6
        self._ensure(length)
        body = memoryview(self._buffer)[self._start : self._start + length]
        self._start += length
        return kind, body

    def _ensure(self, wanted: int) -> None:
        """Make `wanted` bytes available from `_start`."""
        have = self._end - self._start
        if have >= wanted:
            return
        if self._start + wanted > len(self._buffer):
            kept = self._buffer[self._start : self._end]
            if wanted > len(self._buffer):
                self._buffer = bytearray(2 * wanted)
            self._buffer[:have] = kept
            self._start, self._end = 0, have
        view = memoryview(self._buffer)
        while self._end - self._start < wanted:
            got = self._sock.recv_into(view[self._end :])
            if not got:
                raise PeerClosed(f"the peer closed the connection after {self._end - self._start} of {wanted} bytes")
            self._end += got


class Association:
    """An accepted association.

    `accepted` maps context IDs to the transfer syntax agreed; `proposals` are in the order of context IDs 1, 3, 5, ...;
    `max_pdu` is the largest P-DATA-TF length the peer takes; `acceptance` is all of its answer.
    """

    def __init__(self, sock: socket.socket, proposals: Sequence[Proposal], accept_body: bytes) -> None:
        self.sock, self.proposals = sock, tuple(proposals)
        self.acceptance = parse_accept(accept_body)
        self.accepted = {n: syntax for n, (result, syntax) in self.acceptance.results.items() if result == 0}
        peer_max = _ASSUMED_MAX_PDU if self.acceptance.max_pdu is None else self.acceptance.max_pdu
        self.max_pdu = min(peer_max or 1 << 20, 1 << 20)
        self.pdus = PduReader(sock)
        self._message_id = 0

    @classmethod
    def open(
        cls,
        address: Address,
        proposals: Sequence[Proposal],
        *,
        requestor: Requestor | None = None,
        timeout_s: float = 60,
    ) -> Self:
        """Connect and negotiate.

        Raises:
            Refused: A-ASSOCIATE-RJ.
            Aborted: A-ABORT.
            PeerClosed: the connection was closed instead of an answer.
            ValueError: the answer is something else.
        """
        sock = connect(address, timeout_s=timeout_s)
        try:
            sock.sendall(associate_rq(address.ae_title, proposals, requestor or Requestor()))
            kind, body = PduReader(sock).read()
            if kind == PduType.ASSOCIATE_RJ:
                raise Refused(body[1], body[2], body[3])
            if kind == PduType.ABORT:
                raise Aborted(body[2], body[3])
            if kind != PduType.ASSOCIATE_AC:
                raise ValueError(f"PDU of type {kind} where A-ASSOCIATE-AC was expected")
            return cls(sock, proposals, bytes(body))
        except BaseException:
            sock.close()
            raise

    def context(self, abstract_syntax: str, transfer_syntax: str | None = None) -> int | None:
        """Return the accepted context for an abstract syntax (and the transfer syntax agreed), if there is one."""
        for n, proposal in enumerate(self.proposals):
            agreed = self.accepted.get(2 * n + 1)
            if proposal.abstract_syntax == abstract_syntax and agreed and transfer_syntax in (None, agreed):
                return 2 * n + 1
        return None

    def next_message_id(self) -> int:
        """Return a Message ID not used before on this association, up to 65,535 of them."""
        self._message_id = self._message_id % 65535 + 1
        return self._message_id

    def release(self) -> None:
        """Release the association and close the connection.

        Raises:
            PeerClosed: the peer closed the connection instead of answering.
        """
        try:
            self.sock.sendall(RELEASE_RQ)
            kind, body = self.pdus.read()
            if kind == PduType.ABORT:
                raise Aborted(body[2], body[3])
        finally:
            self.sock.close()

    def abort(self) -> None:
        """Abort the association and close the connection."""
        with self.sock:
            self.sock.sendall(ABORT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.release()
        else:
            self.sock.close()


def connect(address: Address, *, timeout_s: float = 60) -> socket.socket:
    """Return a connected socket with TCP_NODELAY; without it each answer on loopback waits about 40 ms."""
    sock = socket.create_connection((address.host, address.port), timeout=timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def associate_rq(called_ae_title: str, proposals: Sequence[Proposal], requestor: Requestor) -> bytes:
    """Return an A-ASSOCIATE-RQ PDU (PS3.8 9.3.2); contexts are numbered 1, 3, 5, ..."""
    contexts = b"".join(_context_item(2 * n + 1, proposal) for n, proposal in enumerate(proposals))
    roles = {proposal.abstract_syntax for proposal in proposals if proposal.as_scp}
    user = item(0x51, struct.pack(">I", requestor.max_pdu)) + item(0x52, b"2.25.3059") + item(0x55, b"CONFORMANCE")
    for uid in sorted(roles):
        user += item(0x54, struct.pack(">H", len(uid)) + uid.encode() + b"\x00\x01")
    for uid, value in requestor.extended.items():
        user += item(0x56, struct.pack(">H", len(uid)) + uid.encode() + value)
    head = struct.pack(">HH", requestor.protocol_version, 0) + _titles(called_ae_title, requestor.ae_title)
    items = item(0x10, requestor.application_context) + contexts + item(0x50, user + requestor.more_items)
    return struct.pack(">BxI", PduType.ASSOCIATE_RQ, len(head + items)) + head + items


def accept_all(request_body: bytes, *, max_pdu: int = MAX_PDU) -> tuple[bytes, dict[int, tuple[str, str]]]:
    """Return an A-ASSOCIATE-AC that takes every context, in its first transfer syntax, and every role.

    Returns:
        The PDU, and by context ID the abstract and the transfer syntax that were taken.
    """
    taken: dict[int, tuple[str, str]] = {}
    answers = roles = b""
    for kind, value in _items(request_body[68:]):
        if kind == 0x50:
            roles = b"".join(item(sub, wanted) for sub, wanted in _items(value) if sub == 0x54)
        if kind == 0x20:
            syntaxes = [(sub, uid.decode().rstrip("\0 ")) for sub, uid in _items(value[4:])]
            abstract = next(uid for sub, uid in syntaxes if sub == 0x30)
            transfer = next(uid for sub, uid in syntaxes if sub == 0x40)
            taken[value[0]] = (abstract, transfer)
            answers += item(0x21, bytes([value[0], 0, 0, 0]) + item(0x40, transfer.encode()))
    user = item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"2.25.3059") + roles + item(0x55, b"CONFORMANCE")
    body = b"\0\1\0\0" + request_body[4:68] + item(0x10, APPLICATION_CONTEXT) + answers + item(0x50, user)
    return struct.pack(">BxI", PduType.ASSOCIATE_AC, len(body)) + body, taken


def parse_accept(body: bytes) -> Acceptance:
    """Return an A-ASSOCIATE-AC from what follows its PDU header; items of unknown types are skipped (PS3.8 9.3.1).

    Raises:
        ValueError: it is too short.
        struct.error: an item is.
    """
    if len(body) < _FIXED_SIZE:
        raise ValueError(f"an A-ASSOCIATE-AC of {len(body)} bytes")
    application_context = ""
    results: dict[int, tuple[int, str]] = {}
    user: list[tuple[int, bytes]] = []
    for kind, value in _items(body[_FIXED_SIZE:]):
        if kind == 0x10:
            application_context = _text(value)
        elif kind == 0x21:
            results[value[0]] = (value[2], next((_text(uid) for sub, uid in _items(value[4:]) if sub == 0x40), ""))
        elif kind == 0x50:
            user = _items(value)
    single = dict(user)
    return Acceptance(
        protocol_version=struct.unpack_from(">H", body)[0],
        application_context=application_context,
        results=results,
        max_pdu=struct.unpack(">I", single[0x51])[0] if 0x51 in single else None,
        implementation_uid=_text(single.get(0x52, b"")),
        implementation_version=_text(single.get(0x55, b"")),
        roles={uid: (rest[0], rest[1]) for uid, rest in (_counted(value) for sub, value in user if sub == 0x54)},
        extended=dict(_counted(value) for sub, value in user if sub == 0x56),
        operations_window=struct.unpack_from(">H", single[0x53])[0] if 0x53 in single else None,
    )


def _counted(value: bytes) -> tuple[str, bytes]:
    """Return a UID with its length before it, and what follows."""
    (size,) = struct.unpack_from(">H", value)
    return _text(value[2 : 2 + size]), value[2 + size :]


def _text(raw: bytes) -> str:
    return raw.decode("latin-1").rstrip("\0 ")


def _titles(called: str, calling: str) -> bytes:
    return called.encode().ljust(16)[:16] + calling.encode().ljust(16)[:16] + bytes(32)


def _context_item(context_id: int, proposal: Proposal) -> bytes:
    syntaxes = b"".join(item(0x40, uid.encode()) for uid in proposal.transfer_syntaxes)
    return item(0x20, bytes([context_id, 0, 0, 0]) + item(0x30, proposal.abstract_syntax.encode()) + syntaxes)


def item(kind: int, value: bytes) -> bytes:
    """Return an item or sub-item of an A-ASSOCIATE PDU (PS3.8 9.3.2)."""
    return struct.pack(">BxH", kind, len(value)) + value


def _items(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from(">BxH", data, at)
        found.append((kind, data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found
