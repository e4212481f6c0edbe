"""The Storage Commitment Service (PS3.18 chapter 13): whether instances are kept, decided by reading them back.

It is the same commitment as over DIMSE (vna.archive.commitments). One that is decided within a few seconds is answered
at once; another one goes on without its request, and the result is asked for. Results are known for a week.

With a token that is about instances which came from it, or from the peer it is called like; without tokens nobody can
tell who sent what, and what is held under a UID counts whoever sent it. Instances may be named in either way of PS3.18
table J.1-1; results name them one by one.
"""

import logging
import time
from collections.abc import Iterator
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.documents import DICOM_JSON, DICOM_XML, document, document_type
from dicomweb.request_body import read_body
from dicomweb.requesters import requester_of
from dicomweb.services import Services
from vna.archive import NOBODY, CommitmentReport, CommitmentRequested, report_of
from vna.dicom.describe import is_uid
from vna.dicom.json_model import JsonObject
from vna.dicom.json_reading import parse_json
from vna.dicom.xml_reading import parse_xml
from vna.errors import CannotUnderstand, VnaError
from vna.metrics.families import COMMITMENTS
from vna.model import InstanceUID
from vna.settings import parse_uid
from vna.web.media_types import parse_media_type
from vna.web.problem import Problem

_log = logging.getLogger(__name__)

_AT_ONCE_S: Final = 10.0
"""A commitment that takes longer is decided without its request."""

_LATER_S: Final = 5
_NEVER_S: Final = float("inf")
_LARGEST: Final = 16 * 2**20
_PATH: Final = "/commitment-requests/{transaction}"
_TAKEN: Final = (DICOM_JSON, "application/json", DICOM_XML)
_CALLED: Final = "dicom-web"

_SOP_CLASS, _SOP_INSTANCE, _REASON = "00081150", "00081155", "00081197"
_FAILED, _REFERENCED = "00081198", "00081199"
_STUDIES, _SERIES, _BY_CLASS, _INSTANCES = "00081110", "00081115", "00081112", "0008114A"

Reference = tuple[str, InstanceUID]


def routes(services: Services) -> list[Route]:
    """Return the routes of the Request and the Result Check transaction."""

    async def ask(request: Request) -> Response:
        answer_type, transaction = document_type(request), _transaction(request)
        parse = parse_xml if _payload(request) == DICOM_XML else parse_json
        body = bytearray()

        def take(chunk: bytes) -> None:
            if len(body) + len(chunk) > _LARGEST:
                raise Problem(413, f"a commitment request may have {_LARGEST} bytes")
            body.extend(chunk)

        def commit() -> Response:
            return _answer(_asked(services, request, transaction, references(parse(body))), answer_type)

        await read_body(request, take)
        return await run_in_threadpool(commit)

    def check(request: Request) -> Response:
        answer_type, transaction = document_type(request), _transaction(request)
        source = requester_of(services, request).committed_as
        mine = [
            o for o in services.archive.commitments.asked(transaction) if (o.ae_title, o.source) == (NOBODY, source)
        ]
        if not mine:
            raise Problem(404, f"no commitment {transaction} is known: results are kept for a week")
        return _answer(None if mine[0].failed is None else report_of(mine[0]), answer_type)

    return [Route(_PATH, ask, methods=["POST"]), Route(_PATH, check, methods=["GET"])]


def references(models: list[JsonObject]) -> tuple[Reference, ...]:
    """Return the instances that a Storage Commitment Request Module names, each once (PS3.18 J.1).

    Raises:
        CannotUnderstand: it names none, or not by UIDs.
    """
    if len(models) != 1:
        raise CannotUnderstand("a commitment request is one data set")
    model = models[0]
    flat = ((item, item) for item in _items(model, _REFERENCED))
    below = (
        (by_class, instance)
        for study in _items(model, _STUDIES)
        for series in _items(study, _SERIES)
        for by_class in _items(series, _BY_CLASS)
        for instance in _items(by_class, _INSTANCES)
    )
    pairs = (*flat, *below)
    found = dict.fromkeys((_uid(item, _SOP_CLASS), InstanceUID(_uid(inner, _SOP_INSTANCE))) for item, inner in pairs)
    if not found:
        raise CannotUnderstand("Referenced SOP Sequence (0008,1199) is missing or empty")
    return tuple(found)


def _asked(
    services: Services, request: Request, transaction: str, instances: tuple[Reference, ...]
) -> CommitmentReport | None:
    """Record what is asked for, and return the answer if there is one soon."""
    requester, commitments = requester_of(services, request), services.archive.commitments
    if commitments.asked(transaction):
        raise Problem(409, f"the Transaction UID {transaction} is in use")
    asked = CommitmentRequested(transaction, requester.committed_as, NOBODY, _CALLED, instances)
    number = commitments.ask(asked, requester.actor)
    services.archive.metrics.count(COMMITMENTS, requester.label, "requested")
    _log.info(
        "commitment requested source=%s number=%d transaction=%s instances=%d",
        requester.source.name,
        number,
        transaction,
        len(instances),
    )
    until = time.monotonic() + _AT_ONCE_S
    try:
        turn = commitments.take(number)
        if turn is None:
            return None
        report = commitments.answer(turn, patience_s=_NEVER_S, go_on=lambda: time.monotonic() < until)
        if report is None:
            commitments.pass_on(turn, 0)
        else:
            commitments.leave(turn)
    except VnaError as exc:
        _log.warning("commitment not decided now number=%d reason=%s", number, exc)
        return None
    return report


def _answer(report: CommitmentReport | None, media_type: str) -> Response:
    """Return a Storage Commitment Response Module (PS3.18 J.2), or that it takes longer."""
    if report is None:
        return Response(status_code=202, headers={"Retry-After": str(_LATER_S)})
    found: JsonObject = {}
    if report.failed:
        failed = [
            {**_reference(sop_class, uid), _REASON: {"vr": "US", "Value": [reason]}}
            for sop_class, uid, reason in report.failed
        ]
        found[_FAILED] = {"vr": "SQ", "Value": failed}
    if report.kept:
        found[_REFERENCED] = {"vr": "SQ", "Value": [_reference(*each) for each in report.kept]}
    return document(found, media_type)


def _reference(sop_class: str, uid: str) -> JsonObject:
    return {_SOP_CLASS: {"vr": "UI", "Value": [sop_class]}, _SOP_INSTANCE: {"vr": "UI", "Value": [uid]}}


def _transaction(request: Request) -> str:
    try:
        return parse_uid(request.path_params["transaction"])
    except ValueError as exc:
        raise Problem(400, f"the Transaction UID in the path: {exc}") from exc


def _payload(request: Request) -> str:
    try:
        name = parse_media_type(request.headers.get("content-type", "")).name
    except ValueError as exc:
        raise Problem(400, f"Content-Type: {exc}") from exc
    if name not in _TAKEN:
        raise Problem(415, f"a commitment request is taken as {', '.join(_TAKEN)}")
    return name


def _items(model: JsonObject, tag: str) -> Iterator[JsonObject]:
    attribute = model.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    for item in values if isinstance(values, list) else ():
        if not isinstance(item, dict):
            raise CannotUnderstand(f"{tag} has an item that is none")
        yield item


def _uid(item: JsonObject, tag: str) -> str:
    attribute: Any = item.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str) or not is_uid(values[0]):
        raise CannotUnderstand(f"{tag} is missing in a reference, or is no UID")
    return values[0]
