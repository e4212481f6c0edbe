"""The resources of PS3.18 10.4.1: studies, series and instances as paths name them, and what is held of them."""

from types import MappingProxyType
from typing import Final

from starlette.requests import Request

from dicomweb.services import Services
from vna.archive import HeldInstance
from vna.dicom.attributes import Level, Model
from vna.dicom.matching import Matcher, SingleValue
from vna.dicom.query import Query
from vna.errors import NotFound
from vna.model import InstanceKey, InstanceUID, Scope, SeriesUID, StudyUID, View
from vna.settings import parse_uid
from vna.web.problem import Problem

STUDY: Final = "/studies/{study}"
SERIES: Final = STUDY + "/series/{series}"
INSTANCE: Final = SERIES + "/instances/{instance}"
"""Paths of routes; `scope_of` reads their parameters."""


def scope_of(request: Request) -> Scope:
    """Return what the path of a request names.

    Raises:
        Problem: 400, a UID that is none (PS3.5 9.1).
    """
    study, series, instance = (_uid(request, name) for name in ("study", "series", "instance"))
    if study is None:
        raise Problem(400, "the path names no study")
    return Scope(
        StudyUID(study),
        None if series is None else SeriesUID(series),
        None if instance is None else InstanceUID(instance),
    )


def path_of(scope: Scope) -> str:
    """Return the path of a resource below the root of the services (PS3.18 10.1)."""
    path = f"/studies/{scope.study}"
    if scope.series is not None:
        path += f"/series/{scope.series}"
    if scope.instance is not None:
        path += f"/instances/{scope.instance}"
    return path


def path_of_instance(key: InstanceKey) -> str:
    """Return the path of an instance below the root of the services."""
    return path_of(Scope(key.study, key.series, key.instance))


def held(services: Services, scope: Scope) -> list[HeldInstance]:
    """Return the instances that are served of a resource, by series and instance number; at least one.

    Raises:
        Problem: 410 for what is held but rejected, and for what was eliminated (PS3.18 8.5); 404 for what is not known,
            or nobody is to know of.
    """
    found = services.archive.instances(_query(scope, services.view))
    if found:
        return found
    if not services.archive.rejections.hides(scope):
        buried = services.archive.destruction.buried(scope)
        if buried is not None:
            text = f"{scope} was destroyed on {buried.time[:10]} by elimination {buried.elimination}"
            raise Problem(410, text, dicom_status=NotFound.status)
        raise Problem(404, f"nothing is known of {scope}", dicom_status=NotFound.status)
    raise Problem(410, f"{scope} was rejected and is not shown any more", dicom_status=NotFound.status)


def _query(scope: Scope, view: View) -> Query:
    uids = {
        "StudyInstanceUID": scope.study,
        "SeriesInstanceUID": scope.series,
        "SOPInstanceUID": scope.instance,
    }
    keys: dict[str, Matcher] = {keyword: SingleValue(uid) for keyword, uid in uids.items() if uid is not None}
    level = (Level.STUDY, Level.SERIES, Level.IMAGE)[len(keys) - 1]
    return Query(level=level, model=Model.STUDY_ROOT, keys=MappingProxyType(keys), view=view)


def _uid(request: Request, name: str) -> str | None:
    text = request.path_params.get(name)
    if text is None:
        return None
    try:
        return parse_uid(text)
    except ValueError as exc:
        raise Problem(400, f"the {name} in the path: {exc}") from exc
