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
        super().__init__(f"association rejected: result {result}, source {source}, reason {reason}")
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
    """What we say of ourselves in A-ASSOCIATE-RQ.

    `extended` maps a SOP Class UID to its extended negotiation bytes (PS3.7 D.3.3.5).
    """

    ae_title: str = "LOADGEN"
    max_pdu: int = MAX_PDU
    extended: Mapping[str, bytes] = field(default_factory=dict)


class PduReader:
    """Reads whole PDUs from a socket; small ones arrive through a buffer so that a PDU costs one system call."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray(_SMALLEST_BIG_READ)
        self._start = self._end = 0

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
    `max_pdu` is the largest P-DATA-TF length the peer takes.
    """

    def __init__(self, sock: socket.socket, proposals: Sequence[Proposal], accept_body: bytes) -> None:
        self.sock, self.proposals = sock, tuple(proposals)
        self.accepted, peer_max = _parse_accept(accept_body)
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
        """
        sock = connect(address, timeout_s=timeout_s)
        try:
            sock.sendall(associate_rq(address.ae_title, proposals, requestor or Requestor()))
            kind, body = PduReader(sock).read()
            if kind == PduType.ASSOCIATE_RJ:
                raise Refused(body[1], body[2], body[3])
            if kind == PduType.ABORT:
                raise Aborted(body[2], body[3])
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
    user = _item(0x51, struct.pack(">I", requestor.max_pdu)) + _item(0x52, b"2.25.3059") + _item(0x55, b"CONFORMANCE")
    for uid in sorted(roles):
        user += _item(0x54, struct.pack(">H", len(uid)) + uid.encode() + b"\x00\x01")
    for uid, value in requestor.extended.items():
        user += _item(0x56, struct.pack(">H", len(uid)) + uid.encode() + value)
    body = (
        _titles(called_ae_title, requestor.ae_title) + _item(0x10, APPLICATION_CONTEXT) + contexts + _item(0x50, user)
    )
    return struct.pack(">BxI", PduType.ASSOCIATE_RQ, len(body)) + body


def accept_all(request_body: bytes, *, max_pdu: int = MAX_PDU) -> tuple[bytes, dict[int, tuple[str, str]]]:
    """Return an A-ASSOCIATE-AC that takes every context in its first transfer syntax, and what was taken.

    Returns:
        The PDU, and by context ID the abstract and the transfer syntax.
    """
    taken: dict[int, tuple[str, str]] = {}
    answers = b""
    for kind, value in _items(request_body[68:]):
        if kind == 0x20:
            syntaxes = [(sub, uid.decode().rstrip("\0 ")) for sub, uid in _items(value[4:])]
            abstract = next(uid for sub, uid in syntaxes if sub == 0x30)
            transfer = next(uid for sub, uid in syntaxes if sub == 0x40)
            taken[value[0]] = (abstract, transfer)
            answers += _item(0x21, bytes([value[0], 0, 0, 0]) + _item(0x40, transfer.encode()))
    user = _item(0x51, struct.pack(">I", max_pdu)) + _item(0x52, b"2.25.3059") + _item(0x55, b"CONFORMANCE")
    body = b"\0\1\0\0" + request_body[4:68] + _item(0x10, APPLICATION_CONTEXT) + answers + _item(0x50, user)
    return struct.pack(">BxI", PduType.ASSOCIATE_AC, len(body)) + body, taken


def _parse_accept(body: bytes) -> tuple[dict[int, str], int]:
    """Return the accepted contexts with their transfer syntax, and the peer's maximum PDU length."""
    accepted: dict[int, str] = {}
    maximum = 16384
    for kind, value in _items(body[68:]):
        if kind == 0x21 and value[2] == 0:
            accepted[value[0]] = value[8:].decode().rstrip("\0 ")
        elif kind == 0x50:
            maximum = next((struct.unpack(">I", v)[0] for k, v in _items(value) if k == 0x51), maximum)
    return accepted, maximum


def _titles(called: str, calling: str) -> bytes:
    return b"\0\1\0\0" + called.encode().ljust(16)[:16] + calling.encode().ljust(16)[:16] + bytes(32)


def _context_item(context_id: int, proposal: Proposal) -> bytes:
    syntaxes = b"".join(_item(0x40, uid.encode()) for uid in proposal.transfer_syntaxes)
    return _item(0x20, bytes([context_id, 0, 0, 0]) + _item(0x30, proposal.abstract_syntax.encode()) + syntaxes)


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _items(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from(">BxH", data, at)
        found.append((kind, data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found
