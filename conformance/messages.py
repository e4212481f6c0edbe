"""DIMSE messages (PS3.7) for the load generator: command sets as bytes, P-DATA in as few copies as Python allows.

Command elements are kept by their element number: all are of group 0000, Implicit VR Little Endian (PS3.7 6.3.1).
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from conformance.corpus import Instance
from conformance.upper_layer import RELEASE_RP, Aborted, PduReader, PduType

NO_DATA_SET = 0x0101
_COMMAND, _LAST = 1, 2


class Field(IntEnum):
    """Command Field (0000,0100), PS3.7 E.1-1."""

    STORE_RQ = 0x0001
    STORE_RSP = 0x8001
    GET_RQ = 0x0010
    GET_RSP = 0x8010
    FIND_RQ = 0x0020
    FIND_RSP = 0x8020
    MOVE_RQ = 0x0021
    MOVE_RSP = 0x8021
    ECHO_RQ = 0x0030
    ECHO_RSP = 0x8030
    EVENT_REPORT_RQ = 0x0100
    EVENT_REPORT_RSP = 0x8100
    ACTION_RQ = 0x0130
    ACTION_RSP = 0x8130
    CANCEL_RQ = 0x0FFF


class Tag(IntEnum):
    """Element numbers of command elements (PS3.7 E.1-1)."""

    SOP_CLASS = 0x0002
    REQUESTED_SOP_CLASS = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    ERROR_COMMENT = 0x0902
    SOP_INSTANCE = 0x1000
    REQUESTED_SOP_INSTANCE = 0x1001
    EVENT_TYPE = 0x1002
    ACTION_TYPE = 0x1008
    REMAINING = 0x1020
    COMPLETED = 0x1021
    FAILED = 0x1022
    WARNING = 0x1023
    MOVE_ORIGINATOR = 0x1030
    MOVE_ORIGINATOR_ID = 0x1031


@dataclass(frozen=True, slots=True)
class Message:
    """One message received: its context, command elements, and its data set where it was kept."""

    context_id: int
    fields: dict[int, bytes]
    size: int
    data: bytes

    def number(self, tag: Tag) -> int:
        """Return the US value of a command element; 0 when it is absent."""
        return int.from_bytes(self.fields.get(tag, b""), "little")

    def text(self, tag: Tag) -> str:
        """Return the text or UID of a command element; empty when it is absent."""
        return self.fields.get(tag, b"").decode("latin-1").rstrip("\0 ")

    @property
    def command_field(self) -> int:
        """What kind of message it is, one of `Field`."""
        return self.number(Tag.COMMAND_FIELD)

    @property
    def status(self) -> int:
        """Status (0000,0900) of a response."""
        return self.number(Tag.STATUS)

    @property
    def pending(self) -> bool:
        """Whether more responses follow (PS3.7 Annex C.1.3)."""
        return self.status in (0xFF00, 0xFF01)


class MessageReader:
    """Reads whole messages; data sets are kept only when asked, and counted in any case."""

    def __init__(self, sock: socket.socket, pdus: PduReader, *, keep_data: bool = True) -> None:
        self._sock, self._pdus, self.keep_data = sock, pdus, keep_data

    def read(self) -> Message | None:
        """Return the next message, or None when the peer released the association, which is then confirmed.

        Raises:
            Aborted: A-ABORT came instead.
            PeerClosed: the connection ended.
        """
        command = bytearray()
        parts: list[bytes] = []
        fields: dict[int, bytes] | None = None
        size = 0
        for context_id, control, piece in self._pdvs():
            if control & _COMMAND:
                command += piece
                if control & _LAST:
                    fields = parse_command(bytes(command))
                    if int.from_bytes(fields[Tag.DATA_SET_TYPE], "little") == NO_DATA_SET:
                        return Message(context_id, fields, 0, b"")
                continue
            size += len(piece)
            if self.keep_data:
                parts.append(bytes(piece))
            if control & _LAST and fields is not None:
                return Message(context_id, fields, size, b"".join(parts))
        return None

    def _pdvs(self) -> Iterator[tuple[int, int, memoryview]]:
        """Yield context, message control header and fragment of each PDV (PS3.8 9.3.5.1) until a release."""
        while True:
            kind, body = self._pdus.read()
            if kind == PduType.RELEASE_RQ:
                self._sock.sendall(RELEASE_RP)
                return
            if kind == PduType.ABORT:
                raise Aborted(body[2], body[3])
            if kind != PduType.P_DATA_TF:
                raise ValueError(f"PDU of type {kind} where P-DATA-TF was expected")
            at = 0
            while at < len(body):
                length, context_id, control = struct.unpack_from(">IBB", body, at)
                yield context_id, control, body[at + 6 : at + 4 + length]
                at += 4 + length


def parse_command(data: bytes) -> dict[int, bytes]:
    """Return the elements of a command set by element number."""
    fields = {}
    at = 0
    while at < len(data):
        _, element, length = struct.unpack_from("<HHI", data, at)
        fields[element] = data[at + 8 : at + 8 + length]
        at += 8 + length
    return fields


def command_set(fields: dict[Tag, int | str]) -> bytes:
    """Return an encoded command set: numbers as US, text padded to even length (UIDs with NUL)."""
    body = b"".join(_command_element(tag, value) for tag, value in sorted(fields.items()))
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def pdata(context_id: int, data: bytes | memoryview, *, max_pdu: int, command: bool = False) -> bytes:
    """Return P-DATA-TF PDUs that carry one whole command or data set."""
    step = max_pdu - 6
    out = bytearray()
    view = memoryview(data)
    for at in range(0, max(len(view), 1), step):
        piece = view[at : at + step]
        control = command * _COMMAND | (at + step >= len(view)) * _LAST
        out += struct.pack(">BxIIBB", PduType.P_DATA_TF, len(piece) + 6, len(piece) + 2, context_id, control)
        out += piece
    return bytes(out)


def send_in_parts(sock: socket.socket, context_id: int, parts: Iterable[bytes], *, size: int, max_pdu: int) -> None:
    """Send a data set of `size` bytes that is never whole in memory; each part becomes PDUs of its own."""
    sent = 0
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(view), max_pdu - 6):
            piece = view[at : at + max_pdu - 6]
            sent += len(piece)
            control = _LAST if sent == size else 0
            head = struct.pack(">BxIIBB", PduType.P_DATA_TF, len(piece) + 6, len(piece) + 2, context_id, control)
            sock.sendall(head)
            sock.sendall(piece)
    if sent != size:
        raise ValueError(f"the parts hold {sent} bytes, not {size}")


def store_rq(instance: Instance, context_id: int, *, message_id: int, max_pdu: int) -> bytes:
    """Return the PDUs of one C-STORE request (PS3.7 9.3.1.1)."""
    command = store_command(instance.sop_class_uid, instance.sop_instance_uid, message_id=message_id)
    head = pdata(context_id, command, max_pdu=max_pdu, command=True)
    return head + pdata(context_id, instance.data, max_pdu=max_pdu)


def store_command(sop_class_uid: str, sop_instance_uid: str, *, message_id: int) -> bytes:
    """Return the command set of a C-STORE request."""
    return command_set(
        {
            Tag.SOP_CLASS: sop_class_uid,
            Tag.COMMAND_FIELD: Field.STORE_RQ,
            Tag.MESSAGE_ID: message_id,
            Tag.PRIORITY: 0,
            Tag.DATA_SET_TYPE: 1,
            Tag.SOP_INSTANCE: sop_instance_uid,
        }
    )


def store_rsp(request: Message, *, status: int = 0) -> bytes:
    """Return the P-DATA that answers a C-STORE request (PS3.7 9.3.1.2)."""
    command = command_set(
        {
            Tag.SOP_CLASS: request.text(Tag.SOP_CLASS),
            Tag.COMMAND_FIELD: Field.STORE_RSP,
            Tag.RESPONDED_TO: request.number(Tag.MESSAGE_ID),
            Tag.DATA_SET_TYPE: NO_DATA_SET,
            Tag.STATUS: status,
            Tag.SOP_INSTANCE: request.text(Tag.SOP_INSTANCE),
        }
    )
    return pdata(request.context_id, command, max_pdu=16384, command=True)


def event_report_rsp(request: Message) -> bytes:
    """Return the P-DATA that answers an N-EVENT-REPORT request with success (PS3.7 10.3.1.2)."""
    command = command_set(
        {
            Tag.SOP_CLASS: request.text(Tag.SOP_CLASS),
            Tag.COMMAND_FIELD: Field.EVENT_REPORT_RSP,
            Tag.RESPONDED_TO: request.number(Tag.MESSAGE_ID),
            Tag.DATA_SET_TYPE: NO_DATA_SET,
            Tag.STATUS: 0,
            Tag.SOP_INSTANCE: request.text(Tag.SOP_INSTANCE),
            Tag.EVENT_TYPE: request.number(Tag.EVENT_TYPE),
        }
    )
    return pdata(request.context_id, command, max_pdu=16384, command=True)


def _command_element(tag: Tag, value: int | str) -> bytes:
    if isinstance(value, int):
        return struct.pack("<HHIH", 0, tag, 2, value)
    raw = value.encode()
    if len(raw) % 2:
        raw += b" " if tag in (Tag.MOVE_DESTINATION, Tag.MOVE_ORIGINATOR) else b"\0"
    return struct.pack("<HHI", 0, tag, len(raw)) + raw
