"""A DICOM peer made of bytes: says exactly what a test wants said, also what no proper peer would say."""

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vna.dimse.associate import (
    AssociateAccept,
    AssociateRequest,
    ProposedContext,
    Roles,
    UserInformation,
    decode_accept,
)
from vna.dimse.command import Command, encode_command, parse_command, uid, us
from vna.dimse.pdu import PDU_HEADER, RELEASE_RQ, PduType, data_header

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
EXPLICIT, IMPLICIT, JPEG_LOSSLESS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.70"


@dataclass
class Message:
    """A DIMSE message as received."""

    command: Command
    data: bytes


class RawPeer:
    """The other side of one connection; every wait ends after ten seconds."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        sock.settimeout(10)

    def __enter__(self) -> "RawPeer":
        """Return the peer."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the connection."""
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(b"".join(parts))

    def read_pdu(self) -> tuple[int, bytes]:
        """Return type and body of the next PDU.

        Raises:
            EOFError: the node has closed the connection.
        """
        kind, length = PDU_HEADER.unpack(self._read(PDU_HEADER.size))
        return kind, self._read(length)

    def associate(
        self,
        *contexts: tuple[str, Sequence[str]],
        called: str = "VNA",
        calling: str = "RAW",
        max_pdu: int = 16384,
        roles: dict[str, Roles] | None = None,
        extended: dict[str, bytes] | None = None,
    ) -> AssociateAccept:
        """Establish an association; contexts get the IDs 1, 3, 5, ..."""
        self.send(request(*contexts, called=called, calling=calling, max_pdu=max_pdu, roles=roles, extended=extended))
        kind, body = self.read_pdu()
        assert kind == PduType.ASSOCIATE_AC, (kind, body)
        return decode_accept(body)

    def read_message(self) -> Message:
        """Return the next message, put together from its PDVs."""
        command, data, done = None, bytearray(), False
        raw = bytearray()
        while not done:
            kind, body = self.read_pdu()
            assert kind == PduType.DATA, (kind, body)
            offset = 0
            while offset < len(body):
                size, context_id, control = struct.unpack_from(">IBB", body, offset)
                piece = body[offset + 6 : offset + 4 + size]
                offset += 4 + size
                (raw if control & 1 else data).extend(piece)
                if control == 3:
                    command = parse_command(context_id, bytes(raw))
                    done = not command.has_data_set
                elif control == 2:
                    done = True
        assert command is not None
        return Message(command, bytes(data))

    def release(self) -> None:
        """Release the association and see the node close the connection."""
        self.send(RELEASE_RQ)
        assert self.read_pdu()[0] == PduType.RELEASE_RP
        self.expect_abort_or_end(None)

    def expect_abort_or_end(self, abort: tuple[int, int] | None) -> None:
        """See an A-ABORT with this source and reason (None: no PDU at all), then the end of the connection."""
        if abort is not None:
            kind, body = self.read_pdu()
            assert (kind, tuple(body[2:4])) == (PduType.ABORT, abort)
        self.socket.shutdown(socket.SHUT_WR)
        assert self.socket.recv(1) == b""

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError("the node closed the connection")
            data += piece
        return bytes(data)


def request(
    *contexts: tuple[str, Sequence[str]],
    called: str = "VNA",
    calling: str = "RAW",
    max_pdu: int = 16384,
    roles: dict[str, Roles] | None = None,
    extended: dict[str, bytes] | None = None,
) -> bytes:
    """Return an A-ASSOCIATE-RQ; contexts get the IDs 1, 3, 5, ..."""
    proposed = tuple(ProposedContext(2 * i + 1, each, tuple(tss)) for i, (each, tss) in enumerate(contexts))
    return AssociateRequest(
        called, calling, proposed, UserInformation(max_pdu, "RAW", roles or {}, extended or {})
    ).encode()


def pdv(context_id: int, control: int, data: bytes) -> bytes:
    """Return a P-DATA-TF with one PDV."""
    return data_header(context_id, control, len(data)) + data


def message(context_id: int, command: bytes, data: bytes | None = None, *, step: int = 16000) -> bytes:
    """Return the P-DATA-TFs of a message, its data set in fragments of `step` bytes."""
    parts = [pdv(context_id, 3, command)]
    if data is not None:
        starts: Iterable[int] = range(0, len(data), step) if data else [0]
        parts += [pdv(context_id, 2 if at + step >= len(data) else 0, data[at : at + step]) for at in starts]
    return b"".join(parts)


def command_set(sop_class: str, field: int, *, message_id: int = 1, data_set: bool = True, **more: bytes) -> bytes:
    """Return the command set of a request; `more` is by element number, as `x0600=b"..."`."""
    elements = {
        0x0002: uid(sop_class),
        0x0100: us(field),
        0x0110: us(message_id),
        0x0800: us(1 if data_set else 0x0101),
    } | {int(name[1:], 16): value for name, value in more.items()}
    return encode_command(sorted((number, value) for number, value in elements.items() if value))


def cancel(message_id: int) -> bytes:
    """Return the command set of a C-CANCEL-RQ."""
    return encode_command([(0x0100, us(0x0FFF)), (0x0120, us(message_id)), (0x0800, us(0x0101))])


def store_response(command: Command, status: int = 0) -> bytes:
    """Return the answer to a C-STORE-RQ."""
    return encode_command(
        [(0x0100, us(0x8001)), (0x0120, us(command.message_id)), (0x0800, us(0x0101)), (0x0900, us(status))]
    )
