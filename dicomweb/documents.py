"""Answers that are one DICOM data set, as JSON or as XML (PS3.18 8.7.3.2): reports of what was done."""

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vna.dicom.json_model import JsonObject
from vna.dicom.xml_model import native_xml
from vna.web.media_types import MediaType, accepted, best_of, parse_media_type
from vna.web.problem import Problem

DICOM_JSON: Final = "application/dicom+json"
DICOM_XML: Final = "application/dicom+xml"
_OFFERED: Final = (DICOM_JSON, "application/json", DICOM_XML)


def document_type(request: Request) -> str:
    """Return the media type that the client likes best.

    Raises:
        Problem: 406, it accepts none of those offered.
    """
    found = best_of([_part_type(each) for each in accepted(request)], _OFFERED)
    if found is not None:
        return found
    raise Problem(406, f"the answer is given as {', '.join(_OFFERED)}")


def document(
    data_set: JsonObject, media_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer with one data set, in a media type that `document_type` chose."""
    body = native_xml(data_set) if media_type == DICOM_XML else orjson.dumps(data_set)
    return Response(body, status, headers={"Vary": "Accept", **(headers or {})}, media_type=media_type)


def _part_type(accepted_type: MediaType) -> MediaType:
    """Return what the parts may be of a client that asks for several (until 2014 XML came so, PS3.18 6.6.1.3.2)."""
    if accepted_type.name != "multipart/related":
        return accepted_type
    try:
        part = parse_media_type(accepted_type.parameters.get("type", "*/*"))
    except ValueError as exc:
        raise Problem(400, f"Accept: {exc}") from exc
    return MediaType(part.name, part.parameters, accepted_type.q)
