"""The URI service (WADO-URI, PS3.18 chapter 9): one instance, all of it named by query parameters.

Instances come as files or rendered. Nothing is anonymized here: who asks for that is refused, never served as it is.
"""

from functools import partial
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomweb.files import file_answer
from dicomweb.negotiation import Offer, instance_syntaxes, not_acceptable
from dicomweb.resources import held
from dicomweb.services import Services
from dicomweb.uri_rendered import rendered_by_uri
from vna.model import InstanceUID, Scope, SeriesUID, StudyUID
from vna.settings import parse_uid
from vna.web.media_types import MediaType
from vna.web.problem import Problem

PATH: Final = "/wado"
_REQUEST_TYPE: Final = "WADO"


def routes(services: Services) -> list[Route]:
    """Return the route of this service."""
    return [Route(PATH, partial(_retrieve, services), methods=["GET"])]


def _retrieve(services: Services, request: Request) -> Response:
    """Answer with an instance.

    Raises:
        Problem: 400 for a parameter, 404 and 410 for the instance, 406 for a form it cannot be given in.
    """
    parameters = request.query_params
    if parameters.get("requestType") != _REQUEST_TYPE:
        raise Problem(400, f"requestType is to be {_REQUEST_TYPE}")
    if parameters.get("anonymize", "no") != "no":
        raise Problem(400, "this node does not anonymize")
    (instance,) = held(services, _scope(parameters))
    rendered = rendered_by_uri(services, request, instance)
    if rendered is not None:
        return rendered
    asked = parameters.get("transferSyntax", "")
    wanted = Offer(MediaType("application/dicom"), asked, multipart=False)
    syntaxes = instance_syntaxes([wanted], instance.transfer_syntax)
    if not syntaxes:
        raise not_acceptable("the instance")
    return file_answer(request, services, instance, syntaxes)


def _scope(parameters: QueryParams) -> Scope:
    study, series, instance = (_uid(parameters, name) for name in ("studyUID", "seriesUID", "objectUID"))
    return Scope(StudyUID(study), SeriesUID(series), InstanceUID(instance))


def _uid(parameters: QueryParams, name: str) -> str:
    try:
        return parse_uid(parameters.get(name, ""))
    except ValueError as exc:
        raise Problem(400, f"{name}: {exc}") from exc
