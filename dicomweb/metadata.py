"""Retrieve Transaction, Metadata Resources (PS3.18 10.4.1.1.2): data sets without their bulk, as JSON or XML.

The metadata of a series is made once and kept as a derived document, without the address of this node: that is put in
when it is served, and in the content codings clients ask for it is kept ready too. Its name follows from the versions
it holds, so one that came, went or was replaced makes another document.
"""

import gzip
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final

import brotli  # type: ignore[import-untyped]
import orjson
import zstandard
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.multipart import Part, boundary_of, content_type, multipart
from dicomweb.resources import INSTANCE, SERIES, STUDY, held, path_of_instance, scope_of
from dicomweb.services import Services, service_url
from vna.archive import Archive, HeldInstance, document_name
from vna.dicom.json_model import JsonObject, JsonWriter
from vna.dicom.xml_model import native_xml
from vna.errors import CannotConvert, CannotUnderstand, Damaged
from vna.web.conditional import entity_tag, not_modified, validators
from vna.web.content_coding import choose_coding
from vna.web.media_types import MediaType, accepted, best_of
from vna.web.problem import Problem
from vna.web.ranged import whole_or_range

log = logging.getLogger(__name__)

_FORMAT: Final = 2
"""Of what is kept: another number makes all of it anew."""

_UNREADABLE: Final = (Damaged, CannotConvert, CannotUnderstand)
"""What is wrong with one instance does not hide the others."""

_JSON: Final = "application/dicom+json"
_PLAIN_JSON: Final = "application/json"
_XML: Final = "application/dicom+xml"
_MULTIPART: Final = "multipart/related"

_VARY: Final = "Accept, Accept-Encoding"
_URI: Final = b'"BulkDataURI":"'
"""Found in JSON before an address alone: in values the quotes would be escaped."""

_CODE: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "zstd": lambda data: zstandard.ZstdCompressor(level=3).compress(data),
        "br": lambda data: bytes(brotli.compress(data, quality=5)),
        "gzip": lambda data: gzip.compress(data, compresslevel=6, mtime=0),
    }
)


def routes(services: Services) -> list[Route]:
    """Return the routes of the metadata of a study, a series and an instance."""

    def metadata(request: Request) -> Response:
        return _retrieve(services, request)

    return [Route(f"{resource}/metadata", metadata, methods=["GET"]) for resource in (STUDY, SERIES, INSTANCE)]


def bulk_path(instance: HeldInstance) -> str:
    """Return the path that the bulk data of an instance lie under, below the root of the services."""
    return f"{path_of_instance(instance.key)}/bulkdata"


def _retrieve(services: Services, request: Request) -> Response:
    instances = held(services, scope_of(request))
    services.archive.opened(instances)
    try:
        return _answer(services, request, instances)
    except _UNREADABLE as exc:
        log.warning("metadata cannot be read study=%s reason=%s", instances[0].key.study, exc)
        sound = [instance for instance in instances if _is_readable(services.archive, instance)]
        if not sound:
            raise
    answer = _answer(services, request, sound)
    if answer.status_code == 200:
        answer.status_code = 206
        answer.headers["Warning"] = (
            f'299 - "left out, since they cannot be read: {len(instances) - len(sound)} of {len(instances)} instances"'
        )
    return answer


def _is_readable(archive: Archive, instance: HeldInstance) -> bool:
    try:
        _made(archive, [instance])
    except _UNREADABLE:
        return False
    return True


def _answer(services: Services, request: Request, instances: Sequence[HeldInstance]) -> Response:
    media_type = _chosen(request)
    base = service_url(request)
    etag = entity_tag((base, media_type, *map(_identity, instances)), weak=True)
    unchanged = not_modified(request, etag, vary=_VARY)
    if unchanged is not None:
        return unchanged
    document = _Document(services.archive, instances, base, kept="instance" not in request.path_params)
    headers = validators(etag, vary=_VARY)
    if media_type in (_JSON, _PLAIN_JSON):
        return _json_answer(request, document, media_type, headers)
    return _xml_answer(request, document, media_type, headers)


def _chosen(request: Request) -> str:
    """Return the media type of the answer (PS3.18 8.7.5).

    Raises:
        Problem: 406, none of those that are accepted can be had.
    """
    found = best_of([each for each in accepted(request) if _is_of_xml(each)], (_JSON, _PLAIN_JSON, _XML, _MULTIPART))
    if found is not None:
        return found
    raise Problem(406, f'metadata is given as {_JSON} or as {_MULTIPART}; type="{_XML}"')


def _is_of_xml(wanted: MediaType) -> bool:
    """Return whether, if it is of parts, they may be XML: nothing else comes in parts."""
    return wanted.name != _MULTIPART or wanted.parameters.get("type", _XML).lower() == _XML


def _identity(instance: HeldInstance) -> str:
    """Return what the metadata of an instance follow from: its version, and the bytes that came with it."""
    return f"{instance.version_id} {instance.digest}"


class _Document:
    """The metadata of instances as JSON with this node's address in it; series by series `kept`, or made now."""

    def __init__(self, archive: Archive, instances: Sequence[HeldInstance], base: str, *, kept: bool) -> None:
        self._archive, self._instances, self._base, self._kept = archive, instances, base, kept

    def json(self) -> bytes:
        """Return a JSON array of data sets."""
        series = groupby(self._instances, lambda instance: (instance.key.study, instance.key.series))
        data_sets = b",".join(self._of_series(list(instances)) for _, instances in series)
        address = orjson.dumps(self._base)[1:-1]
        return b"[" + data_sets.replace(_URI, _URI + address) + b"]"

    def coded(self, coding: str) -> bytes:
        """Return the same in a content coding."""
        if not self._kept:
            return _CODE[coding](self.json())
        name = document_name(("metadata", _FORMAT, coding, self._base, *map(_identity, self._instances)))
        return self._archive.derived.document(name, lambda: _CODE[coding](self.json()))

    def data_sets(self) -> list[JsonObject]:
        """Return the data sets."""
        found: list[JsonObject] = orjson.loads(self.json())
        return found

    def locations(self) -> Iterator[str]:
        """Give the address of the metadata of each."""
        return (f"{self._base}{path_of_instance(instance.key)}/metadata" for instance in self._instances)

    def _of_series(self, instances: Sequence[HeldInstance]) -> bytes:
        """Return the data sets of a series with commas between them, their BulkDataURIs without an address."""
        if not self._kept:
            return _made(self._archive, instances)
        name = document_name(("metadata", _FORMAT, *map(_identity, instances)))
        packed = self._archive.derived.document(name, lambda: _CODE["zstd"](_made(self._archive, instances)))
        return zstandard.ZstdDecompressor().decompress(packed)


def _made(archive: Archive, instances: Sequence[HeldInstance]) -> bytes:
    writer = JsonWriter()
    headers = zip(instances, archive.headers(instances), strict=True)
    return b",".join(writer.data_set(stored, bulk_uri=bulk_path(instance)) for instance, stored in headers)


def _json_answer(request: Request, document: _Document, media_type: str, headers: dict[str, str]) -> Response:
    coding = choose_coding(request)
    if not coding:
        return whole_or_range(request, document.json(), headers=headers, media_type=media_type)
    headers["Content-Encoding"] = coding
    return whole_or_range(request, document.coded(coding), headers=headers, media_type=media_type)


def _xml_answer(request: Request, document: _Document, media_type: str, headers: dict[str, str]) -> Response:
    found = [native_xml(data_set) for data_set in document.data_sets()]
    if media_type == _XML:
        if len(found) > 1:
            raise Problem(406, f'the metadata of several instances is given as XML in {_MULTIPART}; type="{_XML}"')
        return whole_or_range(request, found[0], headers=headers, media_type=_XML)
    boundary = boundary_of(headers["ETag"])
    parts = (Part(_XML, place, iter((one,)), len(one)) for place, one in zip(document.locations(), found, strict=True))
    body, of_parts = b"".join(multipart(parts, boundary)), content_type(_XML, boundary)
    return whole_or_range(request, body, headers=headers, media_type=of_parts)
