"""Command sets: the group 0000 elements of a DIMSE message, always Implicit VR Little Endian (PS3.7 6.3).

Parsing and encoding are written by hand because both stand on the path of every instance: a
C-STORE-RQ takes about 5 us here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

_ELEMENT = Struct("<HHI")
_NO_DATA_SET = 0x0101
_RESPONSE_BIT: Final = 0x8000
_MAX_COMMENT: Final = 64  # Error Comment is LO (PS3.7 Annex C)
_MAX_COUNT: Final = 0xFFFF


class CommandField(IntEnum):
    """What a message asks for (PS3.7 E.1); a response has bit 15 set."""

    C_STORE_RQ = 0x0001
    C_GET_RQ = 0x0010
    C_FIND_RQ = 0x0020
    C_MOVE_RQ = 0x0021
    C_ECHO_RQ = 0x0030
    N_EVENT_REPORT_RQ = 0x0100
    N_ACTION_RQ = 0x0130
    C_CANCEL_RQ = 0x0FFF
    C_STORE_RSP = 0x8001
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RSP = 0x8100
    N_ACTION_RSP = 0x8130


class ElementNumber(IntEnum):
    """The command elements (0000,xxxx) this node reads or writes (PS3.7 E.1)."""

    AFFECTED_SOP_CLASS_UID = 0x0002
    REQUESTED_SOP_CLASS_UID = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    COMMAND_DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    OFFENDING_ELEMENT = 0x0901
    ERROR_COMMENT = 0x0902
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    REQUESTED_SOP_INSTANCE_UID = 0x1001
    EVENT_TYPE_ID = 0x1002
    ACTION_TYPE_ID = 0x1008
    REMAINING_SUBOPERATIONS = 0x1020
    COMPLETED_SUBOPERATIONS = 0x1021
    FAILED_SUBOPERATIONS = 0x1022
    WARNING_SUBOPERATIONS = 0x1023
    MOVE_ORIGINATOR_AE_TITLE = 0x1030
    MOVE_ORIGINATOR_MESSAGE_ID = 0x1031


class MalformedCommand(ValueError):
    """A command set that cannot be read, or that lacks what an answer would need."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command set as received.

    `message_id` is the Message ID of a request, and the Message ID Being Responded To of a response
    or C-CANCEL-RQ.
    """

    context_id: int
    field: int
    message_id: int
    has_data_set: bool
    elements: Mapping[int, bytes]

    @property
    def is_response(self) -> bool:
        """Whether this answers a request of ours."""
        return bool(self.field & _RESPONSE_BIT)

    @property
    def sop_class_uid(self) -> str:
        """Affected SOP Class UID, that of N-ACTION the Requested one; empty when missing."""
        return self.text(ElementNumber.AFFECTED_SOP_CLASS_UID) or self.text(ElementNumber.REQUESTED_SOP_CLASS_UID)

    @property
    def sop_instance_uid(self) -> str:
        """Affected SOP Instance UID, that of N-ACTION the Requested one; empty when missing."""
        named = self.text(ElementNumber.AFFECTED_SOP_INSTANCE_UID)
        return named or self.text(ElementNumber.REQUESTED_SOP_INSTANCE_UID)

    @property
    def status(self) -> int | None:
        """The status of a response; None when missing."""
        return _number(self.elements, ElementNumber.STATUS)

    def number(self, element: ElementNumber) -> int | None:
        """Return an unsigned short; None when it is missing, or is none."""
        return _number(self.elements, element)

    def text(self, element: ElementNumber) -> str:
        """Return a UID or AE title without its padding, empty when missing."""
        return self.elements.get(element, b"").decode("ascii", "replace").strip(" \0")


@dataclass(frozen=True, slots=True)
class Counts:
    """The sub-operation counts of a C-GET or C-MOVE response; `remaining` None where it has no place."""

    remaining: int | None
    completed: int
    failed: int
    warning: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a response says beside repeating its request; the comment is cut to what LO holds."""

    status: int
    comment: str = ""
    offending: ElementNumber | None = None
    counts: Counts | None = None


def parse_command(context_id: int, data: bytes) -> Command:
    """Read a command set.

    Raises:
        MalformedCommand: lengths that do not add up, an element of another group, or one of Command
            Field, Message ID and Command Data Set Type missing: then nobody could be answered.
    """
    elements = _elements(data)
    field = _number(elements, ElementNumber.COMMAND_FIELD)
    if field is None:
        raise MalformedCommand("Command Field (0000,0100) is missing")
    named = field & _RESPONSE_BIT or field == CommandField.C_CANCEL_RQ
    element = ElementNumber.MESSAGE_ID_BEING_RESPONDED_TO if named else ElementNumber.MESSAGE_ID
    message_id = _number(elements, element)
    if message_id is None:
        raise MalformedCommand(f"Message ID (0000,{element:04X}) is missing")
    data_set_type = _number(elements, ElementNumber.COMMAND_DATA_SET_TYPE)
    if data_set_type is None:
        raise MalformedCommand("Command Data Set Type (0000,0800) is missing")
    return Command(context_id, field, message_id, data_set_type != _NO_DATA_SET, elements)


def _elements(data: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    offset, end = 0, len(data)
    while offset < end:
        if offset + 8 > end:
            raise MalformedCommand("an element header of the command set is cut off")
        group, element, size = _ELEMENT.unpack_from(data, offset)
        offset += 8
        if group != 0:
            raise MalformedCommand(f"({group:04X},{element:04X}) does not belong into a command set")
        if offset + size > end:
            raise MalformedCommand(f"(0000,{element:04X}) of length {size} is cut off")
        elements[element] = data[offset : offset + size]
        offset += size
    return elements


def _number(elements: Mapping[int, bytes], element: ElementNumber) -> int | None:
    value = elements.get(element, b"")
    return int.from_bytes(value, "little") if len(value) == 2 else None


def encode_command(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """Return a command set with its group length; elements come in ascending order, values padded."""
    body = b"".join([_ELEMENT.pack(0, element, len(value)) + value for element, value in elements])
    return _ELEMENT.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


def us(value: int) -> bytes:
    """Return an unsigned short."""
    return value.to_bytes(2, "little")


def uid(value: str) -> bytes:
    """Return a UID, padded with NUL to even length."""
    raw = value.encode("ascii", "replace")
    return raw + b"\0" if len(raw) % 2 else raw


def text(value: str) -> bytes:
    """Return an AE title or comment, padded with a space to even length."""
    raw = value.encode("ascii", "replace")
    return raw + b" " if len(raw) % 2 else raw


def response(request: Command, verdict: Verdict, *, has_data_set: bool = False) -> bytes:
    """Return the command set that answers a request."""
    elements: list[tuple[int, bytes]] = []
    told = request.elements
    sop_class = told.get(ElementNumber.AFFECTED_SOP_CLASS_UID) or told.get(ElementNumber.REQUESTED_SOP_CLASS_UID)
    if sop_class:
        elements.append((ElementNumber.AFFECTED_SOP_CLASS_UID, sop_class))
    elements += [
        (ElementNumber.COMMAND_FIELD, us(request.field | _RESPONSE_BIT)),
        (ElementNumber.MESSAGE_ID_BEING_RESPONDED_TO, us(request.message_id)),
        (ElementNumber.COMMAND_DATA_SET_TYPE, us(1 if has_data_set else _NO_DATA_SET)),
        (ElementNumber.STATUS, us(verdict.status)),
    ]
    if verdict.offending is not None:
        elements.append((ElementNumber.OFFENDING_ELEMENT, us(0) + us(verdict.offending)))
    if verdict.comment:
        comment = verdict.comment.replace("\\", "/")[:_MAX_COMMENT]
        elements.append((ElementNumber.ERROR_COMMENT, text(comment)))
    instance = told.get(ElementNumber.AFFECTED_SOP_INSTANCE_UID) or told.get(ElementNumber.REQUESTED_SOP_INSTANCE_UID)
    if instance:
        elements.append((ElementNumber.AFFECTED_SOP_INSTANCE_UID, instance))
    action = told.get(ElementNumber.ACTION_TYPE_ID)
    if action:
        elements.append((ElementNumber.ACTION_TYPE_ID, action))
    if verdict.counts is not None:
        elements += _counts(verdict.counts)
    return encode_command(elements)


def _counts(counts: Counts) -> Iterable[tuple[int, bytes]]:
    if counts.remaining is not None:
        yield ElementNumber.REMAINING_SUBOPERATIONS, us(min(counts.remaining, _MAX_COUNT))
    yield ElementNumber.COMPLETED_SUBOPERATIONS, us(min(counts.completed, _MAX_COUNT))
    yield ElementNumber.FAILED_SUBOPERATIONS, us(min(counts.failed, _MAX_COUNT))
    yield ElementNumber.WARNING_SUBOPERATIONS, us(min(counts.warning, _MAX_COUNT))


def store_request(
    sop_class_uid: str,
    sop_instance_uid: str,
    *,
    message_id: int,
    originator: tuple[str, int] | None = None,
) -> bytes:
    """Return a C-STORE-RQ; `originator` is AE title and Message ID of the C-MOVE behind it (PS3.7 9.3.1.1)."""
    elements: list[tuple[int, bytes]] = [
        (ElementNumber.AFFECTED_SOP_CLASS_UID, uid(sop_class_uid)),
        (ElementNumber.COMMAND_FIELD, us(CommandField.C_STORE_RQ)),
        (ElementNumber.MESSAGE_ID, us(message_id)),
        (ElementNumber.PRIORITY, us(0)),
        (ElementNumber.COMMAND_DATA_SET_TYPE, us(1)),
        (ElementNumber.AFFECTED_SOP_INSTANCE_UID, uid(sop_instance_uid)),
    ]
    if originator is not None:
        ae_title, originator_message_id = originator
        elements.append((ElementNumber.MOVE_ORIGINATOR_AE_TITLE, text(ae_title)))
        elements.append((ElementNumber.MOVE_ORIGINATOR_MESSAGE_ID, us(originator_message_id)))
    return encode_command(elements)


def event_report_request(sop_class_uid: str, sop_instance_uid: str, *, event_type: int, message_id: int) -> bytes:
    """Return an N-EVENT-REPORT-RQ that a data set follows (PS3.7 10.3.1.1)."""
    return encode_command(
        [
            (ElementNumber.AFFECTED_SOP_CLASS_UID, uid(sop_class_uid)),
            (ElementNumber.COMMAND_FIELD, us(CommandField.N_EVENT_REPORT_RQ)),
            (ElementNumber.MESSAGE_ID, us(message_id)),
            (ElementNumber.COMMAND_DATA_SET_TYPE, us(1)),
            (ElementNumber.AFFECTED_SOP_INSTANCE_UID, uid(sop_instance_uid)),
            (ElementNumber.EVENT_TYPE_ID, us(event_type)),
        ]
    )


def echo_request(sop_class_uid: str, *, message_id: int) -> bytes:
    """Return a C-ECHO-RQ (PS3.7 9.3.5.1)."""
    return encode_command(
        [
            (ElementNumber.AFFECTED_SOP_CLASS_UID, uid(sop_class_uid)),
            (ElementNumber.COMMAND_FIELD, us(CommandField.C_ECHO_RQ)),
            (ElementNumber.MESSAGE_ID, us(message_id)),
            (ElementNumber.COMMAND_DATA_SET_TYPE, us(_NO_DATA_SET)),
        ]
    )
