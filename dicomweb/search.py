"""The Search transaction, QIDO-RS (PS3.18 10.6): studies, series and instances that match query parameters."""

import gzip
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from types import MappingProxyType
from typing import Final

import orjson
import zstandard
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.answers import Answers
from dicomweb.query_parameters import parse_search
from dicomweb.resources import SERIES, STUDY, scope_of
from dicomweb.services import Services, service_url
from vna.archive import Page
from vna.dicom.attributes import Level
from vna.dicom.json_model import JsonObject
from vna.dicom.xml_model import native_xml
from vna.web.content_coding import choose_coding
from vna.web.media_types import MediaType, accepted, best_of
from vna.web.problem import Problem
from vna.web.streaming import Streamed

_log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Response]

_DICOM_XML: Final = "application/dicom+xml"
_MULTIPART: Final = "multipart/related"
_OFFERED: Final = ("application/dicom+json", "application/json", _MULTIPART)
_RESOURCES: Final = (
    ("/studies", Level.STUDY),
    ("/series", Level.SERIES),
    ("/instances", Level.IMAGE),
    (f"{STUDY}/series", Level.SERIES),
    (f"{STUDY}/instances", Level.IMAGE),
    (f"{SERIES}/instances", Level.IMAGE),
)
"""The resources of PS3.18 table 10.6.1-1, and what is searched for there."""

_CODE: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "zstd": lambda data: zstandard.ZstdCompressor(level=1).compress(data),
        "gzip": lambda data: gzip.compress(data, compresslevel=1, mtime=0),
    }
)
_WORTH_CODING: Final = 16 * 1024
"""Smaller answers are not compressed: it takes longer than sending them."""


def routes(services: Services) -> list[Route]:
    """Return the routes of the Search transaction."""
    return [Route(path, _searching(services, level), methods=["GET"]) for path, level in _RESOURCES]


def _searching(services: Services, level: Level) -> Endpoint:
    def search(request: Request) -> Response:
        return _answer(services, level, request)

    return search


def _answer(services: Services, level: Level, request: Request) -> Response:
    started = time.monotonic()
    media_type, service = _chosen(accepted(request)), service_url(request)
    search = parse_search(level, _within(request), request.scope["query_string"], services.archive.extra_attributes)
    most = services.settings.max_search_results
    limit = most if search.limit is None else min(search.limit, most)
    query = replace(search.query, view=services.view)
    page = services.archive.find_page(query, offset=search.offset, limit=limit)
    answers = Answers(search, service)
    response = _response(request, map(answers.result, page.matches), media_type, empty=not page.matches)
    for warning in (*search.warnings, *_behind(page)):
        response.headers.append("Warning", f"299 {service}: {warning}")
    _log.info(
        "search answered level=%s keys=%s results=%d ms=%.1f",
        level,
        ",".join(search.query.keys),
        len(page.matches),
        (time.monotonic() - started) * 1e3,
    )
    return response


def _within(request: Request) -> Mapping[str, str]:
    """Return the UIDs that the path names, by keyword."""
    if "study" not in request.path_params:
        return {}
    scope = scope_of(request)
    series = {} if scope.series is None else {"SeriesInstanceUID": str(scope.series)}
    return {"StudyInstanceUID": str(scope.study), **series}


def _chosen(types: Sequence[MediaType]) -> str:
    """Return the media type that the client likes best.

    Raises:
        Problem: 406, none of those offered (PS3.18 8.7.4, table 8.7.4-1).
    """
    found = best_of([each for each in types if each.parameters.get("type", _DICOM_XML).lower() == _DICOM_XML], _OFFERED)
    if found is not None:
        return found
    raise Problem(406, f'results are given as {_OFFERED[0]}, {_OFFERED[1]} or {_MULTIPART}; type="{_DICOM_XML}"')


def _response(request: Request, results: Iterator[JsonObject], media_type: str, *, empty: bool) -> Response:
    if empty:
        return Response(status_code=204)
    headers = {"Vary": "Accept, Accept-Encoding"}
    if media_type == _MULTIPART:
        boundary = token_hex(16)
        content_type = f'{_MULTIPART}; type="{_DICOM_XML}"; boundary={boundary}'
        return Streamed(_parts(results, boundary.encode()), headers=headers, media_type=content_type)
    body = b"[" + b",".join(map(orjson.dumps, results)) + b"]"
    coding = choose_coding(request, tuple(_CODE)) if len(body) > _WORTH_CODING else ""
    if coding:
        body, headers["Content-Encoding"] = _CODE[coding](body), coding
    return Response(body, headers=headers, media_type=media_type)


def _parts(results: Iterator[JsonObject], boundary: bytes) -> Iterator[bytes]:
    for result in results:
        yield b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary, _DICOM_XML.encode(), native_xml(result))
    yield b"--%b--\r\n" % boundary


def _behind(page: Page) -> Iterator[str]:
    """Yield the warning that there is more (PS3.18 8.3.4.4.1)."""
    if page.behind or not page.exact:
        more = "" if page.exact else "more than "
        yield f"There are {more}{page.behind} additional results that can be requested"
