"""Storing an object over DICOMweb, for a node that is reached by nothing else."""

from conformance.checks.multipart import Part, body_of, related
from conformance.checks.web_client import JSON, WebClient, value
from conformance.corpus import Instance
from conformance.phantoms import part10_head
from conformance.requests import Answer

_NOT_TAKEN = (404, 405, 415, 501)
_PROCESSING_FAILURE = 0x0110


def store_over_web(client: WebClient, instance: Instance) -> Answer | None:
    """Store an object by STOW-RS (PS3.18 10.5), and return the answer as C-STORE would say it, None if it is not taken.

    A Failure Reason or a Warning Reason stands for the status (PS3.18 I.2).
    """
    head = part10_head(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax)
    body = body_of([Part({"Content-Type": "application/dicom"}, head + instance.data)])
    headers = {"Accept": JSON, "Content-Type": related("application/dicom")}
    answer = client.request("POST", "/studies", headers=headers, body=body)
    if answer.status in _NOT_TAKEN:
        return None
    try:
        report = answer.item()
    except ValueError:
        report = {}
    failed, stored = value(report, "00081198") or {}, value(report, "00081199") or {}
    reason = value(failed, "00081197") or value(stored, "00081196")
    otherwise = 0 if stored else _PROCESSING_FAILURE
    return Answer(int(reason) if reason else otherwise, f"HTTP status {answer.status}", 0, 0, 0, answer.body)
