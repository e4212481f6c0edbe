"""Limitations over REST: `/limitations`, each at `/limitations/{number}`, its `/lift`, and `/open`: broken glass."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vna.api.exchange import Body, actor_of, json_answer, path_number, with_body
from vna.archive import Archive, HeldInstance, Limitation, Statement
from vna.errors import VnaError
from vna.media import ZipStream
from vna.model import InstanceUID, Scope, SeriesUID, StudyUID
from vna.web.problem import Problem
from vna.web.streaming import Chunk, Streamed

_ZIP: Final = "application/zip"


def routes(archive: Archive) -> list[Route]:
    """Return the routes."""
    limitations = archive.limitations

    def listed(_request: Request) -> Response:
        return json_answer([_told(archive, each) for each in limitations.standing()])

    def place(request: Request, body: Body) -> Response:
        body.only("study", "series", "instance", "reason")
        number = limitations.place(_scope(archive, body), _statement(request, body))
        return json_answer(_told(archive, limitations.find(number)), 201)

    def show(request: Request) -> Response:
        return json_answer(_told(archive, limitations.find(path_number(request))))

    def lift(request: Request, body: Body) -> Response:
        body.only("reason")
        return json_answer(_told(archive, limitations.lift(path_number(request), _statement(request, body))))

    def open_it(request: Request, body: Body) -> Response:
        body.only("reason")
        number = path_number(request)
        opened = limitations.open(limitations.find(number).scope, _statement(request, body))
        headers = {"Content-Disposition": f'attachment; filename="limitation-{number}.zip"'}
        return Streamed(_zip(archive, opened.instances), headers=headers, media_type=_ZIP)

    return [
        Route("/limitations", listed, methods=["GET"]),
        Route("/limitations", with_body(place), methods=["POST"]),
        Route("/limitations/{number:int}", show, methods=["GET"]),
        Route("/limitations/{number:int}/lift", with_body(lift), methods=["POST"]),
        Route("/limitations/{number:int}/open", with_body(open_it), methods=["POST"]),
    ]


def _scope(archive: Archive, body: Body) -> Scope:
    study, series, instance = (body.text(name, "") for name in ("study", "series", "instance"))
    if not (study or series or instance):
        raise Problem(400, "say what: study, series or instance")
    return archive.rejections.named(
        StudyUID(study) if study else None,
        SeriesUID(series) if series else None,
        InstanceUID(instance) if instance else None,
    )


def _statement(request: Request, body: Body) -> Statement:
    return Statement(actor_of(request, body), body.text("reason"))


def _told(archive: Archive, limitation: Limitation) -> dict[str, Any]:
    return {**asdict(limitation), "reason": archive.limitations.reason(limitation.number)}


def _zip(archive: Archive, instances: Sequence[HeldInstance]) -> Iterator[Chunk]:
    """Give the files of instances; one that cannot be read ends the answer, which is then cut off."""
    zipped = ZipStream()
    for held, data_set in archive.retrieve(instances, lambda held: held.transfer_syntax):
        if isinstance(data_set, VnaError):
            raise data_set
        path = f"{held.key.study}/{held.key.series}/{held.key.instance}.dcm"
        yield from zipped.member(path, data_set.file_chunks(), data_set.file_size)
    yield from zipped.end()
