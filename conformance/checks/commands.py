"""DIMSE commands that are odd or wrong (PS3.7 6.3, 9, Annex C): each is refused by status, or ends the association."""

import struct

from conformance.checks.asking import is_failure
from conformance.checks.registry import Check, check
from conformance.checks.session import IMPLICIT, STUDY_FIND, STUDY_MOVE, Session, reader_of
from conformance.checks.verdicts import Failed, expect, expect_equal
from conformance.messages import NO_DATA_SET, Field, Message, Tag, command_set, pdata
from conformance.requests import VERIFICATION
from conformance.upper_layer import Aborted, Association, PeerClosed, Proposal

_ECHO: dict[Tag, int | str] = {
    Tag.SOP_CLASS: VERIFICATION,
    Tag.COMMAND_FIELD: Field.ECHO_RQ,
    Tag.MESSAGE_ID: 1,
    Tag.DATA_SET_TYPE: NO_DATA_SET,
}


@check("commands.unknown", "An unknown command is told as 0211, or ends the association", "PS3.7 C.5.23")
def unknown_command(session: Session) -> str:
    """Send command 0FF0."""
    return _refused(session, VERIFICATION, _ECHO | {Tag.COMMAND_FIELD: 0x0FF0})


@check("commands.other-service", "A command of another service than its context's is refused", "PS3.7 C.5.23")
def other_service(session: Session) -> str:
    """Send C-STORE on the context of Verification."""
    return _refused(session, VERIFICATION, _ECHO | {Tag.COMMAND_FIELD: Field.STORE_RQ, Tag.SOP_INSTANCE: "1.2.3"})


@check("commands.find-on-move", "C-FIND on the context of C-MOVE is refused", "PS3.7 C.5.23")
def find_on_move(session: Session) -> str:
    """Send C-FIND on a context of the MOVE SOP Class."""
    return _refused(session, STUDY_MOVE, _ECHO | {Tag.SOP_CLASS: STUDY_MOVE, Tag.COMMAND_FIELD: Field.FIND_RQ})


@check("commands.no-message-id", "A request without Message ID is refused, or ends the association", "PS3.7 9.3.5.1")
def no_message_id(session: Session) -> str:
    """Leave it out of a C-ECHO."""
    return _refused(session, VERIFICATION, {tag: value for tag, value in _ECHO.items() if tag != Tag.MESSAGE_ID})


@check("commands.no-command-field", "A command set without Command Field ends the association", "PS3.7 9.3.5.1")
def no_command_field(session: Session) -> str:
    """Leave it out of a C-ECHO."""
    return _refused(session, VERIFICATION, {tag: value for tag, value in _ECHO.items() if tag != Tag.COMMAND_FIELD})


@check("commands.stray-response", "A response that nobody waits for does no harm", "PS3.7 9.3.1.2")
def stray_response(session: Session) -> str:
    """Send a C-ECHO-RSP out of nothing, then ask."""
    response: dict[Tag, int | str] = {
        Tag.SOP_CLASS: VERIFICATION,
        Tag.COMMAND_FIELD: Field.ECHO_RSP,
        Tag.RESPONDED_TO: 1,
        Tag.DATA_SET_TYPE: NO_DATA_SET,
        Tag.STATUS: 0,
    }
    association = session.open(Proposal(VERIFICATION, (IMPLICIT,)))
    try:
        _send(association, response)
        _send(association, _ECHO)
        _response(association)
        how = "it is passed over"
    except (Aborted, PeerClosed, ConnectionError):
        how = "the association is ended"
    finally:
        association.sock.close()
    expect(session.is_alive(), "no association is accepted after it")
    return how


@check("commands.fragments", "A command set in many fragments is put together", "PS3.8 9.3.5.1")
def fragments(session: Session) -> None:
    """Send a C-ECHO four bytes at a time."""
    with session.open_for(VERIFICATION) as association:
        association.sock.sendall(pdata(1, command_set(_ECHO), max_pdu=10, command=True))
        expect_equal(_response(association).status, 0, "the status")


def _priority(value: int, name: str) -> Check:
    def run(session: Session) -> None:
        request: dict[Tag, int | str] = {
            Tag.SOP_CLASS: STUDY_FIND,
            Tag.COMMAND_FIELD: Field.FIND_RQ,
            Tag.MESSAGE_ID: 1,
            Tag.PRIORITY: value,
            Tag.DATA_SET_TYPE: 0,
        }
        uid = session.objects.uid(999).encode()
        uid += b"\0" * (len(uid) % 2)
        level = struct.pack("<HHI", 8, 0x52, 6) + b"STUDY "
        with session.open_for(STUDY_FIND) as association:
            _send(association, request)
            data = level + struct.pack("<HHI", 0x20, 0x0D, len(uid)) + uid
            association.sock.sendall(pdata(1, data, max_pdu=association.max_pdu))
            expect_equal(_response(association).status, 0, "the status")

    return Check(f"commands.priority.{name}", f"A query with priority {name} is answered", "PS3.7 9.3.2.1", run)


PRIORITIES = (_priority(1, "high"), _priority(2, "low"))


def _refused(session: Session, sop_class: str, fields: dict[Tag, int | str]) -> str:
    association = session.open_for(sop_class)
    try:
        _send(association, fields)
        status = _response(association).status
    except Aborted:
        return "the association is aborted"
    except PeerClosed:
        raise Failed("the connection is closed without A-ABORT") from None
    finally:
        association.sock.close()
    expect(session.is_alive(), "no association is accepted after it")
    if status == 0:
        raise Failed("answered with success")
    expect(is_failure(status), f"answered with status {status:04X}")
    return f"refused with status {status:04X}"


def _send(association: Association, fields: dict[Tag, int | str]) -> None:
    association.sock.sendall(pdata(1, command_set(fields), max_pdu=association.max_pdu, command=True))


def _response(association: Association) -> Message:
    message = reader_of(association).read()
    if message is None:
        raise PeerClosed("the node released the association instead of answering")
    return message
