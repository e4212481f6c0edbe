"""The upper layer's state machine (PS3.8 9.2): release, abort, and PDUs that must not come."""

import socket
import struct

from pydicom.uid import UID

from conformance import oddities
from conformance.checks.asking import find, found
from conformance.checks.registry import Check, check
from conformance.checks.session import EXPLICIT, IMPLICIT, SECONDARY_CAPTURE, STUDY_FIND, Session, is_stored, reader_of
from conformance.checks.verdicts import Failed, NotSupported, Skipped, expect
from conformance.messages import Field, Tag, command_set, pdata, store_command
from conformance.requests import VERIFICATION, store
from conformance.upper_layer import (
    ABORT,
    RELEASE_RP,
    RELEASE_RQ,
    Association,
    PduReader,
    PduType,
    PeerClosed,
    Proposal,
    Requestor,
    associate_rq,
    connect,
)

_ECHO = Proposal(VERIFICATION, (IMPLICIT,))
_SC = Proposal(SECONDARY_CAPTURE, (EXPLICIT,))
_CLOSED = "closed"
_PROVIDER = 2


@check("upper-layer.release", "A release is answered", "PS3.8 7.2")
def release(session: Session) -> None:
    """Release an association on which nothing was asked."""
    association = session.open(_ECHO)
    with association.sock as sock:
        sock.sendall(RELEASE_RQ)
        kind, _body = association.pdus.read()
    expect(kind == PduType.RELEASE_RP, f"a PDU of type {kind} came instead of A-RELEASE-RP")


@check("upper-layer.abort", "After an abort the node takes new associations", "PS3.8 7.3")
def abort(session: Session) -> None:
    """Abort an association and request another."""
    session.open(_ECHO).abort()
    expect(session.is_alive(), "no association is accepted any more")


@check("upper-layer.abort-in-data-set", "An instance whose data set was aborted is not found", "PS3.4 B.2.3")
def abort_in_data_set(session: Session) -> None:
    """Send half an instance, abort, then query for it, and send it whole."""
    _expect_nothing_kept(session, 11, ABORT)


@check("upper-layer.close-in-data-set", "An instance cut off by a lost connection is not found", "PS3.4 B.2.3")
def close_in_data_set(session: Session) -> None:
    """Send half an instance and close the connection."""
    _expect_nothing_kept(session, 12, b"")


@check("upper-layer.garbage", "What is no PDU ends the connection, and nothing else", "PS3.8 9.2.3")
def garbage(session: Session) -> str:
    """Speak HTTP."""
    with _connected(session) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: archive\r\n\r\n" + bytes(64))
        how = _ending(PduReader(sock))
    expect(session.is_alive(), "no association is accepted after it")
    return how


@check("upper-layer.cut-off", "A connection that is closed within a PDU does no harm", "PS3.8 9.2.3")
def cut_off(session: Session) -> None:
    """Send a third of an A-ASSOCIATE-RQ and close."""
    request = associate_rq(session.target.node.ae_title, [_ECHO], session.requestor())
    with _connected(session) as sock:
        sock.sendall(request[: len(request) // 3])
    expect(session.is_alive(), "no association is accepted any more")


def _first_pdu(id_: str, name: str, pdu: bytes) -> Check:
    def run(session: Session) -> str:
        return _before_association(session, pdu)

    title = f"{name} where an association is to be requested is answered by A-ABORT"
    return Check(f"upper-layer.first.{id_}", title, "PS3.8 9.2.3", run)


FIRST = (
    _first_pdu("data", "P-DATA", pdata(1, b"\0" * 20, max_pdu=16384)),
    _first_pdu("release", "A-RELEASE-RQ", RELEASE_RQ),
    _first_pdu("accept", "A-ASSOCIATE-AC", struct.pack(">BxI", 2, 68) + b"\0\1" + bytes(66)),
    _first_pdu("unknown", "A PDU of unknown type", struct.pack(">BxI", 0x77, 4) + bytes(4)),
)


def _in_association(id_: str, name: str, pdu: bytes, section: str = "PS3.8 9.2.3") -> Check:
    def run(session: Session) -> str:
        association = session.open(_ECHO)
        with association.sock as sock:
            sock.sendall(pdu)
            how = _ending(association.pdus)
        expect(how != _CLOSED, "the connection is closed without A-ABORT")
        expect(session.is_alive(), "no association is accepted after it")
        return how

    return Check(f"upper-layer.within.{id_}", f"{name} within an association is answered by A-ABORT", section, run)


_ECHO_COMMAND = command_set(
    {Tag.SOP_CLASS: VERIFICATION, Tag.COMMAND_FIELD: Field.ECHO_RQ, Tag.MESSAGE_ID: 1, Tag.DATA_SET_TYPE: 0x0101}
)
_UNKNOWN_PDU = struct.pack(">BxI", 0x77, 4) + bytes(4)
WITHIN = (
    _in_association("second-request", "A second A-ASSOCIATE-RQ", associate_rq("ANY", [_ECHO], Requestor())),
    _in_association("release-answer", "An A-RELEASE-RP that answers nothing", RELEASE_RP),
    _in_association("unknown", "A PDU of unknown type", _UNKNOWN_PDU),
    _in_association(
        "data-set-alone", "A data set without a command", pdata(1, b"\0" * 8, max_pdu=16384), "PS3.7 6.3.1"
    ),
    _in_association(
        "unknown-context",
        "P-DATA on a context that was not agreed",
        pdata(7, _ECHO_COMMAND, max_pdu=16384, command=True),
        "PS3.8 9.3.5.1",
    ),
    _in_association(
        "bad-length",
        "A PDV that is longer than its PDU",
        struct.pack(">BxIIBB", 4, 10, 4000, 1, 3) + bytes(4),
        "PS3.8 9.3.5.1",
    ),
)


@check("upper-layer.artim", "A connection on which nothing is requested is closed in time", "PS3.8 9.1.5")
def artim(session: Session) -> str:
    """Connect, say nothing, and wait."""
    if not session.target.patience_s:
        raise Skipped("give --patience SECONDS to wait for the node's timer")
    with _connected(session) as sock:
        sock.settimeout(session.target.patience_s)
        try:
            how = _ending(PduReader(sock))
        except TimeoutError:
            raise Failed(f"the connection is open after {session.target.patience_s:g} s") from None
    return how


@check("upper-layer.several-pdvs", "A PDU may hold command and data set together", "PS3.8 9.3.5.1")
def several_pdvs(session: Session) -> None:
    """Store an object whose command and first fragment come in one PDU."""
    instance = session.objects.instance("query-3-1-1")
    with session.open(_SC) as association:
        _context(association)
        command = store_command(SECONDARY_CAPTURE, instance.sop_instance_uid, message_id=1)
        body = b"".join(
            struct.pack(">IBB", len(data) + 2, 1, control) + data
            for data, control in ((command, 3), (instance.data, 2))
        )
        association.sock.sendall(struct.pack(">BxI", PduType.P_DATA_TF, len(body)) + body)
        message = reader_of(association).read()
    expect(message is not None and is_stored(message.status), "it is not stored")
    session.taken.add(3)


def _expect_nothing_kept(session: Session, study: int, ending: bytes) -> None:
    """Send half an instance of a study, end it thus, see that it is not found, then that it can be stored."""
    ds = oddities.secondary_capture(study=study)
    ds.PatientName, ds.PatientID = "CONFORMANCE^HALF", f"{session.objects.label}H"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = session.objects.uid(study), session.objects.uid(study, 1)
    ds.SOPInstanceUID = UID(session.objects.uid(study, 1, 1))
    instance = oddities.encoded(ds)
    association = session.open(_SC)
    with association.sock as sock:
        _context(association)
        command = store_command(SECONDARY_CAPTURE, instance.sop_instance_uid, message_id=1)
        sock.sendall(pdata(1, command, max_pdu=association.max_pdu, command=True))
        half = len(instance.data) // 4 * 2
        head = struct.pack(">BxIIBB", PduType.P_DATA_TF, half + 6, half + 2, 1, 0)
        sock.sendall(head + instance.data[:half] + ending)
    keys = {"StudyInstanceUID": session.objects.uid(study)}
    expect(not found(find(session, STUDY_FIND, "STUDY", keys), "STUDY"), "half an instance is found")
    with session.open(_SC) as again:
        answer = store(again, instance)
    expect(is_stored(answer.status), f"sent whole afterwards, it is answered with status {answer.status:04X}")
    session.taken.add(study)


def _before_association(session: Session, data: bytes) -> str:
    """Send what does not begin an association; see an A-ABORT (Sta2, AA-1), and that the node lives."""
    with _connected(session) as sock:
        sock.sendall(data)
        how = _ending(PduReader(sock))
    expect(session.is_alive(), "no association is accepted after it")
    if how == _CLOSED:
        raise Failed("the connection is closed without A-ABORT")
    return how


def _ending(pdus: PduReader) -> str:
    """Read until the node ends the connection, and return how: by which A-ABORT, or by closing it."""
    try:
        kind, body = pdus.read()
        if kind != PduType.ABORT:
            raise Failed(f"a PDU of type {kind} came instead of A-ABORT")
        return f"A-ABORT by the {'provider' if body[2] == _PROVIDER else 'user'}, reason {body[3]}"
    except (PeerClosed, ConnectionResetError):
        return _CLOSED


def _connected(session: Session) -> socket.socket:
    return connect(session.target.node, timeout_s=session.target.timeout_s)


def _context(association: Association) -> None:
    if association.context(SECONDARY_CAPTURE) is None:
        raise NotSupported("Secondary Capture Image Storage is not accepted")
