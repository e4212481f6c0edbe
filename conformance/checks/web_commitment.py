"""Storage Commitment over DICOMweb (PS3.18 chapter 13)."""

import json
import time
from typing import Any

from conformance.checks.registry import check
from conformance.checks.session import Session
from conformance.checks.verdicts import Failed, NotSupported, expect, expect_equal
from conformance.checks.web import client, post, ready
from conformance.checks.web_client import JSON, WebAnswer, value
from conformance.corpus import Instance

_STORED, _FAILED, _SOP_INSTANCE, _REASON = "00081199", "00081198", "00081155", "00081197"
_TRANSACTION = 900
"""The numbers of transactions begin here: no studies have them."""


@check("web.commitment.held", "Commitment to what the node holds is given", "PS3.18 13.4.3")
def held(session: Session) -> str:
    """Ask for an instance that was stored."""
    instance = ready(session, "ct")
    answer, came = _settled(session, 1, instance)
    report = answer.item()
    stored = [value(one, _SOP_INSTANCE) for one in report.get(_STORED, {}).get("Value", [])]
    expect_equal(stored, [instance.sop_instance_uid], "the instances committed to")
    expect(_FAILED not in report, "some are said to have failed")
    return came


@check("web.commitment.missing", "Commitment to what the node does not hold is refused, with a reason", "PS3.18 13.4.3")
def missing(session: Session) -> str:
    """Ask for an instance that was never stored."""
    instance = ready(session, "ct")
    unknown = Instance(instance.sop_class_uid, session.objects.uid(999, 1, 1), "", b"")
    answer, _came = _settled(session, 2, unknown)
    report = answer.item()
    failed = value(report, _FAILED) or {}
    expect_equal(value(failed, _SOP_INSTANCE), unknown.sop_instance_uid, "the instance that failed")
    expect(_STORED not in report, "something is committed to")
    return f"reason {int(value(failed, _REASON) or 0):04X}"


@check("web.commitment.result", "The result is there to be asked for again", "PS3.18 13.5")
def result(session: Session) -> None:
    """Ask for it by GET."""
    instance = ready(session, "ct")
    first, _came = _settled(session, 3, instance)
    again = client(session).get(_path(session, 3))
    expect_equal(again.status, 200, "the status")
    expect_equal(again.item(), first.item(), "the result")


@check("web.commitment.conflict", "A transaction UID that is in use is answered with 409", "PS3.18 13.4.3")
def conflict(session: Session) -> None:
    """Post another request under a UID that was used."""
    instance = ready(session, "ct")
    _settled(session, 4, instance)
    other = Instance(instance.sop_class_uid, session.objects.uid(999, 1, 2), "", b"")
    expect_equal(_post(session, 4, _request(other)).status, 409, "the status")


@check(
    "web.commitment.unknown", "The result of a transaction that nobody asked for is answered with 404", "PS3.18 13.5.3"
)
def unknown(session: Session) -> None:
    """Ask for it."""
    _settled(session, 5, ready(session, "ct"))
    expect_equal(client(session).get(_path(session, 99)).status, 404, "the status")


@check("web.commitment.bad-request", "A request that names nothing is answered with 400", "PS3.18 13.4.3")
def bad_request(session: Session) -> None:
    """Post an empty data set."""
    _settled(session, 6, ready(session, "ct"))
    expect_equal(_post(session, 7, [{}]).status, 400, "the status")


def _settled(session: Session, transaction: int, instance: Instance) -> tuple[WebAnswer, str]:
    """Return the answer with the result, and how it came.

    Raises:
        NotSupported: the service is not offered.
    """
    answer = _post(session, transaction, _request(instance))
    if answer.status in (404, 405, 501):
        raise NotSupported(f"answered with {answer.status}")
    if answer.status == 200:
        return answer, "at once"
    deadline = time.monotonic() + max(session.target.timeout_s, 30)
    while answer.status == 202:
        if time.monotonic() > deadline:
            raise Failed("no result came in time")
        wait_s = answer.headers.get("retry-after", "1")
        time.sleep(min(float(wait_s) if wait_s.isdecimal() else 1, 5))
        answer = client(session).get(_path(session, transaction))
    expect_equal(answer.status, 200, "the status")
    return answer, "later, after 202"


def _post(session: Session, transaction: int, model: list[dict[str, Any]]) -> WebAnswer:
    return post(session, _path(session, transaction), json.dumps(model).encode(), media_type=JSON)


def _path(session: Session, transaction: int) -> str:
    return f"/commitment-requests/{session.objects.uid(_TRANSACTION + transaction)}"


def _request(instance: Instance) -> list[dict[str, Any]]:
    """Return a Storage Commitment Request Module (PS3.18 J.1) in DICOM JSON."""
    reference = {
        "00081150": {"vr": "UI", "Value": [instance.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [instance.sop_instance_uid]},
    }
    return [{"00081199": {"vr": "SQ", "Value": [reference]}}]
