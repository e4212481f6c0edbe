"""Retrieve Transaction, Rendered and Thumbnail Resources (PS3.18 10.4.1.1.3, 10.4.1.1.4): what anyone can look at.

An image of several frames shows its first one, and any frame under its own address. A presentation state shows the
images it is for. A thumbnail shows no names: nothing is written on it, and of pixels that are said to have names burned
in it is so small that nobody can read them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.bulkdata import value_answer
from dicomweb.files import instances_tag
from dicomweb.frames import frame_numbers
from dicomweb.multipart import Part, boundary_of, content_type, multipart
from dicomweb.negotiation import not_acceptable, offers
from dicomweb.rendering_parameters import viewport_of
from dicomweb.renditions import PICTURES, Frame, Rendering
from dicomweb.resources import INSTANCE, SERIES, STUDY, held, scope_of
from dicomweb.services import Services, service_url
from vna.archive import HeldInstance, Kind, Subject, document_name, representative
from vna.errors import CannotConvert, CannotUnderstand, NotFound
from vna.pixels.rendering.request import MediaType, Options, Viewport
from vna.web.conditional import not_modified, validators
from vna.web.media_types import accepted
from vna.web.ranged import whole_or_range
from vna.web.streaming import Streamed

THUMBNAIL_EDGE: Final = 128
"""Pixels of the longer edge of a thumbnail, unless another size is asked for."""

UNREADABLE_EDGE: Final = 64
"""Pixels of the longer edge in which nobody reads what is burned into an image."""

_LOOK: Final = 1
"""How pictures look: another number makes all of them new to clients and caches."""

_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def routes(services: Services) -> list[Route]:
    """Return the routes of rendered resources and of thumbnails."""
    frames = f"{INSTANCE}/frames/{{frames}}"
    answers: dict[str, Callable[[Services, Request], Response]] = {
        f"{STUDY}/rendered": several_answer,
        f"{SERIES}/rendered": several_answer,
        f"{INSTANCE}/rendered": instance_answer,
        f"{frames}/rendered": frames_answer,
        **dict.fromkeys((f"{each}/thumbnail" for each in (STUDY, SERIES, INSTANCE, frames)), thumbnail_answer),
    }

    def endpoint(answer: Callable[[Services, Request], Response]) -> Callable[[Request], Response]:
        return lambda request: answer(services, request)

    return [Route(path, endpoint(answer), methods=["GET"]) for path, answer in answers.items()]


def instance_answer(services: Services, request: Request) -> Response:
    """Answer with one instance rendered: as it is, or in parts where the client likes that better.

    Raises:
        Problem: 400 for a parameter, 406 for nothing that is accepted.
        CannotConvert: it cannot be rendered.
    """
    (instance,) = held(services, scope_of(request))
    rendering = _rendering(services, request)
    subject = services.archive.rendering.subject(instance)
    frames = rendering.frames(subject) if subject.kind in (Kind.IMAGE, Kind.STATE) else []
    if frames:
        return _pictures(request, rendering, frames)
    types = rendering.types(subject)
    if not types:
        raise CannotConvert("there is nothing in the instance that can be rendered")
    name, in_parts = rendering.chosen(types, several=False)
    if not in_parts:
        return content_answer(request, rendering, subject, name)
    return _in_parts(
        rendering.parts(subject, service_url(request), several=False), validators(_tag(request, [instance]))
    )


def content_answer(request: Request, rendering: Rendering, subject: Subject, name: str) -> Response:
    """Answer with what is no picture, in a media type that was chosen.

    Raises:
        Problem: 406 for a character set that cannot be had, 416 for a range.
        CannotConvert: the content is not there.
    """
    etag = _tag(request, [subject.held])
    if unchanged := not_modified(request, etag):
        return unchanged
    if subject.kind is not Kind.REPORT:
        return value_answer(request, rendering.enclosed(subject), name, validators(etag))
    media_type, text = rendering.text(subject, name)
    headers = {"Content-Security-Policy": _PAGE_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return whole_or_range(request, text, headers=validators(etag) | headers, media_type=media_type)


def frames_answer(services: Services, request: Request) -> Response:
    """Answer with frames rendered: several in parts.

    Raises:
        Problem: 400, 406.
        NotFound: there are not so many frames.
        CannotConvert: they cannot be rendered.
    """
    (instance,) = held(services, scope_of(request))
    numbers = frame_numbers(request.path_params["frames"])
    subject = services.archive.rendering.subject(instance)
    _check_frames(subject, numbers)
    frames = [Frame(subject, number) for number in numbers]
    return _pictures(request, _rendering(services, request), frames)


def several_answer(services: Services, request: Request) -> Response:
    """Answer with all instances of a study or series that the client can be given, a part each.

    Raises:
        Problem: 400, 406.
    """
    instances = held(services, scope_of(request))
    rendering, root = _rendering(services, request), service_url(request)
    rendering.options(PICTURES[0])  # what is wrong with a parameter is told now
    etag = _tag(request, instances)
    if unchanged := not_modified(request, etag):
        return unchanged

    def parts() -> Iterator[Part]:
        for each in instances:
            yield from rendering.parts(services.archive.rendering.subject(each), root, several=True)

    return _in_parts(parts(), validators(etag))


def thumbnail_answer(services: Services, request: Request) -> Response:
    """Answer with a small picture that stands for a resource; what has none to show is named on a tile.

    Raises:
        Problem: 400, 406.
        NotFound: there is no such frame.
    """
    instances = held(services, scope_of(request))
    rendering = _rendering(services, request)
    name, _ = rendering.chosen(PICTURES, several=False)
    viewport = viewport_of(request.query_params, regions=False) or Viewport(THUMBNAIL_EDGE, THUMBNAIL_EDGE)
    options = Options(MediaType(name), viewport=viewport)
    instance = representative(instances)
    etag = _tag(request, [instance])
    if unchanged := not_modified(request, etag):
        return unchanged
    number = 0
    if "frames" in request.path_params:
        number = frame_numbers(request.path_params["frames"])[0]
        _check_frames(services.archive.rendering.subject(instance), [number])
    kept = document_name(("thumbnail", _LOOK, instance.version_id, instance.digest, number, options))
    picture = services.archive.derived.document(
        kept, lambda: _thumbnail(services, rendering, instance, (number, options))
    )
    return whole_or_range(request, picture, headers=validators(etag), media_type=name)


def _thumbnail(services: Services, rendering: Rendering, instance: HeldInstance, look: tuple[int, Options]) -> bytes:
    """Return the picture of a frame, of the middle one for number 0; a tile if there is none."""
    number, options = look
    renderer = services.archive.rendering
    word = "?"
    try:
        subject = renderer.subject(instance)
        word = subject.word
        if subject.kind not in (Kind.IMAGE, Kind.STATE):
            return renderer.tile(word, options)
        frame = rendering.frames(subject)[0]
        if subject.kind is Kind.IMAGE:
            frame = Frame(subject, number or (subject.frames + 1) // 2)
        return rendering.picture(frame, _unreadable(options) if frame.subject.is_burned_in else options)
    except (CannotConvert, CannotUnderstand, NotFound):
        return renderer.tile(word, options)


def _unreadable(options: Options) -> Options:
    viewport = options.viewport or Viewport(UNREADABLE_EDGE, UNREADABLE_EDGE)
    smaller = Viewport(min(viewport.width, UNREADABLE_EDGE), min(viewport.height, UNREADABLE_EDGE))
    return replace(options, viewport=smaller)


def _pictures(request: Request, rendering: Rendering, frames: Sequence[Frame]) -> Response:
    name, in_parts = rendering.chosen(PICTURES, several=len(frames) > 1)
    options = rendering.options(name)
    if not in_parts:
        return frame_answer(request, rendering, frames[0], options)
    etag = _frames_tag(request, frames)
    if unchanged := not_modified(request, etag):
        return unchanged
    return _in_parts(rendering.pictures(frames, name, service_url(request)), validators(etag))


def frame_answer(request: Request, rendering: Rendering, frame: Frame, options: Options) -> Response:
    """Answer with one picture.

    Raises:
        Problem: 400, a region that is not in the picture.
        NotFound, CannotConvert, Damaged: as `Renderer.picture`.
    """
    etag = _frames_tag(request, [frame])
    if unchanged := not_modified(request, etag):
        return unchanged
    picture = rendering.picture(frame, options)
    return whole_or_range(request, picture, headers=validators(etag), media_type=str(options.media_type))


def _frames_tag(request: Request, frames: Sequence[Frame]) -> str:
    versions = [each.held for frame in frames for each in (frame.subject, frame.state) if each is not None]
    return _tag(request, versions)


def _in_parts(parts: Iterator[Part], headers: dict[str, str]) -> Response:
    """Answer with parts, of which the first is made before anything is said."""
    first = next(parts, None)
    if first is None:
        raise not_acceptable("nothing of this")
    boundary = boundary_of(headers["ETag"])
    body = multipart(chain((first,), parts), boundary)
    return Streamed(body, headers=headers, media_type=content_type(first.media_type, boundary))


def _rendering(services: Services, request: Request) -> Rendering:
    return Rendering(services, offers(accepted(request)), request.query_params)


def _check_frames(subject: Subject, numbers: Sequence[int]) -> None:
    """See that an image has these frames.

    Raises:
        NotFound: one is not there.
        CannotConvert: it is no image.
    """
    if subject.kind is not Kind.IMAGE:
        raise CannotConvert("the instance has no frames that can be rendered")
    if max(numbers) > subject.frames:
        raise NotFound(f"there is no frame {max(numbers)}, the instance has {subject.frames}")


def _tag(request: Request, instances: Sequence[HeldInstance]) -> str:
    """Return the ETag of a rendered resource: of the versions it shows, and all that the client asks for."""
    asked = request.url.path, request.url.query, request.headers.get("accept", "")
    return instances_tag(instances, "rendered", _LOOK, *asked)
