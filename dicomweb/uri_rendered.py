"""The URI service for what is rendered (PS3.18 9.5): its own parameters, the pictures of the rendered resources."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.negotiation import DICOM, not_acceptable
from dicomweb.rendered import content_answer, frame_answer
from dicomweb.rendering_parameters import uri_options_of, whole_number
from dicomweb.renditions import PICTURES, Frame, Rendering
from dicomweb.resources import held
from dicomweb.services import Services
from vna.archive import HeldInstance, Kind, Subject
from vna.dicom.image_layout import COLUMNS, ROWS
from vna.errors import NotFound
from vna.model import InstanceUID, Scope, SeriesUID
from vna.pixels.rendering.request import MediaType
from vna.settings import parse_uid
from vna.web.media_types import MediaType as Accepted
from vna.web.media_types import accepted, parse_media_type
from vna.web.problem import Problem

_MOST_FRAMES: Final = 999_999_999


def rendered_by_uri(services: Services, request: Request, instance: HeldInstance) -> Response | None:
    """Answer with an instance rendered; None if it is wanted as application/dicom.

    That is the default of what has several frames, or can be no picture and no text (PS3.18 9.1.2.2.1).

    Raises:
        Problem: 400 for a parameter, 406 for a media type it cannot be given in.
        NotFound: there is no such frame, or no such presentation state.
        CannotConvert: it cannot be rendered.
    """
    subject = services.archive.rendering.subject(instance)
    rendering = Rendering(services, [], request.query_params)
    name = _chosen(_wanted(request), rendering.types(subject), subject)
    if name is None:
        return None
    if name not in PICTURES:
        return content_answer(request, rendering, subject, name)
    frame = _frame(services, request, subject)
    if subject.kind is Kind.STATE:
        frame = rendering.frames(subject)[0]
    header = frame.subject.header
    size = (header.whole(COLUMNS), header.whole(ROWS))
    options = uri_options_of(request.query_params, MediaType(name), size)
    return frame_answer(request, rendering, frame, options)


def _wanted(request: Request) -> Sequence[Accepted]:
    """Return the media types that are wanted: those of contentType, else those of the Accept header."""
    text = request.query_params.get("contentType")
    if not text:
        return [each for each in accepted(request) if each.q]
    try:
        return [parse_media_type(part) for part in text.split(",") if part.strip()]
    except ValueError as exc:
        raise Problem(400, f"contentType: {exc}") from exc


def _chosen(wanted: Sequence[Accepted], names: Sequence[str], subject: Subject) -> str | None:
    """Return the first media type wanted that can be had, None for application/dicom.

    Raises:
        Problem: 406, none.
    """
    is_rendered = subject.kind is Kind.REPORT or subject.frames == 1
    ranked = (*names, DICOM) if is_rendered else (DICOM, *names)
    for each in wanted:
        for name in ranked:
            if each.covers(name):
                return None if name == DICOM else name
    raise not_acceptable("the instance")


def _frame(services: Services, request: Request, subject: Subject) -> Frame:
    parameters = request.query_params
    number = whole_number(parameters.get("frameNumber", "1"), "frameNumber", 1, _MOST_FRAMES)
    if subject.kind is Kind.IMAGE and number > subject.frames:
        raise NotFound(f"there is no frame {number}, the instance has {subject.frames}")
    if "presentationUID" not in parameters:
        return Frame(subject, number)
    try:
        uids = [parse_uid(parameters.get(name, "")) for name in ("presentationSeriesUID", "presentationUID")]
    except ValueError as exc:
        raise Problem(400, f"presentationUID and presentationSeriesUID: {exc}") from exc
    scope = Scope(subject.held.key.study, SeriesUID(uids[0]), InstanceUID(uids[1]))
    (state,) = held(services, scope)
    return Frame(subject, number, services.archive.rendering.subject(state))
