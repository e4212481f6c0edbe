"""The Store transaction, STOW-RS (PS3.18 10.5): instances as files, or as metadata with bulk data beside.

The body is taken as it comes: a part is in memory or in a spool file, and stored as soon as it is whole. So an instance
that was named in no answer, because the client broke off, may be held all the same; then it is whole.
"""

import logging
import time
from collections.abc import Mapping
from typing import Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.documents import document, document_type
from dicomweb.file_parts import DICOM, FileParts
from dicomweb.metadata_parts import METADATA, MetadataParts
from dicomweb.multipart_reading import BrokenMultipart, MultipartReader, PartData, PartStart, TooManyParts
from dicomweb.request_body import read_body
from dicomweb.requesters import requester_of
from dicomweb.resources import STUDY, scope_of
from dicomweb.services import Services, service_url
from dicomweb.store_report import Report
from dicomweb.storing import Storing
from vna.errors import CannotUnderstand
from vna.log_context import ASSOCIATION
from vna.web.media_types import MediaType, parse_media_type
from vna.web.problem import RETRY_AFTER_S, Problem

_log = logging.getLogger(__name__)

_MULTIPART: Final = "multipart/related"
_TAKEN: Final = (DICOM, *METADATA)


class Parts(Protocol):
    """Takes the parts of a request, of one kind of payload."""

    def begin(self, media_type: MediaType, headers: Mapping[str, str], /) -> None:
        """Begin a part of a media type; `headers` are all that it has."""
        ...

    def data(self, data: memoryview, /) -> None:
        """Take some of a part."""
        ...

    def end(self) -> None:
        """Take note that a part is whole."""
        ...

    def finish(self) -> None:
        """Take note that no more parts come."""
        ...

    def drop(self) -> None:
        """Forget what has not been stored."""
        ...


def routes(services: Services) -> list[Route]:
    """Return the routes of the Store transaction."""

    async def store(request: Request) -> Response:
        return await _store(services, request)

    return [Route(path, store, methods=["POST"]) for path in ("/studies", STUDY)]


async def _store(services: Services, request: Request) -> Response:
    started, answer_type = time.monotonic(), document_type(request)
    study = scope_of(request).study if "study" in request.path_params else None
    payload, kind = _payload(request)
    requester = await run_in_threadpool(requester_of, services, request)
    storing = Storing(services.archive, requester, study)
    ASSOCIATION.set(storing.session.association)
    intake = _Intake(
        FileParts(storing) if kind == DICOM else MetadataParts(storing), payload, services.settings.max_parts
    )
    try:
        await read_body(request, intake.take)
        broken = await run_in_threadpool(intake.finish)
        if broken:
            storing.fail(CannotUnderstand(broken))
        report = await run_in_threadpool(storing.report)
    finally:
        await run_in_threadpool(intake.close)
        await run_in_threadpool(storing.close)
    _log.info(
        "stow answered source=%s kept=%d failed=%d status=%d ms=%.1f",
        requester.source.name,
        len(report.kept),
        len(report.failed),
        report.status,
        (time.monotonic() - started) * 1e3,
    )
    return _answer(report, answer_type, service_url(request))


def _answer(report: Report, media_type: str, service: str) -> Response:
    failure = report.failed[0] if report.failed else None
    headers = (
        {} if failure is None else {"Warning": f"299 {service}: {failure.detail}".encode("ascii", "replace").decode()}
    )
    if failure is not None and report.status in (400, 503):
        later = {"Retry-After": str(RETRY_AFTER_S)} if report.status == 503 else {}
        detail = f"nothing was stored: {failure.detail}"
        raise Problem(report.status, detail, dicom_status=failure.reason, headers=later)
    return document(report.module(service), media_type, status=report.status, headers=headers)


def _payload(request: Request) -> tuple[MediaType, str]:
    """Return the media type of the body, and what kind of parts it has: the name of the type of the first.

    Raises:
        Problem: 400, it cannot be read; 415, it is none that is taken.
    """
    codings = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if not {coding.strip() for coding in codings} <= {"", "identity"}:
        raise Problem(415, "bodies are taken without a content coding", headers={"Accept-Encoding": "identity"})
    try:
        media_type = parse_media_type(request.headers.get("content-type", ""))
        part = parse_media_type(media_type.parameters.get("type", DICOM))
    except ValueError as exc:
        raise Problem(400, f"Content-Type: {exc}") from exc
    kind = part.name if media_type.name == _MULTIPART else media_type.name
    if kind not in _TAKEN:
        raise Problem(415, f"instances are taken as {', '.join(_TAKEN)}, alone or as parts of {_MULTIPART}")
    return media_type, kind


class _Intake:
    """Takes a body apart, as it comes in."""

    def __init__(self, parts: Parts, payload: MediaType, max_parts: int) -> None:
        """Take a body of a media type, of several parts or of one.

        Raises:
            Problem: 400, it has no usable boundary.
        """
        self._parts, self._payload, self._most = parts, payload, max_parts
        self._reader: MultipartReader | None = None
        self._broken = ""
        self._count = 0
        if payload.name == _MULTIPART:
            try:
                self._reader = MultipartReader(payload.parameters.get("boundary", ""), max_parts=max_parts)
            except BrokenMultipart as exc:
                raise Problem(400, f"Content-Type: {exc}") from exc

    def take(self, chunk: bytes) -> None:
        """Take the next bytes; behind a place where the body is broken they are passed over.

        Raises:
            Problem: 413, there are too many parts.
        """
        if self._broken:
            return
        if self._reader is None:
            self._begin({})
            self._parts.data(memoryview(chunk))
            return
        try:
            for event in self._reader.feed(chunk):
                if isinstance(event, PartData):
                    self._parts.data(event.data)
                elif isinstance(event, PartStart):
                    self._count += 1
                    self._parts.begin(self._type_of(event.headers), event.headers)
                else:
                    self._parts.end()
        except BrokenMultipart as exc:
            self._broken = str(exc)
        except TooManyParts as exc:
            text = f"a request may have {self._most} parts; what came before was stored"
            raise Problem(413, text, headers={"Connection": "close"}) from exc

    def finish(self) -> str:
        """Take note that the body has ended; return how it is broken, empty if it is not.

        Raises:
            Problem: 400, there is no part in it.
        """
        if self._reader is None:
            if self._count:
                self._parts.end()
        elif not self._broken:
            try:
                self._reader.close()
            except BrokenMultipart as exc:
                self._broken = str(exc)
        self._parts.finish()
        if not self._count:
            raise Problem(400, self._broken or "the body is empty")
        return self._broken

    def close(self) -> None:
        """Forget what is not whole."""
        self._parts.drop()

    def _begin(self, headers: Mapping[str, str]) -> None:
        if not self._count:
            self._count = 1
            self._parts.begin(self._payload, headers)

    def _type_of(self, headers: Mapping[str, str]) -> MediaType:
        """Return the media type of a part: that of the request's parts where it does not say."""
        try:
            return parse_media_type(headers.get("content-type") or self._payload.parameters.get("type", DICOM))
        except ValueError as exc:
            raise BrokenMultipart(f"Content-Type of a part: {exc}") from exc
