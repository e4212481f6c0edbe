"""WADO-RS: frames of an instance (PS3.18 10.4.1.1.6), uncompressed or in the form of an image type (table 8.7.3-5)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.files import instances_tag
from dicomweb.multipart import Measured, Part, boundary_of, content_type, multipart
from dicomweb.negotiation import Form, frame_forms, not_acceptable, offers
from dicomweb.resources import held, path_of, scope_of
from dicomweb.services import Services, service_url
from vna.archive import Frames, HeldInstance, part_of
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


@dataclass(frozen=True, slots=True)
class FrameParts:
    """Opened frames as the parts of an answer; `location` gives the address of each by its number."""

    services: Services
    instance: HeldInstance
    frames: Frames
    media_type: str
    location: Callable[[int], str]

    def measured(self, boundary: str) -> Measured | None:
        """Measure the answer that they are; None if frames are converted, so that their sizes are not known."""
        outline = self.outline()
        return None if outline is None else Measured(outline, boundary, self.read)

    def outline(self) -> list[Part] | None:
        """Return the parts, of which no frame is read; None if their sizes are not known."""
        length = self.frames.length
        if length is None:
            return None
        return [Part(self.media_type, self.location(n), iter(()), length(n)) for n in self.frames.numbers]

    def read(self, places: range | None = None, skip: int = 0) -> Iterator[Part]:
        """Read the frames, or those at some places of the list, the first one from a byte on."""
        frames = self.frames
        if places is not None and len(places) < len(frames.numbers):
            wanted = frames.numbers[places.start : places.stop]
            frames = self.services.archive.frames(self.instance, wanted, frames.transfer_syntax)
        for one in frames:
            data = memoryview(one.data)[skip:] if skip else one.data
            yield Part(self.media_type, self.location(one.number), iter((data,)), len(one.data))
            skip = 0


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

    boundary, location = boundary_of(etag), f"{root}{path_of(scope)}/frames/"
    found = FrameParts(services, instance, frames, media_type, lambda number: f"{location}{number}")
    measured = found.measured(boundary) if len(numbers) > 1 else None
    if measured is not None:
        return measured.answer(request, headers)
    body, whole_type = multipart(found.read(), boundary), content_type(media_type, boundary)
    if len(numbers) == 1:
        return _whole(request, list(body), whole_type, headers)
    return Streamed(body, headers=headers, media_type=whole_type)


def _whole(request: Request, pieces: list[Chunk], media_type: str, headers: dict[str, str]) -> Response:
    """Answer with what lies in memory, or a range of it."""
    if "range" in request.headers:
        size = sum(map(len, pieces))
        return ranged(
            request, lambda wanted: part_of(iter(pieces), wanted), size, headers=headers, media_type=media_type
        )
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
