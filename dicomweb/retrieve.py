"""WADO-RS: studies, series and instances as they are or in another transfer syntax, one by one or as ZIP (PS3.18 10.4).

What a client takes decides the container, and of each instance by itself its transfer syntax. Instances that cannot be
given so are left out, and the answer says that it is partial (206, Warning); an answer of none is 406. What turns out
to be damaged, or not to convert, when the first bytes are on their way already ends the connection.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.bulkdata import every_value
from dicomweb.files import Chosen, file_answer, file_type
from dicomweb.frames import frames_answer
from dicomweb.multipart import Measured, Part, boundary_of, content_type, multipart
from dicomweb.negotiation import ANY, DICOM, OCTETS, ZIP, Offer, instance_syntaxes, not_acceptable, offers
from dicomweb.resources import INSTANCE, SERIES, STUDY, held, path_of_instance, scope_of
from dicomweb.services import Services, service_url
from dicomweb.zipped import zip_answer
from vna.archive import DataSet, HeldInstance
from vna.model import Scope
from vna.web.conditional import not_modified
from vna.web.media_types import accepted
from vna.web.pieces import gathered
from vna.web.streaming import Streamed

Answer = Callable[[Request, Services, Chosen], Response]


def routes(services: Services) -> list[Route]:
    """Return the routes of this service."""
    retrieve = partial(_retrieve, services)
    return [
        Route(STUDY, retrieve, methods=["GET"]),
        Route(SERIES, retrieve, methods=["GET"]),
        Route(INSTANCE, retrieve, methods=["GET"]),
        Route(INSTANCE + "/frames/{frames}", partial(frames_answer, services), methods=["GET"]),
    ]


def _retrieve(services: Services, request: Request) -> Response:
    scope = scope_of(request)
    instances = held(services, scope)
    types = accepted(request)
    named = offers([each for each in types if not each.q and "*" not in each.name])
    refused = {_answer_of(offer, scope) for offer in named if not offer.transfer_syntax}
    answers = [(offer, _answer_of(offer, scope)) for offer in offers(types) if offer.q]
    for answer in dict.fromkeys(answer for _, answer in answers if answer is not None and answer not in refused):
        liked = [offer for offer, other in answers if other is answer]
        chosen = _chosen(services, instances, liked, as_it_is=answer is zip_answer)
        if chosen.given or answer is _values:
            return answer(request, services, chosen)
    raise not_acceptable("what is held of this resource")


def _answer_of(offer: Offer, scope: Scope) -> Answer | None:
    """Return what gives the answer that an offer is about, None if there is no such answer."""
    if offer.multipart:
        return _multipart if offer.media_type.covers(DICOM) else _values if offer.media_type.name == OCTETS else None
    if offer.media_type.covers(DICOM) and scope.instance is not None:
        return _single
    return zip_answer if offer.media_type.covers(ZIP) else None


def _chosen(
    services: Services, instances: Sequence[HeldInstance], wanted: Sequence[Offer], *, as_it_is: bool
) -> Chosen:
    """Choose the transfer syntaxes of each instance; `as_it_is` gives every one as stored to whom names none."""
    named = all(offer.transfer_syntax not in ("", ANY) for offer in wanted)

    def syntaxes_of(one: HeldInstance) -> Sequence[str]:
        stored = one.transfer_syntax
        return [stored] if as_it_is and not named else instance_syntaxes(wanted, stored)

    possible = services.archive.possible(instances, syntaxes_of)
    return Chosen([one for one in instances if possible[one.version_id]], possible, len(instances))


def _single(request: Request, services: Services, chosen: Chosen) -> Response:
    (one,) = chosen.given
    return file_answer(request, services, one, chosen.syntaxes[one.version_id])


def _values(request: Request, services: Services, _chosen: Chosen) -> Response:
    """Answer with the bulk values of what is asked for, instead of instances (PS3.18 10.4.1.1.5)."""
    return every_value(services, request, all_values=True)


def _multipart(request: Request, services: Services, chosen: Chosen) -> Response:
    root = service_url(request)
    etag = chosen.tag(DICOM, root)
    if unchanged := not_modified(request, etag):
        return unchanged
    boundary, headers = boundary_of(etag), chosen.headers(root, etag)
    measured = _measured(request, services, chosen, boundary)
    if measured is not None:
        return measured.answer(request, headers)
    parts = (_part(root, *each) for each in chosen.data_sets(services))
    first = next(parts)
    if chosen.is_measurable:
        headers["Accept-Ranges"] = "bytes"
    chunks, media_type = gathered(multipart(chain([first], parts), boundary)), content_type(first.media_type, boundary)
    return Streamed(chunks, status_code=chosen.status, headers=headers, media_type=media_type)


def _measured(request: Request, services: Services, chosen: Chosen, boundary: str) -> Measured | None:
    """Measure an answer, if that costs little or a range of it is asked for; None if not, or its size is not known.

    Of one that lacks instances no range is given: its status is 206 for another reason.
    """
    root = service_url(request)
    if chosen.of == 1:
        ((one, data_set),) = chosen.data_sets(services)
        outline = [_part(root, one, data_set)]
        known = data_set.file_size is not None
        return Measured(outline, boundary, lambda _, skip: iter((_part(root, one, data_set, skip),))) if known else None
    if not chosen.is_measurable or not (chosen.as_stored or "range" in request.headers):
        return None
    outline = [_part(root, *each) for each in chosen.outline(services)]

    def read(numbers: range, skip: int) -> Iterator[Part]:
        for one, data_set in chosen.data_sets(services, numbers):
            yield _part(root, one, data_set, skip)
            skip = 0

    return Measured(outline, boundary, read)


def _part(root: str, one: HeldInstance, data_set: DataSet, skip: int = 0) -> Part:
    location = root + path_of_instance(one.key)
    return Part(file_type(data_set), location, data_set.file_chunks(skip), data_set.file_size)
