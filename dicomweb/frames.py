"""WADO-RS: frames of an instance (PS3.18 10.4.1.1.6), uncompressed or in the form of an image type (table 8.7.3-5)."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.files import instances_tag
from dicomweb.multipart import Part, boundary_of, content_type, multipart
from dicomweb.negotiation import Form, frame_forms, not_acceptable, offers
from dicomweb.resources import held, path_of, scope_of
from dicomweb.services import Services, service_url
from vna.archive import Frames, HeldInstance
from vna.dicom.encoding import EXPLICIT_LE_UID
from vna.dicom.recode import SOURCES
from vna.errors import CannotConvert
from vna.web.conditional import not_modified, validators
from vna.web.media_types import accepted
from vna.web.pieces import Pieces
from vna.web.problem import Problem
from vna.web.ranged import ranged
from vna.web.streaming import Chunk, Streamed

_MOST_DIGITS: Final = 9


def frames_answer(services: Services, request: Request) -> Response:
    """Answer with frames: each as a part, or a single one alone where the client takes that.

    Raises:
        Problem: 400 for no list of frame numbers, 406 for nothing that is accepted.
        NotFound: there are not so many frames, or none.
    """
    scope = scope_of(request)
    (instance,) = held(services, scope)
    numbers = frame_numbers(request.path_params["frames"])
    stored = EXPLICIT_LE_UID if instance.transfer_syntax in SOURCES else instance.transfer_syntax
    forms = frame_forms(offers(accepted(request)), stored, single=len(numbers) == 1)
    if not forms:
        raise not_acceptable("frames")
    root = service_url(request)
    etag = instances_tag([instance], numbers, forms, root)
    if unchanged := not_modified(request, etag):
        return unchanged
    form, frames = _opened(services, instance, numbers, forms)
    headers = validators(etag)
    media_type = f"{form.media_type}; transfer-syntax={frames.transfer_syntax}"
    if not form.multipart:
        return _whole(request, [frame.data for frame in frames], media_type, headers)
    location = f"{root}{path_of(scope)}/frames/"
    parts = (Part(media_type, f"{location}{one.number}", iter((one.data,)), len(one.data)) for one in frames)
    boundary = boundary_of(etag)
    body = multipart(parts, boundary)
    whole_type = content_type(media_type, boundary)
    if len(numbers) == 1:
        return _whole(request, list(body), whole_type, headers)
    return Streamed(body, headers=headers, media_type=whole_type)


def _whole(request: Request, pieces: list[Chunk], media_type: str, headers: dict[str, str]) -> Response:
    """Answer with what lies in memory, or a range of it."""
    if "range" in request.headers:
        return ranged(request, iter(pieces), sum(map(len, pieces)), headers=headers, media_type=media_type)
    return Pieces(pieces, headers={**headers, "Accept-Ranges": "bytes"}, media_type=media_type)


def _opened(
    services: Services, instance: HeldInstance, numbers: Sequence[int], forms: Sequence[Form]
) -> tuple[Form, Frames]:
    """Open frames in the first form they can be had in.

    Raises:
        Problem: 406, in none of them.
    """
    reasons = []
    for form in forms:
        try:
            return form, services.archive.frames(instance, numbers, form.transfer_syntax)
        except CannotConvert as exc:
            reasons.append(str(exc))
    raise Problem(406, f"frames cannot be given in what is accepted: {'; '.join(reasons)}")


def frame_numbers(text: str) -> list[int]:
    """Read a list of frame numbers, counted from 1.

    Raises:
        Problem: 400, it is none.
    """
    numbers = []
    for part in text.split(","):
        if not part.isascii() or not part.isdecimal() or len(part) > _MOST_DIGITS or not int(part):
            raise Problem(400, f"{part[:20]!r} in the path is no frame number: they count from 1")
        numbers.append(int(part))
    return numbers
