"""Retrieve Transaction, Bulkdata and Pixel Data Resources (PS3.18 10.4.1.1.5, 10.4.1.1.7).

A value is what a BulkDataURI of the metadata names; it is given alone, also in part (Range), or in a multipart answer.
Uncompressed values are little endian octets, documents are given as what they say they are, videos as one stream.
Compressed images are given as stored, a part to a frame, to who accepts that, and to all others uncompressed.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.frames import FrameParts
from dicomweb.metadata import bulk_path
from dicomweb.negotiation import ANY, OCTETS, Form, Offer, frame_forms, not_acceptable, offers
from dicomweb.part_sources import (
    InTurn,
    PartSource,
    ValuePart,
    WholePixels,
    begun,
    outlined,
    parts_answer,
    whole_answer,
)
from dicomweb.resources import INSTANCE, SERIES, STUDY, held, scope_of
from dicomweb.services import Services, service_url
from vna.archive import BulkContent, HeldInstance
from vna.dicom.bulk_path import parse_bulk_path
from vna.dicom.encoding import DOUBLE_FLOAT_PIXEL_DATA, EXPLICIT_LE_UID, FLOAT_PIXEL_DATA, PIXEL_DATA
from vna.dicom.json_model import JsonObject, JsonWriter
from vna.dicom.recode import TARGETS
from vna.errors import CannotConvert, NotFound
from vna.web.conditional import byte_range, entity_tag, not_modified, validators
from vna.web.media_types import accepted
from vna.web.problem import Problem
from vna.web.streaming import Streamed

_XML: Final = "text/xml"
_DOCUMENT_TYPES: Final = frozenset({"application/pdf", _XML, "model/stl", "model/obj", "model/mtl"})
"""Documents given as what they say they are; others, which a browser might run, as octets."""

_EMBEDDED: Final = {"Content-Security-Policy": "frame-ancestors 'self'", "X-Frame-Options": "SAMEORIGIN"}
"""Documents and videos are shown inside pages of the node's own: the viewer's."""
_XML_POLICY: Final = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'self'; sandbox"}
"""XML may hold scripts, of which none is to run."""

_PIXELS: Final = tuple(f"{tag:08X}" for tag in (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA))
_MPEG_2: Final = ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101")
"""How their transfer syntaxes begin; those of other videos are for MP4."""
_AT_ONCE: Final = 512 * 1024


def routes(services: Services) -> list[Route]:
    """Return the routes of single values, and of all values of a study, a series and an instance."""
    every, pixels = partial(every_value, services, all_values=True), partial(every_value, services, all_values=False)
    return [
        Route(f"{INSTANCE}/bulkdata/{{path:path}}", partial(_value, services), methods=["GET"]),
        Route(f"{INSTANCE}/pixeldata", partial(_pixel_data, services), methods=["GET"]),
        *(Route(f"{resource}/bulkdata", every, methods=["GET"]) for resource in (STUDY, SERIES, INSTANCE)),
        *(Route(f"{resource}/pixeldata", pixels, methods=["GET"]) for resource in (STUDY, SERIES)),
    ]


def _value(services: Services, request: Request) -> Response:
    """Answer with the value that the path names.

    A range is given of a value alone: who asks for a part of a value, and takes it in parts, wants no torn parts.
    """
    path = request.path_params["path"]
    try:
        parse_bulk_path(path)
    except ValueError as exc:
        raise Problem(404, f"the path names no bulk value: {exc}") from exc
    (instance,) = held(services, scope_of(request))
    return _one_value(services, request, instance, path)


def _pixel_data(services: Services, request: Request) -> Response:
    """Answer with the pixel data of an instance, whichever of the three kinds it has (PS3.3 C.7.6.3, C.7.6.24)."""
    (instance,) = held(services, scope_of(request))
    try:
        return _one_value(services, request, instance, _PIXELS[0])
    except NotFound:
        for path in _PIXELS[1:]:
            with suppress(NotFound):
                return _one_value(services, request, instance, path)
        raise


def _one_value(services: Services, request: Request, instance: HeldInstance, path: str) -> Response:
    steps, wanted = parse_bulk_path(path), offers(accepted(request))
    content = services.archive.bulk(instance, steps)
    location = f"{service_url(request)}{bulk_path(instance)}/{path}"
    name = "" if content.is_compressed_images else value_type(content, instance)
    form = _form(wanted, name) if name else None
    if form is None:
        if steps != (PIXEL_DATA,) or content.is_video:
            raise not_acceptable(f"a value of the type {name}")
        return _pixels(services, request, instance, wanted)
    etag = entity_tag((instance.version_id, instance.digest, path, form, location if form.multipart else ""))
    headers = validators(etag)
    if unchanged := not_modified(request, etag):
        return unchanged
    if form.multipart:
        return whole_answer(ValuePart(content, form.media_type, location), headers)
    return value_answer(request, content, form.media_type, headers)


def value_type(content: BulkContent, instance: HeldInstance) -> str:
    """Return the media type of a value that is no compressed images."""
    if content.is_video:
        return "video/mpeg" if instance.transfer_syntax.startswith(_MPEG_2) else "video/mp4"
    return content.document_type if content.document_type in _DOCUMENT_TYPES else OCTETS


def _form(wanted: Sequence[Offer], name: str) -> Form | None:
    """Return how a value of a media type is given: as it is, or as octets; None if the client takes neither.

    Who takes anything gets it alone, so that a range of it can be had.
    """
    for offer in sorted(wanted, key=lambda offer: (-offer.q, offer.multipart and offer.media_type.name == "*/*")):
        if not offer.q or offer.transfer_syntax not in ("", ANY, EXPLICIT_LE_UID):
            continue
        given = next((each for each in (name, OCTETS) if offer.media_type.covers(each)), None)
        if given is not None:
            return Form(given, "", offer.multipart)
    return None


def value_answer(request: Request, content: BulkContent, media_type: str, headers: dict[str, str]) -> Response:
    """Answer with a value alone, or with the range of it that is asked for.

    Raises:
        Problem: 416.
    """
    headers = headers | {"Accept-Ranges": "bytes", "Content-Type": media_type}
    if media_type != OCTETS:
        headers |= _EMBEDDED | (_XML_POLICY if media_type == _XML else {})
    wanted, status = byte_range(request, content.size, headers["ETag"]), 206
    if wanted is None:
        wanted, status = range(content.size), 200
    else:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{content.size}"
    chunks = content.chunks(wanted)
    if len(wanted) <= _AT_ONCE:
        return Response(b"".join(chunks), status, headers=headers)
    return Streamed(begun(chunks), status_code=status, headers=headers, size=len(wanted))


def _pixels(services: Services, request: Request, instance: HeldInstance, wanted: Sequence[Offer]) -> Response:
    """Answer with the images of an instance: frame by frame as they are stored, or in one piece uncompressed."""
    etag = entity_tag((instance.version_id, instance.digest, "pixels", *wanted, service_url(request)))
    if unchanged := not_modified(request, etag):
        return unchanged
    headers = validators(etag)
    form, source = _opened(services, instance, wanted, service_url(request))
    if form.multipart:
        return whole_answer(source, headers)
    (part,) = source.read()
    return Streamed(begun(part.chunks), headers=headers, media_type=part.media_type, size=part.size)


def _opened(services: Services, instance: HeldInstance, wanted: Sequence[Offer], root: str) -> tuple[Form, PartSource]:
    """Open the images of an instance in the first form they can be had in; not in multipart there is one part.

    Raises:
        Problem: 406, in none of them.
    """
    reasons = []
    count = services.archive.frames(instance, [1]).count
    for form in _forms(wanted, instance.transfer_syntax, count):
        try:
            frames = services.archive.frames(instance, range(1, count + 1), form.transfer_syntax)
        except CannotConvert as exc:
            reasons.append(str(exc))
            continue
        media_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax}"
        location = f"{root}{bulk_path(instance)}/{PIXEL_DATA:08X}"
        if form.transfer_syntax == EXPLICIT_LE_UID:
            return form, WholePixels(frames, media_type, location)
        return form, FrameParts(services, instance, frames, media_type, partial(_same, location))
    raise Problem(
        406, f"the pixels cannot be given in what is accepted: {'; '.join(reasons) or 'of that there is nothing'}"
    )


def _same(location: str, _number: int) -> str:
    return location


def _forms(wanted: Sequence[Offer], stored: str, count: int) -> Iterator[Form]:
    """Yield the forms of images, best first; those of several compressed frames need several parts."""
    for form in frame_forms(wanted, stored, single=True):
        if form.multipart or count == 1 or form.transfer_syntax == EXPLICIT_LE_UID:
            yield form


def every_value(services: Services, request: Request, *, all_values: bool) -> Response:
    """Answer with all bulk values of a study, a series or an instance, or with their pixels alone.

    An only one is given to who takes no parts, too.
    """
    instances = held(services, scope_of(request))
    wanted = [offer for offer in offers(accepted(request)) if offer.multipart and offer.q]
    if not wanted:
        found = list(islice(_values(services, instances, all_values=all_values), 2))
        if len(found) == 1:
            return _one_value(services, request, *found[0])
        raise not_acceptable("several values, which are parts of a multipart answer,")
    root = service_url(request)
    etag = entity_tag((root, all_values, *wanted, *((one.version_id, one.digest) for one in instances)))
    if unchanged := not_modified(request, etag):
        return unchanged
    headers = validators(etag)
    values = _values(services, instances, all_values=all_values)
    value = next(values, None)
    if value is None:
        raise Problem(404, "what is held of this resource has no such values")
    opens = (partial(_source, services, *each, wanted, root) for each in chain((value,), values))
    source = outlined(list(opens)) if "range" in request.headers else InTurn(opens)
    if all(one.transfer_syntax in TARGETS for one in instances):
        headers["Accept-Ranges"] = "bytes"
    return parts_answer(request, source, headers)


def _values(
    services: Services, instances: Sequence[HeldInstance], *, all_values: bool
) -> Iterator[tuple[HeldInstance, str]]:
    """Go through the ways to values, instance by instance."""
    writer = JsonWriter()
    for instance, stored in zip(instances, services.archive.headers(instances), strict=True):
        for path in _bulk_paths(orjson.loads(writer.data_set(stored, bulk_uri=""))):
            if all_values or path in _PIXELS:
                yield instance, path


def _source(
    services: Services, instance: HeldInstance, path: str, wanted: Sequence[Offer], root: str
) -> PartSource | None:
    """Open a value in the first form the client takes, None if it takes none: there may be others it does."""
    content = services.archive.bulk(instance, parse_bulk_path(path))
    if content.is_compressed_images:
        try:
            return _opened(services, instance, wanted, root)[1]
        except Problem:
            return None
    form = _form(wanted, value_type(content, instance))
    return None if form is None else ValuePart(content, form.media_type, f"{root}{bulk_path(instance)}/{path}")


def _bulk_paths(data_set: JsonObject) -> Iterator[str]:
    """Yield the ways to the bulk values of a data set, in order."""
    for attribute in data_set.values():
        uri: str | None = attribute.get("BulkDataURI")
        if uri is not None:
            yield uri.removeprefix("/")
        items: list[Any] = attribute.get("Value", ()) if attribute["vr"] == "SQ" else []
        for item in items:
            yield from _bulk_paths(item)
