"""Storage Commitment, push model (PS3.4 Annex J), where the node offers it."""

import select
import time

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from conformance.checks.asking import said
from conformance.checks.objects import TestObjects
from conformance.checks.registry import check
from conformance.checks.session import IMPLICIT, Session, reader_of
from conformance.checks.verdicts import Failed, NotSupported, expect, expect_equal
from conformance.messages import NO_DATA_SET, Field, Message, Tag, command_set, event_report_rsp, pdata
from conformance.requests import parse_identifier
from conformance.upper_layer import Association, Proposal

PUSH_MODEL = "1.2.840.10008.1.20.1"
_WELL_KNOWN_INSTANCE = "1.2.840.10008.1.20.1.1"
_ALL_COMMITTED, _SOME_FAILED = 1, 2
_LOOK_S = 0.05
_HELD = ("query-1-1-1", "query-2-1-1")


@check("commitment.held", "Commitment to what the node holds is reported as success", "PS3.4 J.3.3")
def held(session: Session) -> None:
    """Ask for two instances that were stored."""
    references = [_reference(session, name) for name in _HELD]
    event, report = _commit(session, 1, references)
    expect_equal(event, _ALL_COMMITTED, "the event type")
    named = sorted(one.ReferencedSOPInstanceUID for one in report.get("ReferencedSOPSequence", []))
    expect_equal(named, sorted(uid for _sop_class, uid in references), "the instances committed to")


@check("commitment.missing", "Commitment to what the node does not hold is reported as failed", "PS3.4 J.3.3")
def missing(session: Session) -> None:
    """Ask for one instance that was stored and one that never was."""
    sop_class, _uid = _reference(session, _HELD[0])
    nowhere = session.objects.uid(999, 1, 1)
    event, report = _commit(session, 2, [_reference(session, _HELD[0]), (sop_class, nowhere)])
    expect_equal(event, _SOME_FAILED, "the event type")
    failed = [one.ReferencedSOPInstanceUID for one in report.get("FailedSOPSequence", [])]
    expect_equal(failed, [nowhere], "the instances that failed")


def _commit(session: Session, number: int, references: list[tuple[str, str]]) -> tuple[int, Dataset]:
    """Request commitment, and wait for the report on the same association, or else on one of the node's to us.

    Raises:
        NotSupported: the SOP Class is not accepted.
        Failed: the request is refused, or no report comes.
    """
    with session.open(Proposal(PUSH_MODEL, (IMPLICIT,))) as association:
        if not association.accepted:
            raise NotSupported("Storage Commitment Push Model is not accepted")
        action = _action_rq(session.objects, number, references)
        association.sock.sendall(pdata(1, action[0], max_pdu=association.max_pdu, command=True))
        association.sock.sendall(pdata(1, action[1], max_pdu=association.max_pdu))
        response = reader_of(association).read()
        expect(response is not None and response.status == 0, f"the request is answered with {_told(response)}")
        report = _wait(session, association)
    expect(report.data, "the report has no data set")
    told = parse_identifier(report.data)
    expect_equal(told.get("TransactionUID"), session.objects.uid(900, number), "the Transaction UID of the report")
    return report.number(Tag.EVENT_TYPE), told


def _wait(session: Session, association: Association) -> Message:
    """Wait for the report on the association and on ours at once: where it comes is up to the node (PS3.4 J.3.3)."""
    listener, deadline = session.target.listener, time.monotonic() + session.target.timeout_s
    report: Message | None = None
    while report is None and time.monotonic() < deadline:
        if association.pdus.buffered or select.select([association.sock], [], [], _LOOK_S)[0]:
            report = reader_of(association).read()
            if report is None:  # released: it can come to us alone now
                break
            association.sock.sendall(event_report_rsp(report))
        elif listener is not None:
            report = listener.sink.next_report(0)
    if report is None and listener is not None:
        report = listener.sink.next_report(max(0, deadline - time.monotonic()))
    if report is None or report.command_field != Field.EVENT_REPORT_RQ:
        where = "on the association" if listener is None else f"on the association or to {listener.ae_title}"
        raise Failed(f"no N-EVENT-REPORT came {where} within {session.target.timeout_s:g} s")
    return report


def _action_rq(objects: TestObjects, number: int, references: list[tuple[str, str]]) -> tuple[bytes, bytes]:
    """Return command set and data set of the N-ACTION request (PS3.4 J.3.2, PS3.7 10.3.4)."""
    command = command_set(
        {
            Tag.REQUESTED_SOP_CLASS: PUSH_MODEL,
            Tag.COMMAND_FIELD: Field.ACTION_RQ,
            Tag.MESSAGE_ID: 1,
            Tag.DATA_SET_TYPE: NO_DATA_SET + 1,
            Tag.REQUESTED_SOP_INSTANCE: _WELL_KNOWN_INSTANCE,
            Tag.ACTION_TYPE: 1,
        }
    )
    ds = Dataset()
    ds.TransactionUID, ds.ReferencedSOPSequence = objects.uid(900, number), []
    for sop_class, uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        ds.ReferencedSOPSequence.append(item)
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    write_dataset(out, ds)
    return command, out.getvalue()


def _reference(session: Session, name: str) -> tuple[str, str]:
    instance = session.stored(name)
    return instance.sop_class_uid, instance.sop_instance_uid


def _told(response: Message | None) -> str:
    return f"status {said(response)}" if response else "a release"
